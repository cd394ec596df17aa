#include "cc/kernels/conv_relu_pool_reference.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cc/kernels/conv_relu_pool.h"

namespace lenet::kernels {
namespace {

// Calls term(output, weight, input), three indices, for each product of the
// convolution of one image.
template <class Term>
void ForEachTerm(const ConvReluPoolShape& s, const Term& term) {
  const int height = s.in_height - kConvKernel + 1;
  const int width = s.in_width - kConvKernel + 1;
  for (int oc = 0; oc < s.out_channels; ++oc) {
    for (int row = 0; row < height; ++row) {
      for (int column = 0; column < width; ++column) {
        const int output = (oc * height + row) * width + column;
        for (int ic = 0; ic < s.in_channels; ++ic) {
          for (int ky = 0; ky < kConvKernel; ++ky) {
            for (int kx = 0; kx < kConvKernel; ++kx) {
              const int weight =
                  ((oc * s.in_channels + ic) * kConvKernel + ky) * kConvKernel +
                  kx;
              const int input =
                  (ic * s.in_height + row + ky) * s.in_width + column + kx;
              term(output, weight, input);
            }
          }
        }
      }
    }
  }
}

// Calls window(pooled, place, output) for the four places of each window of one
// image; place 0..3, the others are indices.
template <class Window>
void ForEachPlace(const ConvReluPoolShape& s, const Window& window) {
  const int height = s.in_height - kConvKernel + 1;
  const int width = s.in_width - kConvKernel + 1;
  for (int oc = 0; oc < s.out_channels; ++oc) {
    for (int row = 0; row < s.out_height(); ++row) {
      for (int column = 0; column < s.out_width(); ++column) {
        for (int place = 0; place < kPool * kPool; ++place) {
          window((oc * s.out_height() + row) * s.out_width() + column, place,
                 (oc * height + row * kPool + place / kPool) * width +
                     column * kPool + place % kPool);
        }
      }
    }
  }
}

size_t SumsSize(const ConvReluPoolShape& s) {
  return static_cast<size_t>(s.out_channels) *
         static_cast<size_t>(s.in_height - kConvKernel + 1) *
         static_cast<size_t>(s.in_width - kConvKernel + 1);
}

}  // namespace

void ConvReluPoolForwardReference(const ConvReluPoolShape& shape,
                                  const double* weights, int images,
                                  const double* x, double* sums, double* y,
                                  uint8_t* argmax) {
  for (int i = 0; i < images; ++i) {
    std::fill_n(sums, SumsSize(shape), 0.0);
    ForEachTerm(shape, [&](int output, int weight, int input) {
      sums[output] += weights[weight] * x[input];
    });
    ForEachPlace(shape, [&](int pooled, int place, int output) {
      const double relu = sums[output] > 0 ? sums[output] : 0.0;
      if (place == 0 || relu > y[pooled]) {
        y[pooled] = relu;
        argmax[pooled] = static_cast<uint8_t>(place);
      }
    });
    x += shape.in_size();
    sums += SumsSize(shape);
    y += shape.out_size();
    argmax += shape.out_size();
  }
}

void ConvReluPoolBackwardReference(const ConvReluPoolShape& shape,
                                   const double* weights, int images,
                                   const double* x, const double* y,
                                   const uint8_t* argmax, const double* dy,
                                   double* dx, double* dw) {
  std::fill_n(dw, shape.weight_size(), 0.0);
  std::fill_n(dx, static_cast<size_t>(images) * shape.in_size(), 0.0);
  for (int i = 0; i < images; ++i) {
    std::vector<double> gradients(SumsSize(shape), 0.0);
    ForEachPlace(shape, [&](int pooled, int place, int output) {
      if (place == argmax[pooled] && y[pooled] > 0) {
        gradients[static_cast<size_t>(output)] = dy[pooled];
      }
    });
    ForEachTerm(shape, [&](int output, int weight, int input) {
      const double gradient = gradients[static_cast<size_t>(output)];
      dw[weight] += gradient * x[input];
      dx[input] += gradient * weights[weight];
    });
    x += shape.in_size();
    y += shape.out_size();
    argmax += shape.out_size();
    dy += shape.out_size();
    dx += shape.in_size();
  }
}

}  // namespace lenet::kernels

#include "cc/kernels/conv_relu_pool_dense.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/conv_relu_pool_sizes.h"

namespace lenet::kernels {
namespace {

// The gradient of one channel of the convolution's output.
void Unpool(const ConvReluPoolSizes& s, const float* y, const uint8_t* argmax,
            const float* dy, float* gradients) {
  const size_t height = s.in_height - kConvKernel + 1;
  const size_t width = s.in_width - kConvKernel + 1;
  std::fill_n(gradients, height * width, 0.0f);
  for (size_t i = 0; i < s.windows(); ++i) {
    if (!(y[i] > 0.0f)) continue;
    const size_t row = i / s.out_width * 2 + argmax[i] / 2u;
    const size_t column = i % s.out_width * 2 + argmax[i] % 2u;
    gradients[row * width + column] = dy[i];
  }
}

}  // namespace

void DenseGradients(const ConvReluPoolShape& shape, const float* weights,
                    const float* x, const float* y, const uint8_t* argmax,
                    const float* dy, float* gradients, float* dx, float* dw,
                    size_t dw_row_size) {
  const ConvReluPoolSizes s(shape);
  const size_t height = s.in_height - kConvKernel + 1;
  const size_t width = s.in_width - kConvKernel + 1;
  if (dx != nullptr) std::fill_n(dx, shape.in_size(), 0.0f);
  for (size_t oc = 0; oc < s.out_channels; ++oc) {
    const size_t out = oc * s.windows();
    Unpool(s, y + out, argmax + out, dy + out, gradients);
    for (size_t k = 0; k < s.taps(); ++k) {
      const size_t ic = k / kTaps;
      const size_t ky = k % kTaps / kConvKernel;
      const size_t kx = k % kConvKernel;
      const float w = weights[oc * s.taps() + k];
      float sum = 0.0f;
      for (size_t i = 0; i < height * width; ++i) {
        const size_t in =
            ic * s.pixels() + (i / width + ky) * s.in_width + i % width + kx;
        sum += gradients[i] * x[in];
        if (dx != nullptr) dx[in] += gradients[i] * w;
      }
      dw[(oc * kConvKernel + ky) * dw_row_size + kx * s.in_channels + ic] +=
          sum;
    }
  }
}

}  // namespace lenet::kernels

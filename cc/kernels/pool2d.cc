#include "cc/kernels/pool2d.h"

#include <algorithm>

namespace lenet::kernels {
namespace {

// Elements [begin, end) of the input covered by output `index`.
struct Range {
  Range(const WindowAxis& axis, int index)
      : begin(std::max(0, index * axis.stride - axis.pad_before)),
        end(std::min(axis.in,
                     index * axis.stride - axis.pad_before + axis.kernel)) {}

  int begin;
  int end;
};

// Computes maxima, or means without kMaximum.
template <bool kMaximum>
void Pool(const Window& window, size_t planes, const float* x, float* y) {
  const int width = window.width.in;
  for (size_t plane = 0; plane < planes; ++plane, x += window.in_size()) {
    for (int i = 0; i < window.height.out(); ++i) {
      const Range rows(window.height, i);
      for (int j = 0; j < window.width.out(); ++j) {
        const Range columns(window.width, j);
        float result = kMaximum ? x[rows.begin * width + columns.begin] : 0.0f;
        for (int row = rows.begin; row < rows.end; ++row) {
          for (int column = columns.begin; column < columns.end; ++column) {
            const float value = x[row * width + column];
            if (!kMaximum) result += value;
            if (kMaximum && value > result) result = value;
          }
        }
        if (!kMaximum) {
          result /= static_cast<float>((rows.end - rows.begin) *
                                       (columns.end - columns.begin));
        }
        *y++ = result;
      }
    }
  }
}

}  // namespace

void MaxPool2d(const Window& window, size_t planes, const float* x, float* y) {
  Pool<true>(window, planes, x, y);
}

void AveragePool2d(const Window& window, size_t planes, const float* x,
                   float* y) {
  Pool<false>(window, planes, x, y);
}

}  // namespace lenet::kernels

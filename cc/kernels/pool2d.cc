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

template <typename Reduce>
void Pool(const Window& window, size_t planes, const float* x, float* y,
          Reduce reduce) {
  const int columns = window.width.out();
  for (size_t plane = 0; plane < planes; ++plane, x += window.in_size()) {
    for (int row = 0; row < window.height.out(); ++row) {
      const Range rows(window.height, row);
      for (int column = 0; column < columns; ++column) {
        *y++ = reduce(x, window.width.in, rows, Range(window.width, column));
      }
    }
  }
}

float Maximum(const float* x, int width, const Range& rows,
              const Range& columns) {
  float result = x[rows.begin * width + columns.begin];
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) {
      const float value = x[row * width + column];
      if (value > result) result = value;
    }
  }
  return result;
}

float Mean(const float* x, int width, const Range& rows, const Range& columns) {
  float sum = 0.0f;
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) {
      sum += x[row * width + column];
    }
  }
  return sum / static_cast<float>((rows.end - rows.begin) *
                                  (columns.end - columns.begin));
}

}  // namespace

void MaxPool2d(const Window& window, size_t planes, const float* x, float* y) {
  Pool(window, planes, x, y, Maximum);
}

void AveragePool2d(const Window& window, size_t planes, const float* x,
                   float* y) {
  Pool(window, planes, x, y, Mean);
}

}  // namespace lenet::kernels

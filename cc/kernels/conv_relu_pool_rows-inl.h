// Layouts of ConvReluPoolBackward.

// Once for each target.
#if defined(CC_KERNELS_CONV_RELU_POOL_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CC_KERNELS_CONV_RELU_POOL_ROWS_INL_H_
#undef CC_KERNELS_CONV_RELU_POOL_ROWS_INL_H_
#else
#define CC_KERNELS_CONV_RELU_POOL_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "cc/kernels/conv_relu_pool_sizes.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR
// to[c * to_stride + r] = from[r * from_stride + c] for 4x4.
HWY_INLINE void Transpose4x4(const float* from, size_t from_stride, float* to,
                             size_t to_stride) {
  const hn::CappedTag<float, 4> d;
  const auto r0 = hn::LoadU(d, from);
  const auto r1 = hn::LoadU(d, from + from_stride);
  const auto r2 = hn::LoadU(d, from + 2 * from_stride);
  const auto r3 = hn::LoadU(d, from + 3 * from_stride);
  const auto lower01 = hn::InterleaveLower(d, r0, r1);
  const auto upper01 = hn::InterleaveUpper(d, r0, r1);
  const auto lower23 = hn::InterleaveLower(d, r2, r3);
  const auto upper23 = hn::InterleaveUpper(d, r2, r3);
  hn::StoreU(hn::ConcatLowerLower(d, lower23, lower01), d, to);
  hn::StoreU(hn::ConcatUpperUpper(d, lower23, lower01), d, to + to_stride);
  hn::StoreU(hn::ConcatLowerLower(d, upper23, upper01), d, to + 2 * to_stride);
  hn::StoreU(hn::ConcatUpperUpper(d, upper23, upper01), d, to + 3 * to_stride);
}
#endif

// to[columns, rows] = transpose of from[rows, columns].
void Transpose(const float* from, size_t rows, size_t columns, float* to) {
  if (rows == 1 || columns == 1) {
    std::copy_n(from, rows * columns, to);
    return;
  }
#if HWY_TARGET != HWY_SCALAR
  if (rows >= 4 && columns >= 4) {
    // The last blocks repeat some of those before them.
    for (size_t i = 0; i < columns; i += 4) {
      const size_t c = std::min(i, columns - 4);
      for (size_t j = 0; j < rows; j += 4) {
        const size_t r = std::min(j, rows - 4);
        Transpose4x4(from + r * columns + c, columns, to + c * rows + r, rows);
      }
    }
    return;
  }
#endif
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      to[c * rows + r] = from[r * columns + c];
    }
  }
}

// For each channel in turn: its 25 taps [25, in_channels] in `taps`, its rows
// in `rows`.
void PackRows(const ConvReluPoolSizes& s, const float* weights, size_t row_size,
              float* taps, float* rows) {
  const size_t used = kConvKernel * s.in_channels;
  std::fill_n(rows, (s.out_channels * (kConvKernel + 1) + 1) * row_size, 0.0f);
  for (size_t oc = 0; oc < s.out_channels; ++oc) {
    Transpose(weights + oc * s.taps(), s.in_channels, kTaps, taps);
    rows += row_size;
    for (size_t row = 0; row < kConvKernel; ++row) {
      std::copy_n(taps + row * used, used, rows);
      rows += row_size;
    }
  }
}

void UnpackRows(const ConvReluPoolSizes& s, const float* rows, size_t row_size,
                float* taps, float* weights) {
  const size_t used = kConvKernel * s.in_channels;
  for (size_t oc = 0; oc < s.out_channels; ++oc) {
    for (size_t row = 0; row < kConvKernel; ++row) {
      std::copy_n(rows, used, taps + row * used);
      rows += row_size;
    }
    Transpose(taps, kTaps, s.in_channels, weights + oc * s.taps());
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#endif  // CC_KERNELS_CONV_RELU_POOL_ROWS_INL_H_

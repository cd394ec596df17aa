// The layout of the input that ConvReluPoolForward uses where its lanes are
// windows.

// Once for each target.
#if defined(CC_KERNELS_CONV_RELU_POOL_PLANES_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef CC_KERNELS_CONV_RELU_POOL_PLANES_INL_H_
#undef CC_KERNELS_CONV_RELU_POOL_PLANES_INL_H_
#else
#define CC_KERNELS_CONV_RELU_POOL_PLANES_INL_H_
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

// Column c (0..5) of the patches of all windows, side by side, for even and
// for odd rows of the input: [in_channels][parity][c][out_height +
// 2][out_width]. The patches of neighbouring windows are then neighbours at
// each of their places, from row to row as well.
struct Planes {
  explicit Planes(const ConvReluPoolSizes& s)
      : plane((s.out_height + 2) * s.out_width), channel(2 * kPatch * plane) {}
  size_t plane;
  size_t channel;
};

template <size_t kMaxLanes>
void SplitRow(const float* row, size_t out_width, size_t plane, float* to) {
  const hn::CappedTag<float, kMaxLanes> d;
  const size_t n = hn::Lanes(d);
  if (kMaxLanes > 1 && out_width < n) {
    return SplitRow<(kMaxLanes + 1) / 2>(row, out_width, plane, to);
  }
  for (size_t i = 0; i < out_width; i += n) {
    i = std::min(i, out_width - n);
    HWY_UNROLL(3)
    for (size_t column = 0; column < kPatch; column += 2) {
      hn::Vec<decltype(d)> even, odd;
      hn::LoadInterleaved2(d, row + column + 2 * i, even, odd);
      hn::StoreU(even, d, to + column * plane + i);
      hn::StoreU(odd, d, to + (column + 1) * plane + i);
    }
  }
}

// Rows `first` to `last` of all channels.
void SplitRows(const ConvReluPoolSizes& s, const float* x, size_t first,
               size_t last, float* planes) {
  const Planes p(s);
  for (size_t ic = 0; ic < s.in_channels; ++ic) {
    for (size_t row = first; row < last; ++row) {
      SplitRow<8>(x + (ic * s.in_height + row) * s.in_width, s.out_width,
                  p.plane,
                  planes + ic * p.channel + row % 2 * kPatch * p.plane +
                      row / 2 * s.out_width);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#endif  // CC_KERNELS_CONV_RELU_POOL_PLANES_INL_H_

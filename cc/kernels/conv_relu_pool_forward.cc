#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/conv_relu_pool_forward.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "cc/kernels/conv_channels-inl.h"
#include "cc/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

// Distance from the input of the first tap of a channel to that of each tap.
using Offsets = std::array<size_t, kTaps>;

// Lanes hold output channels or windows, whichever wastes fewer lanes.
bool LanesAreChannels(const Shape& s) {
  // ForwardChannels reads whole vectors of each row of a patch.
  if (s.in_size() < (kPatch - 1) * s.in_width + kLanes) return false;
  const size_t channels = RoundUp(s.out_channels, kLanes);
  const size_t windows = RoundUp(s.windows(), kLanes);
  return s.out_channels * windows > s.windows() * channels;
}

// Layout of the input: column c (0..5) of the patches of all windows, for even
// and for odd rows: [in_channels][parity][c][out_height + 2][out_width]. At
// each position, the patches of neighbouring windows are neighbours.
struct Planes {
  explicit Planes(const Shape& s)
      : plane((s.out_height() + 2) * s.out_width()),
        channel(2 * kPatch * plane) {}
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

// Splits rows `first` to `last` of all channels into planes.
void SplitRows(const Shape& s, const float* x, size_t first, size_t last,
               float* planes) {
  const Planes p(s);
  for (size_t ic = 0; ic < s.in_channels; ++ic) {
    for (size_t row = first; row < last; ++row) {
      SplitRow<8>(x + (ic * s.in_height + row) * s.in_width, s.out_width(),
                  p.plane,
                  planes + ic * p.channel + row % 2 * kPatch * p.plane +
                      row / 2 * s.out_width());
    }
  }
}

// Returns the number of channels in the next tile.
size_t TileChannels(size_t left) { return left >= 6 ? 6 : left >= 3 ? 3 : 1; }

// Packs weights tile by tile into [in_channels, 5, 5][channel].
void PackForWindows(const Shape& s, const float* weights, float* packed) {
  for (size_t oc = 0; oc < s.out_channels;) {
    const size_t channels = TileChannels(s.out_channels - oc);
    for (size_t k = 0; k < s.taps(); ++k) {
      for (size_t c = 0; c < channels; ++c) {
        *packed++ = weights[(oc + c) * s.taps() + k];
      }
    }
    oc += channels;
  }
}

// Computes the upper or the lower two places of kLanes windows. x: plane 0 at
// the first window.
template <size_t kChannels>
HWY_INLINE void SumPlaces(const Shape& s, const Offsets& offsets,
                          const float* x, const float* w,
                          V (&sums)[kChannels][2]) {
  const D d;
  const Planes p(s);
  Clear(d, sums);
  for (size_t ic = 0; ic < s.in_channels; ++ic) {
    for (const size_t offset : offsets) {
      AddOuterProduct([&](size_t c) HWY_ATTR { return hn::Set(d, w[c]); },
                      [&](size_t place) HWY_ATTR {
                        return hn::LoadU(d, x + offset + place * p.plane);
                      },
                      sums);
      w += kChannels;
    }
    x += p.channel;
  }
}

HWY_INLINE void StoreWindows(const Pooled& pooled, size_t windows, float* y,
                             uint8_t* argmax) {
  if (HWY_UNLIKELY(windows < kLanes)) {
    HWY_ALIGN float values[kLanes];
    HWY_ALIGN int32_t indices[kLanes];
    hn::Store(pooled.value, D(), values);
    hn::Store(pooled.index, DI(), indices);
    std::copy_n(values, windows, y);
    if (argmax != nullptr) std::copy_n(indices, windows, argmax);
    return;
  }
  hn::StoreU(pooled.value, D(), y);
  if (argmax == nullptr) return;
  const hn::Rebind<uint8_t, D> d8;
  hn::StoreU(hn::DemoteTo(d8, pooled.index), d8, argmax);
}

// Computes kLanes windows of kChannels channels. y, argmax: at the first window
// and channel. The maxima of the upper places wait in memory, because registers
// hold the sums.
template <size_t kChannels>
void ForwardWindows(const Shape& s, const std::array<Offsets, 2>& offsets,
                    const float* x, const float* w, float* y, uint8_t* argmax) {
  const D d;
  const DI di;
  HWY_ALIGN float values[kChannels * kLanes];
  HWY_ALIGN int32_t indices[kChannels * kLanes];
  V sums[kChannels][2];
  SumPlaces<kChannels>(s, offsets[0], x, w, sums);
  HWY_UNROLL(6)
  for (size_t c = 0; c < kChannels; ++c) {
    Pooled pooled = {hn::Zero(d), hn::Zero(di)};
    TakeGreater(sums[c][0], 0, pooled);
    TakeGreater(sums[c][1], 1, pooled);
    hn::Store(pooled.value, d, values + c * kLanes);
    hn::Store(pooled.index, di, indices + c * kLanes);
  }
  SumPlaces<kChannels>(s, offsets[1], x, w, sums);
  const size_t windows = s.windows();
  HWY_UNROLL(6)
  for (size_t c = 0; c < kChannels; ++c) {
    Pooled pooled = {hn::Load(d, values + c * kLanes),
                     hn::Load(di, indices + c * kLanes)};
    TakeGreater(sums[c][0], 2, pooled);
    TakeGreater(sums[c][1], 3, pooled);
    StoreWindows(pooled, windows, y, argmax);
    y += windows;
    if (argmax != nullptr) argmax += windows;
  }
}

void ForwardWindowsOfImage(const Shape& s, const float* packed, const float* x,
                           float* y, uint8_t* argmax, float* planes) {
  const Planes p(s);
  std::array<Offsets, 2> offsets;  // for the upper and the lower places
  for (size_t tap = 0; tap < 2 * kTaps; ++tap) {
    const size_t ky = tap / kTaps + tap % kTaps / kConvKernel;
    offsets[tap / kTaps][tap % kTaps] =
        (ky % 2 * kPatch + tap % kConvKernel) * p.plane +
        ky / 2 * s.out_width();
  }
  const size_t windows = s.windows();
  size_t split = 0;
  // Read, but not used, if a vector is longer than all windows.
  std::fill_n(planes + s.in_channels * p.channel, kLanes, 0.0f);
  for (size_t i = 0; i < windows; i += kLanes) {
    const size_t first = windows < kLanes ? 0 : std::min(i, windows - kLanes);
    // Rows are split just before use, which is faster than all at once.
    const size_t last = std::min(first + kLanes - 1, windows - 1);
    const size_t needed = last / s.out_width() * 2 + kPatch;
    SplitRows(s, x, split, needed, planes);
    split = needed;
    for (size_t oc = 0; oc < s.out_channels;) {
      const size_t channels = TileChannels(s.out_channels - oc);
      const auto forward = channels == 6   ? &ForwardWindows<6>
                           : channels == 3 ? &ForwardWindows<3>
                                           : &ForwardWindows<1>;
      const size_t at = oc * windows + first;
      forward(s, offsets, planes + first, packed + oc * s.taps(), y + at,
              argmax == nullptr ? nullptr : argmax + at);
      oc += channels;
    }
  }
}

// ---- Entry points

// Large enough for both layouts.
size_t PackedSize(const Shape& s) {
  return RoundUp(s.out_channels, kLanes) * s.in_channels * kPatch * kConvKernel;
}

void Pack(const Shape& s, const float* weights, float* packed) {
  (LanesAreChannels(s) ? PackForChannels : PackForWindows)(s, weights, packed);
}

size_t ForwardScratch(const Shape& s) {
  return LanesAreChannels(s)
             ? kLanes + RowsSize(s) + SumsSize(s) + 2 * MaximaSize(s)
             : s.in_channels * Planes(s).channel + kLanes;
}

void Forward(const Shape& s, const float* packed, int images, const float* x,
             float* y, uint8_t* argmax, float* scratch) {
  const auto forward =
      LanesAreChannels(s) ? &ForwardChannels : &ForwardWindowsOfImage;
  for (int i = 0; i < images; ++i) {
    forward(s, packed, x, y, argmax, scratch);
    x += s.in_size();
    y += s.out_size();
    if (argmax != nullptr) argmax += s.out_size();
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {

HWY_EXPORT(PackedSize);
HWY_EXPORT(Pack);
HWY_EXPORT(ForwardScratch);
HWY_EXPORT(Forward);

size_t PackedConvWeightsSize(const ConvReluPoolShape& shape) {
  return HWY_DYNAMIC_DISPATCH(PackedSize)(shape);
}

void PackConvWeights(const ConvReluPoolShape& shape, const float* weights,
                     float* packed) {
  HWY_DYNAMIC_DISPATCH(Pack)(shape, weights, packed);
}

size_t ConvReluPoolForwardScratchSize(const ConvReluPoolShape& shape) {
  return HWY_DYNAMIC_DISPATCH(ForwardScratch)(shape);
}

void ConvReluPoolForward(const ConvReluPoolShape& shape, const float* packed,
                         int images, const float* x, float* y, uint8_t* argmax,
                         float* scratch) {
  HWY_DYNAMIC_DISPATCH(Forward)
  (shape, packed, images, x, y, argmax, scratch);
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

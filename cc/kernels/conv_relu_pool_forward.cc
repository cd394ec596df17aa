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
#include "cc/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using DI = hn::RebindToSigned<D>;

constexpr size_t kLanes = hn::MaxLanes(D());

using Shape = ConvReluPoolShape;

// Distance from the input of the first tap of a channel to that of each tap.
using Offsets = std::array<size_t, kTaps>;

// Lanes hold output channels or windows, whichever wastes fewer lanes.
bool LanesAreChannels(const Shape& s) {
  const size_t channels = RoundUp(s.out_channels, kLanes);
  const size_t windows = RoundUp(s.windows(), kLanes);
  return s.out_channels * windows > s.windows() * channels;
}

// Maximum of a window and its position. Starting from zeros includes ReLU, and
// NaN is never greater.
struct Pooled {
  V value;
  hn::Vec<DI> index;
};

HWY_INLINE void TakeGreater(V sum, int32_t place, Pooled& pooled) {
  const DI di;
  const auto greater = hn::Gt(sum, pooled.value);
  pooled.value = hn::IfThenElse(greater, sum, pooled.value);
  pooled.index = hn::IfThenElse(hn::RebindMask(di, greater), hn::Set(di, place),
                                pooled.index);
}

// Writes the first `count` lanes, `stride` elements apart.
HWY_INLINE void StoreLanes(const Pooled& pooled, size_t count, size_t stride,
                           float* y, uint8_t* argmax) {
  HWY_ALIGN float values[kLanes];
  hn::Store(pooled.value, D(), values);
  for (size_t c = 0; c < count; ++c) y[c * stride] = values[c];
  if (argmax == nullptr) return;
  HWY_ALIGN int32_t indices[kLanes];
  hn::Store(pooled.index, DI(), indices);
  for (size_t c = 0; c < count; ++c) {
    argmax[c * stride] = static_cast<uint8_t>(indices[c]);
  }
}

// ---- Lanes are output channels

// Packs weights into [vector of channels][in_channels, 5, 5][lane].
void PackForChannels(const Shape& s, const float* weights, float* packed) {
  for (size_t first = 0; first < s.out_channels; first += kLanes) {
    for (size_t k = 0; k < s.taps(); ++k) {
      for (size_t oc = first; oc < first + kLanes; ++oc) {
        *packed++ = oc < s.out_channels ? weights[oc * s.taps() + k] : 0.0f;
      }
    }
  }
}

// Rows of a tile are pairs of neighbouring outputs of the convolution, the
// upper or the lower two of a window: pair 2 * window + (0 or 1).
template <size_t kVectors>
constexpr size_t kPairs = kVectors == 2 ? 3 : 5;

// Computes kPairs pairs for kVectors vectors of channels, into
// to[pair][place][kVectors * kLanes]. x: first input of each pair.
template <size_t kVectors>
HWY_INLINE void SumPairs(const Shape& s,
                         const std::array<const float*, kPairs<kVectors>>& x,
                         const Offsets& offsets, const float* w,
                         size_t vector_stride, float* to) {
  const D d;
  V sums[2 * kPairs<kVectors>][kVectors];
  Clear(d, sums);
  size_t channel = 0;
  for (size_t ic = 0; ic < s.in_channels; ++ic) {
    for (const size_t offset : offsets) {
      const size_t at = channel + offset;
      AddOuterProduct(
          [&](size_t r) HWY_ATTR { return hn::Set(d, x[r / 2][at + r % 2]); },
          [&](size_t v)
              HWY_ATTR { return hn::LoadU(d, w + v * vector_stride); },
          sums);
      w += kLanes;
    }
    channel += s.pixels();
  }
  ForEachInTile(sums, [&](size_t r, size_t v, V sum) HWY_ATTR {
    hn::StoreU(sum, d, to + (r * kVectors + v) * kLanes);
  });
}

// Computes all windows for kVectors vectors of channels from vector `first` on.
// sums: memory for [window][place][kVectors * kLanes].
template <size_t kVectors>
void ForwardVectors(const Shape& s, const float* packed, size_t first,
                    const float* x, float* y, uint8_t* argmax, float* sums) {
  constexpr size_t kTile = kPairs<kVectors>;
  Offsets offsets;
  for (size_t tap = 0; tap < kTaps; ++tap) {
    offsets[tap] = tap / kConvKernel * s.in_width + tap % kConvKernel;
  }
  const size_t vector_stride = s.taps() * kLanes;
  const size_t windows = s.windows();
  const size_t pairs = 2 * windows;
  for (size_t tile = 0; tile < pairs; tile += kTile) {
    // The last tile repeats pairs of the one before.
    const size_t pair = pairs < kTile ? 0 : std::min(tile, pairs - kTile);
    std::array<const float*, kTile> inputs;
    for (size_t i = 0; i < kTile; ++i) {
      const size_t window = std::min(pair + i, pairs - 1) / 2;
      const size_t row = window / s.out_width() * 2 + (pair + i) % 2;
      inputs[i] = x + row * s.in_width + window % s.out_width() * 2;
    }
    SumPairs<kVectors>(s, inputs, offsets, packed + first * vector_stride,
                       vector_stride, sums + pair * 2 * kVectors * kLanes);
  }
  for (size_t v = 0; v < kVectors; ++v) {
    const size_t oc = (first + v) * kLanes;
    const size_t channels = std::min(kLanes, s.out_channels - oc);
    for (size_t i = 0; i < windows; ++i) {
      const size_t at = oc * windows + i;
      Pooled pooled = {hn::Zero(D()), hn::Zero(DI())};
      HWY_UNROLL(4)
      for (size_t place = 0; place < 4; ++place) {
        const size_t from = ((i * 4 + place) * kVectors + v) * kLanes;
        TakeGreater(hn::LoadU(D(), sums + from), static_cast<int32_t>(place),
                    pooled);
      }
      StoreLanes(pooled, channels, windows, y + at,
                 argmax == nullptr ? nullptr : argmax + at);
    }
  }
}

// Adds the products of one input row with one row of weights to the sums of the
// upper outputs of the windows, and with another row (before it in `w`) to the
// lower ones. Each input that is read is used up to ten times.
template <bool kUpper, bool kLower, size_t kColumns>
HWY_INLINE void AddRow(const float* x, const float* w, V (&sums)[2][kColumns]) {
  const D d;
  V weights[2][kConvKernel];
  HWY_UNROLL(5)
  for (size_t k = 0; k < kConvKernel; ++k) {
    weights[0][k] = kUpper ? hn::LoadU(d, w + k * kLanes) : hn::Zero(d);
    weights[1][k] = kLower ? hn::LoadU(d, w + k * kLanes - kConvKernel * kLanes)
                           : hn::Zero(d);
  }
  HWY_UNROLL(14)
  for (size_t column = 0; column < kColumns + kConvKernel - 1; ++column) {
    const V in = hn::Set(d, x[column]);
    HWY_UNROLL(5)
    for (size_t k = 0; k < kConvKernel; ++k) {
      const size_t to = column - k;  // or beyond kColumns
      if (to >= kColumns) continue;
      if (kUpper) sums[0][to] = hn::MulAdd(in, weights[0][k], sums[0][to]);
      if (kLower) sums[1][to] = hn::MulAdd(in, weights[1][k], sums[1][to]);
    }
  }
}

// Computes kWindows neighbouring windows of one vector of channels. y, argmax:
// at the first window and channel.
template <size_t kWindows>
HWY_INLINE void ForwardRow(const Shape& s, const float* x, const float* w,
                           size_t channels, float* y, uint8_t* argmax) {
  constexpr size_t kRow = kConvKernel * kLanes;
  V sums[2][2 * kWindows];
  Clear(D(), sums);
  for (size_t ic = 0; ic < s.in_channels; ++ic) {
    const float* row = x + ic * s.pixels();
    AddRow<true, false>(row, w, sums);
    for (size_t i = 1; i < kConvKernel; ++i) {
      row += s.in_width;
      w += kRow;
      AddRow<true, true>(row, w, sums);
    }
    w += kRow;
    AddRow<false, true>(row + s.in_width, w, sums);
  }
  HWY_UNROLL(5)
  for (size_t i = 0; i < kWindows; ++i) {
    Pooled pooled = {hn::Zero(D()), hn::Zero(DI())};
    TakeGreater(sums[0][2 * i], 0, pooled);
    TakeGreater(sums[0][2 * i + 1], 1, pooled);
    TakeGreater(sums[1][2 * i], 2, pooled);
    TakeGreater(sums[1][2 * i + 1], 3, pooled);
    StoreLanes(pooled, channels, s.windows(), y + i,
               argmax == nullptr ? nullptr : argmax + i);
  }
}

// The same as ForwardVectors<1> for CPUs with 32 registers: 20 sums and ten
// weights.
void ForwardRows(const Shape& s, const float* packed, size_t vector,
                 const float* x, float* y, uint8_t* argmax) {
  constexpr size_t kWindows = 5;
  const size_t first = vector * kLanes;
  const size_t channels = std::min(kLanes, s.out_channels - first);
  const size_t width = s.out_width();
  const bool is_wide = width >= kWindows;
  for (size_t row = 0; row < s.out_height(); ++row) {
    for (size_t i = 0; i < width; i += is_wide ? kWindows : 1) {
      // The last windows overlap those before.
      const size_t column = is_wide ? std::min(i, width - kWindows) : i;
      const size_t at = first * s.windows() + row * width + column;
      (is_wide ? &ForwardRow<kWindows>
               : &ForwardRow<1>)(s, x + 2 * (row * s.in_width + column),
                                 packed + first * s.taps(), channels, y + at,
                                 argmax == nullptr ? nullptr : argmax + at);
    }
  }
}

void ForwardChannels(const Shape& s, const float* packed, const float* x,
                     float* y, uint8_t* argmax, float* sums) {
  const size_t vectors = RoundUp(s.out_channels, kLanes) / kLanes;
  size_t v = 0;
  for (; v + 2 <= vectors; v += 2) {
    ForwardVectors<2>(s, packed, v, x, y, argmax, sums);
  }
  if (v == vectors) return;
  if constexpr (kLanes == 16) {
    ForwardRows(s, packed, v, x, y, argmax);
  } else {
    ForwardVectors<1>(s, packed, v, x, y, argmax, sums);
  }
}

// Both places of every pair of a tile, even if the image has fewer pairs.
size_t SumsSize(const Shape& s) {
  return 2 * std::max<size_t>(2 * s.windows(), kPairs<1>) * 2 * kLanes;
}

// ---- Lanes are windows

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
    return StoreLanes(pooled, windows, 1, y, argmax);
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

size_t PackedSize(const Shape& s) {
  return LanesAreChannels(s) ? RoundUp(s.out_channels, kLanes) * s.taps()
                             : s.out_channels * s.taps();
}

void Pack(const Shape& s, const float* weights, float* packed) {
  (LanesAreChannels(s) ? PackForChannels : PackForWindows)(s, weights, packed);
}

size_t ForwardScratch(const Shape& s) {
  return LanesAreChannels(s) ? SumsSize(s)
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

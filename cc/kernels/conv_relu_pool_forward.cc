#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/conv_relu_pool_sizes.h"
#include "cc/kernels/conv_relu_pool_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/conv_relu_pool_forward.cc"
// The order counts.
// clang-format off
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "cc/kernels/conv_relu_pool_planes-inl.h"
// clang-format on

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using DI = hn::RebindToSigned<D>;
using VI = hn::Vec<DI>;

constexpr size_t kLanes = hn::MaxLanes(D());

// How far the input of each tap of a channel lies from that of the first.
using Offsets = std::array<size_t, kTaps>;

using Sizes = ConvReluPoolSizes;

// The next address that vectors may be stored to; up to kLanes - 1 floats away.
float* AlignUp(float* p) {
  const uintptr_t bytes = kLanes * sizeof(float);
  const uintptr_t over = reinterpret_cast<uintptr_t>(p) % bytes;
  return over == 0 ? p : p + (bytes - over) / sizeof(float);
}

// Lanes hold output channels, or windows: whichever wastes fewer of them.
bool LanesAreChannels(const Sizes& s) {
  const size_t channels = RoundUp(s.out_channels, kLanes);
  const size_t windows = RoundUp(s.windows(), kLanes);
  return s.out_channels * windows > s.windows() * channels;
}

// ---- What both ways share

// Not std::array: its functions are none of the target's, so gcc refuses to
// inline those of the vectors into them.
template <size_t kRows, size_t kVectors>
using Sums = V[kRows][kVectors];

template <size_t kRows, size_t kVectors>
HWY_INLINE void Clear(Sums<kRows, kVectors>& sums) {
  HWY_UNROLL(12)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(2)
    for (size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(D());
  }
}

// Adds the products of one tap: Number(row) by Vector(v).
template <size_t kRows, size_t kVectors, class Number, class Vector>
HWY_INLINE void AddTap(const Number& number, const Vector& vector,
                       Sums<kRows, kVectors>& sums) {
  V vectors[kVectors];
  HWY_UNROLL(2)
  for (size_t v = 0; v < kVectors; ++v) vectors[v] = vector(v);
  HWY_UNROLL(12)
  for (size_t r = 0; r < kRows; ++r) {
    const V broadcast = hn::Set(D(), number(r));
    HWY_UNROLL(2)
    for (size_t v = 0; v < kVectors; ++v) {
      sums[r][v] = hn::MulAdd(broadcast, vectors[v], sums[r][v]);
    }
  }
}

struct Pooled {
  V value;
  VI index;
};

// Starting from zeros this is ReLU too, and NaN never wins.
HWY_INLINE void TakeGreater(V sum, int32_t place, Pooled& pooled) {
  const DI di;
  const auto greater = hn::Gt(sum, pooled.value);
  pooled.value = hn::IfThenElse(greater, sum, pooled.value);
  pooled.index = hn::IfThenElse(hn::RebindMask(di, greater), hn::Set(di, place),
                                pooled.index);
}

// ---- Lanes are output channels

// Weights are packed [vector of channels][in_channels, 5, 5][lane].
void PackForChannels(const Sizes& s, const float* weights, float* packed) {
  const size_t vectors = RoundUp(s.out_channels, kLanes) / kLanes;
  for (size_t v = 0; v < vectors; ++v) {
    for (size_t k = 0; k < s.taps(); ++k) {
      for (size_t lane = 0; lane < kLanes; ++lane) {
        const size_t oc = v * kLanes + lane;
        *packed++ = oc < s.out_channels ? weights[oc * s.taps() + k] : 0.0f;
      }
    }
  }
}

// Rows of a tile are pairs of neighbouring places of the convolution, the upper
// or the lower two of a window: pair 2 * window + (0 or 1).
template <size_t kVectors>
constexpr size_t kPairs = kVectors == 2 ? 3 : 5;

// Sums of kPairs pairs for kVectors vectors of channels, to
// to[pair][place][kVectors * kLanes]. x: first input of each pair.
template <size_t kVectors>
HWY_INLINE void SumPairs(const Sizes& s,
                         const std::array<const float*, kPairs<kVectors>>& x,
                         const Offsets& offsets, const float* w,
                         size_t vector_stride, float* to) {
  constexpr size_t kRows = 2 * kPairs<kVectors>;
  Sums<kRows, kVectors> sums;
  Clear(sums);
  size_t channel = 0;
  for (size_t ic = 0; ic < s.in_channels; ++ic) {
    for (const size_t offset : offsets) {
      const size_t at = channel + offset;
      AddTap<kRows, kVectors>(
          [&](size_t row) { return x[row / 2][at + row % 2]; },
          [&](size_t v)
              HWY_ATTR { return hn::LoadU(D(), w + v * vector_stride); },
          sums);
      w += kLanes;
    }
    channel += s.in_height * s.in_width;
  }
  HWY_UNROLL(12)
  for (size_t row = 0; row < kRows; ++row) {
    HWY_UNROLL(2)
    for (size_t v = 0; v < kVectors; ++v) {
      hn::Store(sums[row][v], D(), to + (row * kVectors + v) * kLanes);
    }
  }
}

// Sums of all windows for kVectors vectors of channels from vector `first` on,
// to sums[window][place][kVectors * kLanes].
template <size_t kVectors>
void SumChannels(const Sizes& s, const float* packed, size_t first,
                 const float* x, float* sums) {
  constexpr size_t kTile = kPairs<kVectors>;
  Offsets offsets;
  for (size_t tap = 0; tap < kTaps; ++tap) {
    offsets[tap] = tap / kConvKernel * s.in_width + tap % kConvKernel;
  }
  const size_t vector_stride = s.taps() * kLanes;
  const size_t pairs = 2 * s.windows();
  for (size_t tile = 0; tile < pairs; tile += kTile) {
    // The last tile repeats pairs of the one before.
    const size_t pair = pairs < kTile ? 0 : std::min(tile, pairs - kTile);
    std::array<const float*, kTile> inputs;
    for (size_t i = 0; i < kTile; ++i) {
      const size_t window = std::min(pair + i, pairs - 1) / 2;
      const size_t row = window / s.out_width * 2 + (pair + i) % 2;
      inputs[i] = x + row * s.in_width + window % s.out_width * 2;
    }
    SumPairs<kVectors>(s, inputs, offsets, packed + first * vector_stride,
                       vector_stride, sums + pair * 2 * kVectors * kLanes);
  }
}

// Writes one window of up to kLanes channels, which lie `stride` apart.
HWY_INLINE void StoreChannels(const Pooled& pooled, size_t channels,
                              size_t stride, float* y, uint8_t* argmax) {
  HWY_ALIGN float values[kLanes];
  hn::Store(pooled.value, D(), values);
  for (size_t c = 0; c < channels; ++c) y[c * stride] = values[c];
  if (argmax == nullptr) return;
  HWY_ALIGN int32_t indices[kLanes];
  hn::Store(pooled.index, DI(), indices);
  for (size_t c = 0; c < channels; ++c) {
    argmax[c * stride] = static_cast<uint8_t>(indices[c]);
  }
}

template <size_t kVectors>
void ForwardVectors(const Sizes& s, const float* packed, size_t first,
                    const float* x, float* y, uint8_t* argmax, float* sums) {
  SumChannels<kVectors>(s, packed, first, x, sums);
  const size_t windows = s.windows();
  for (size_t v = 0; v < kVectors; ++v) {
    const size_t oc = (first + v) * kLanes;
    const size_t channels = std::min(kLanes, s.out_channels - oc);
    for (size_t i = 0; i < windows; ++i) {
      const size_t at = oc * windows + i;
      Pooled pooled = {hn::Zero(D()), hn::Zero(DI())};
      HWY_UNROLL(4)
      for (size_t place = 0; place < 4; ++place) {
        const size_t from = ((i * 4 + place) * kVectors + v) * kLanes;
        TakeGreater(hn::Load(D(), sums + from), static_cast<int32_t>(place),
                    pooled);
      }
      StoreChannels(pooled, channels, windows, y + at,
                    argmax == nullptr ? nullptr : argmax + at);
    }
  }
}

void ForwardChannels(const Sizes& s, const float* packed, const float* x,
                     float* y, uint8_t* argmax, float* sums) {
  const size_t vectors = RoundUp(s.out_channels, kLanes) / kLanes;
  size_t v = 0;
  for (; v + 2 <= vectors; v += 2) {
    ForwardVectors<2>(s, packed, v, x, y, argmax, sums);
  }
  if (v < vectors) ForwardVectors<1>(s, packed, v, x, y, argmax, sums);
}

// Enough for the two places of every pair of a tile, even if there are fewer.
size_t SumsSize(const Sizes& s) {
  return 2 * std::max<size_t>(2 * s.windows(), 5) * 2 * kLanes;
}

// ---- Lanes are windows

// Channels of a tile, of those that are left: packed weights are
// [in_channels, 5, 5][channel] tile by tile.
size_t TileChannels(size_t left) { return left >= 6 ? 6 : left >= 3 ? 3 : 1; }

void PackForWindows(const Sizes& s, const float* weights, float* packed) {
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

// Sums of the upper or the lower two places of kLanes windows, for kChannels
// channels. x: plane 0 at the first window.
template <size_t kChannels>
HWY_INLINE void SumPlaces(const Sizes& s, const Offsets& offsets,
                          const float* x, const float* w,
                          Sums<kChannels, 2>& sums) {
  const Planes p(s);
  Clear(sums);
  for (size_t ic = 0; ic < s.in_channels; ++ic) {
    for (const size_t offset : offsets) {
      AddTap<kChannels, 2>([&](size_t channel) { return w[channel]; },
                           [&](size_t v) HWY_ATTR {
                             return hn::LoadU(D(), x + offset + v * p.plane);
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
    return StoreChannels(pooled, windows, 1, y, argmax);
  }
  hn::StoreU(pooled.value, D(), y);
  if (argmax == nullptr) return;
  const hn::Rebind<uint8_t, D> d8;
  hn::StoreU(hn::DemoteTo(d8, pooled.index), d8, argmax);
}

// y, argmax: those of the first window and channel.
template <size_t kChannels>
void ForwardWindows(const Sizes& s, const std::array<Offsets, 2>& offsets,
                    const float* x, const float* w, float* y, uint8_t* argmax) {
  const D d;
  const DI di;
  HWY_ALIGN float values[kChannels * kLanes];
  HWY_ALIGN int32_t indices[kChannels * kLanes];
  Sums<kChannels, 2> sums;
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

void ForwardWindowsOfImage(const Sizes& s, const float* packed, const float* x,
                           float* y, uint8_t* argmax, float* planes) {
  const Planes p(s);
  std::array<Offsets, 2> offsets;  // for the upper and the lower places
  for (size_t tap = 0; tap < 2 * kTaps; ++tap) {
    const size_t ky = tap / kTaps + tap % kTaps / kConvKernel;
    offsets[tap / kTaps][tap % kTaps] =
        (ky % 2 * kPatch + tap % kConvKernel) * p.plane + ky / 2 * s.out_width;
  }
  const size_t windows = s.windows();
  size_t split = 0;
  // Read, where a vector is longer than all windows, but not used.
  std::fill_n(planes + s.in_channels * p.channel, kLanes, 0.0f);
  for (size_t i = 0; i < windows; i += kLanes) {
    const size_t first = windows < kLanes ? 0 : std::min(i, windows - kLanes);
    // Row by row as they are needed: between the sums it costs less.
    const size_t last = std::min(first + kLanes - 1, windows - 1);
    const size_t needed = last / s.out_width * 2 + kPatch;
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

size_t PackedSize(const ConvReluPoolShape& shape) {
  const Sizes s(shape);
  return LanesAreChannels(s) ? RoundUp(s.out_channels, kLanes) * s.taps()
                             : s.out_channels * s.taps();
}

void Pack(const ConvReluPoolShape& shape, const float* weights, float* packed) {
  const Sizes s(shape);
  if (LanesAreChannels(s)) {
    PackForChannels(s, weights, packed);
  } else {
    PackForWindows(s, weights, packed);
  }
}

size_t ForwardScratch(const ConvReluPoolShape& shape) {
  const Sizes s(shape);
  return LanesAreChannels(s) ? SumsSize(s) + kLanes
                             : s.in_channels * Planes(s).channel + kLanes;
}

void Forward(const ConvReluPoolShape& shape, const float* packed, int images,
             const float* x, float* y, uint8_t* argmax, float* scratch) {
  const Sizes s(shape);
  const bool lanes_are_channels = LanesAreChannels(s);
  for (int i = 0; i < images; ++i) {
    if (lanes_are_channels) {
      ForwardChannels(s, packed, x, y, argmax, AlignUp(scratch));
    } else {
      ForwardWindowsOfImage(s, packed, x, y, argmax, scratch);
    }
    x += shape.in_size();
    y += shape.out_size();
    if (argmax != nullptr) argmax += shape.out_size();
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

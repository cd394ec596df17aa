// The forward pass with output channels in the lanes. Included once per
// instruction set, after hwy/foreach_target.h.

#if defined(CC_KERNELS_CONV_CHANNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CC_KERNELS_CONV_CHANNELS_INL_H_
#undef CC_KERNELS_CONV_CHANNELS_INL_H_
#else
#define CC_KERNELS_CONV_CHANNELS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cc/kernels/conv_relu_pool.h"
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

// The convolution is direct along the rows and Winograd's F(2, 5) along the
// columns (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks",
// 2015; points 0, 1, -1, 1/2, -2, infinity). The kPatch input rows of a window
// and its five rows of weights are transformed to kPatch rows each; sums of
// their products give both rows of outputs. This takes 60 products per window
// and input channel instead of 100. Transformed weights are kScale times
// larger, so that all factors are exact, and so are the results for small
// integers.
constexpr float kScale = 15;
constexpr float kWeightTransform[kPatch][kConvKernel] = {
    {15, 0, 0, 0, 0},      {5, 5, 5, 5, 5},    {-5, 5, -5, 5, -5},
    {-16, -8, -4, -2, -1}, {1, -2, 4, -8, 16}, {0, 0, 0, 0, 15}};
constexpr float kInputTransform[kPatch][kPatch] = {
    {1, -1.5f, -2, 1.5f, 1, 0}, {0, -1, 0.5f, 2.5f, 1, 0},
    {0, 1, -2.5f, 0.5f, 1, 0},  {0, -2, -1, 2, 1, 0},
    {0, 0.5f, -1, -0.5f, 1, 0}, {0, 1, -1.5f, -2, 1.5f, 1}};

// to = matrix * from.
template <size_t kTo, size_t kFrom>
HWY_INLINE void Transform(const float (&matrix)[kTo][kFrom],
                          const V (&from)[kFrom], V (&to)[kTo]) {
  const D d;
  HWY_UNROLL(6)
  for (size_t i = 0; i < kTo; ++i) {
    to[i] = hn::Zero(d);
    HWY_UNROLL(6)
    for (size_t j = 0; j < kFrom; ++j) {
      if (matrix[i][j] == 0.0f) continue;
      to[i] = hn::MulAdd(hn::Set(d, matrix[i][j]), from[j], to[i]);
    }
  }
}

// Packs weights into [vector of channels][kPatch][in_channels, 5][lane].
void PackForChannels(const Shape& s, const float* weights, float* packed) {
  const size_t row = s.in_channels * kConvKernel * kLanes;
  for (size_t oc = 0; oc < s.out_channels; oc += kLanes) {
    const size_t channels = std::min(kLanes, s.out_channels - oc);
    for (size_t column = 0; column < row; column += kLanes) {
      const size_t tap =
          column / kLanes / kConvKernel * kTaps + column / kLanes % kConvKernel;
      V from[kConvKernel], to[kPatch];
      for (size_t r = 0; r < kConvKernel; ++r) {
        HWY_ALIGN float lanes[kLanes] = {};
        for (size_t c = 0; c < channels; ++c) {
          lanes[c] = weights[(oc + c) * s.taps() + tap + r * kConvKernel];
        }
        from[r] = hn::Load(D(), lanes);
      }
      Transform(kWeightTransform, from, to);
      for (size_t i = 0; i < kPatch; ++i) {
        hn::StoreU(to[i], D(), packed + i * row + column);
      }
    }
    packed += kPatch * row;
  }
}

// Distance between transformed rows. A row may be written from kLanes floats
// before its start to kLanes floats beyond its end.
size_t RowStride(const Shape& s) { return s.in_width + kLanes; }

// Transforms the input of one row of windows to [kPatch][in_channels][stride].
void TransformRows(const Shape& s, size_t window_row, const float* x,
                   float* rows) {
  for (size_t ic = 0; ic < s.in_channels; ++ic) {
    const size_t first = ic * s.pixels() + kPool * window_row * s.in_width;
    for (size_t column = 0; column < s.in_width; column += kLanes) {
      // The last vector of the image starts earlier, so that it ends with it.
      const size_t at = std::min(
          first + column, s.in_size() - kLanes - (kPatch - 1) * s.in_width);
      float* const row = rows + ic * RowStride(s) + at - first;
      V from[kPatch], to[kPatch];
      HWY_UNROLL(6)
      for (size_t i = 0; i < kPatch; ++i) {
        from[i] = hn::LoadU(D(), x + at + i * s.in_width);
      }
      Transform(kInputTransform, from, to);
      HWY_UNROLL(6)
      for (size_t i = 0; i < kPatch; ++i) {
        hn::StoreU(to[i], D(), row + i * s.in_channels * RowStride(s));
      }
    }
  }
}

// Columns of a tile.
template <size_t kVectors>
constexpr size_t kColumns = 10 / kVectors;

// Convolves one transformed row for kVectors vectors of channels, into
// to[column][kVectors * kLanes].
template <size_t kVectors>
HWY_INLINE void SumColumns(const Shape& s, const float* x, const float* w,
                           float* to) {
  const D d;
  const size_t vector_stride = kPatch * s.in_channels * kConvKernel * kLanes;
  V sums[kColumns<kVectors>][kVectors];
  Clear(d, sums);
  for (size_t ic = 0; ic < s.in_channels; ++ic, x += RowStride(s)) {
    HWY_UNROLL(5)
    for (size_t k = 0; k < kConvKernel; ++k, w += kLanes) {
      AddOuterProduct([&](size_t c) HWY_ATTR { return hn::Set(d, x[c + k]); },
                      [&](size_t v) HWY_ATTR {
                        return hn::LoadU(d, w + v * vector_stride);
                      },
                      sums);
    }
  }
  ForEachInTile(sums, [&](size_t c, size_t v, V sum) HWY_ATTR {
    hn::StoreU(sum, d, to + (c * kVectors + v) * kLanes);
  });
}

// Floats of the parts of the scratch memory: space for one vector, transformed
// rows (a tile is wider than a narrow image and reads beyond the last row),
// sums of one row of windows, then maxima [vector of channels][window][lane]
// and as many positions.
size_t RowsSize(const Shape& s) {
  return RoundUp(kPatch * s.in_channels * RowStride(s) + kColumns<1>, kLanes);
}
size_t SumsSize(const Shape& s) {
  return kPatch * std::max(kPool * s.out_width(), kColumns<1>) * 2 * kLanes;
}
size_t MaximaSize(const Shape& s) {
  return RoundUp(s.out_channels, kLanes) * s.windows();
}

// Computes one row of windows for kVectors vectors of channels. maxima: memory
// of the first window. sums: memory for [kPatch][columns][kVectors * kLanes].
template <size_t kVectors>
void ForwardVectors(const Shape& s, const float* rows, const float* w,
                    float* sums, float* maxima) {
  constexpr size_t kTile = kColumns<kVectors>;
  const D d;
  const V half = hn::Set(d, 0.5f);
  const V two = hn::Set(d, 2.0f);
  const size_t columns = kPool * s.out_width();
  const size_t sums_size = std::max(columns, kTile) * kVectors * kLanes;
  const size_t row_size = s.in_channels * RowStride(s);
  const size_t row_weights = s.in_channels * kConvKernel * kLanes;
  for (size_t i = 0; i < kPatch; ++i) {
    for (size_t tile = 0; tile < columns; tile += kTile) {
      // The last tile repeats columns of the one before.
      const size_t column =
          columns < kTile ? 0 : std::min(tile, columns - kTile);
      SumColumns<kVectors>(s, rows + i * row_size + column, w + i * row_weights,
                           sums + i * sums_size + column * kVectors * kLanes);
    }
  }
  for (size_t v = 0; v < kVectors; ++v) {
    for (size_t i = 0; i < columns / kPool; ++i) {
      V places[4];
      HWY_UNROLL(2)
      for (size_t c = 0; c < kPool; ++c) {
        const float* const from =
            sums + ((kPool * i + c) * kVectors + v) * kLanes;
        V m[kPatch];
        HWY_UNROLL(6)
        for (size_t k = 0; k < kPatch; ++k) {
          m[k] = hn::LoadU(d, from + k * sums_size);
        }
        places[c] =
            hn::Add(hn::Add(m[0], hn::Add(m[1], m[2])), hn::Add(m[3], m[4]));
        places[2 + c] = hn::Add(hn::MulAdd(half, m[3], hn::Sub(m[1], m[2])),
                                hn::NegMulAdd(two, m[4], m[5]));
      }
      Pooled pooled = {hn::Zero(D()), hn::Zero(DI())};
      HWY_UNROLL(4)
      for (size_t place = 0; place < 4; ++place) {
        TakeGreater(places[place], static_cast<int32_t>(place), pooled);
      }
      pooled.value = hn::Div(pooled.value, hn::Set(d, kScale));
      float* const to = maxima + (v * s.windows() + i) * kLanes;
      hn::StoreU(pooled.value, d, to);
      hn::StoreU(hn::BitCast(d, pooled.index), d, to + MaximaSize(s));
    }
  }
}

void ForwardChannels(const Shape& s, const float* packed, const float* x,
                     float* y, uint8_t* argmax, float* memory) {
  float* const rows = memory + kLanes;
  float* const sums = rows + RowsSize(s);
  float* maxima = sums + SumsSize(s);
  for (size_t row = 0; row < s.out_height(); ++row) {
    TransformRows(s, row, x, rows);
    for (size_t oc = 0; oc < s.out_channels;) {
      const size_t vectors = s.out_channels - oc > kLanes ? 2 : 1;
      (vectors == 2 ? &ForwardVectors<2>
                    : &ForwardVectors<1>)(s, rows,
                                          packed + oc * s.in_channels * kPatch *
                                                       kConvKernel,
                                          sums,
                                          maxima + oc * s.windows() +
                                              row * s.out_width() * kLanes);
      oc += vectors * kLanes;
    }
  }
  for (size_t oc = 0; oc < s.out_channels; oc += kLanes) {
    const size_t channels = std::min(kLanes, s.out_channels - oc);
    Transpose(maxima, kLanes, s.windows(), channels, y + oc * s.windows());
    if (argmax != nullptr) {
      uint8_t* const to = argmax + oc * s.windows();
      Transpose(maxima + MaximaSize(s), kLanes, s.windows(), channels, maxima);
      ForEachVector(channels * s.windows(), [&](auto d, size_t i) HWY_ATTR {
        const hn::RebindToSigned<decltype(d)> di;
        const hn::Rebind<uint8_t, decltype(d)> d8;
        const auto position = hn::BitCast(di, hn::LoadU(d, maxima + i));
        hn::StoreU(hn::DemoteTo(d8, position), d8, to + i);
      });
    }
    maxima += kLanes * s.windows();
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#endif  // CC_KERNELS_CONV_CHANNELS_INL_H_

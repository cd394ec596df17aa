#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/conv_relu_pool_backward.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "cc/kernels/simd-inl.h"

// Only the maximum of a window has a gradient, and only if it is positive: an
// item. Its patch of the input times its gradient is added to the gradient of
// the weights of its channel; these weights times its gradient are added to the
// gradient of the patch. With the channels of a pixel side by side, a patch is
// five runs of 5 * in_channels numbers, padded to whole vectors (rows). The
// padding of weights is zero; numbers behind a run of the input go into lanes
// that are not used.

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

using Shape = ConvReluPoolShape;

// Floats of the longest vector.
constexpr size_t kMaxLanes = 16;

// Parts of the scratch memory. Each can be read and written up to one vector
// beyond its end. With memory == nullptr only `size` is valid.
struct Scratch {
  Scratch(const Shape& s, float* memory) {
    const auto floats = [&](size_t n) {
      float* const part = memory == nullptr ? nullptr : memory + size;
      size += RoundUp(n, kMaxLanes) + kMaxLanes;
      return part;
    };
    const auto integers = [&](size_t n) -> int32_t* {
      float* const part = floats(n);
      return part == nullptr ? nullptr : new (part) int32_t[n + kMaxLanes];
    };
    const size_t items = s.out_channels * s.windows();
    x = floats(s.pixels() * s.in_channels);
    dx = floats(s.pixels() * s.in_channels);
    values = floats(items);
    dx_values = floats(2 * items);
    places = integers(items);
    dx_rows = integers(2 * items);
    counts = integers(s.out_channels);
    dx_counts = integers(2 * s.windows());
    offsets = integers(4 * s.windows());
  }

  size_t size = 0;     // floats
  float* x;            // [in_height, in_width, in_channels]
  float* dx;           // like x
  float* dw;           // not scratch memory: [out_channels, 5, row_size]
  const float* rows;   // not scratch memory: see Pack
  float* values;       // items of each channel [out_channels, windows]
  float* dx_values;    // items of each half window [windows, 2, out_channels]
  int32_t* places;     // of the items: 4 * window + position in the window
  int32_t* dx_rows;    // of the items: start of their weights in `rows`
  int32_t* counts;     // items of each channel
  int32_t* dx_counts;  // items of each half window
  int32_t* offsets;    // start in `x` of the patch of each place
};

// Vectors of a row. Short rows waste fewer lanes of short vectors.
constexpr size_t kShortLanes = 8;
using ShortTag = hn::CappedTag<float, kShortLanes>;
using LongTag = hn::ScalableTag<float>;
bool IsShort(const Shape& s) {
  return kConvKernel * s.in_channels <= kShortLanes;
}

size_t RowSize(const Shape& s) {
  const size_t lanes = hn::Lanes(LongTag());
  return RoundUp(kConvKernel * s.in_channels,
                 IsShort(s) ? std::min(lanes, kShortLanes) : lanes);
}

// Floats of weights as rows, which is more than those of their gradients.
size_t RowsSize(const Shape& s) {
  return (s.out_channels * (kConvKernel + 1) + 1) * RowSize(s);
}

// ---- Layouts

// Calls function(index in rows, index in [out_channels, in_channels, 5, 5]) for
// each weight. `zeros`: rows before those of an output channel.
template <class Function>
void ForEachWeight(const Shape& s, size_t zeros, const Function& function) {
  const size_t row_size = RowSize(s);
  size_t row = 0;
  for (size_t oc = 0; oc < s.out_channels; ++oc) {
    row += zeros;
    for (size_t ky = 0; ky < kConvKernel; ++ky, ++row) {
      for (size_t ic = 0; ic < s.in_channels; ++ic) {
        for (size_t k = 0; k < kConvKernel; ++k) {
          function(row * row_size + k * s.in_channels + ic,
                   oc * s.taps() + ic * kTaps + ky * kConvKernel + k);
        }
      }
    }
  }
}

// Packs weights into [out_channels][zeros, 5 rows][row size], zeros.
void Pack(const Shape& s, const float* weights, float* rows) {
  std::fill_n(rows, RowsSize(s), 0.0f);
  ForEachWeight(s, 1,
                [&](size_t to, size_t from) { rows[to] = weights[from]; });
}

// Sums parts of [out_channels, 5, row size] into the first and writes it to dw.
void Unpack(const Shape& s, int parts, float* rows, float* dw) {
  ForEachVector(s.out_channels * kConvKernel * RowSize(s),
                [&](auto d, size_t i) HWY_ATTR {
                  auto sum = hn::LoadU(d, rows + i);
                  for (int part = 1; part < parts; ++part) {
                    const float* const next =
                        rows + static_cast<size_t>(part) * RowsSize(s);
                    sum = hn::Add(sum, hn::LoadU(d, next + i));
                  }
                  hn::StoreU(sum, d, rows + i);
                });
  ForEachWeight(s, 0, [&](size_t from, size_t to) { dw[to] = rows[from]; });
}

void FillOffsets(const Shape& s, int32_t* offsets) {
  for (size_t row = 0; row < 2 * s.out_height(); row += 2) {
    for (size_t column = 0; column < 2 * s.out_width(); column += 2) {
      for (size_t place = 0; place < 4; ++place) {
        const size_t pixel =
            (row + place / 2) * s.in_width + column + place % 2;
        *offsets++ = static_cast<int32_t>(pixel * s.in_channels);
      }
    }
  }
}

// ---- Items

// For each set of eight lanes (bits): the indices of its lanes, then zeros. Not
// hwy::Compress: for AVX2 gcc 12 copies its table to the stack in each call,
// and CompressStore is slow on some CPUs with AVX-512.
constexpr auto kLanesOfSet = [] {
  std::array<std::array<uint8_t, 8>, 256> lanes = {};
  for (size_t set = 0; set < 256; ++set) {
    size_t count = 0;
    for (size_t lane = 0; lane < 8; ++lane) {
      if ((set >> lane & 1) != 0) {
        lanes[set][count++] = static_cast<uint8_t>(lane);
      }
    }
  }
  return lanes;
}();

// Lists the items of one channel and returns their number. Writes up to one
// vector beyond the last.
int32_t ListItems(size_t windows, const float* y, const uint8_t* argmax,
                  const float* dy, float* values, int32_t* places) {
  size_t count = 0;
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<float, 8> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  auto first_place = hn::ShiftLeft<2>(hn::Iota(di, 0));
  const auto step = hn::Set(di, static_cast<int32_t>(4 * lanes));
  for (; i + lanes <= windows; i += lanes) {
    const auto gradient = hn::LoadU(d, dy + i);
    const auto place = hn::PromoteTo(di, hn::LoadU(d8, argmax + i));
    const auto is_item =
        hn::And(hn::Gt(hn::LoadU(d, y + i), zero), hn::Ne(gradient, zero));
    uint8_t set[8];
    hn::StoreMaskBits(d, is_item, set);
    const auto order =
        hn::PromoteTo(di, hn::LoadU(d8, kLanesOfSet[set[0]].data()));
    hn::StoreU(hn::TableLookupLanes(gradient, hn::IndicesFromVec(d, order)), d,
               values + count);
    hn::StoreU(hn::TableLookupLanes(hn::Add(first_place, place),
                                    hn::IndicesFromVec(di, order)),
               di, places + count);
    count += hn::CountTrue(d, is_item);
    first_place = hn::Add(first_place, step);
  }
#endif
  for (; i < windows; ++i) {
    values[count] = dy[i];
    places[count] = static_cast<int32_t>(4 * i + argmax[i]);
    // No branch, because it would be hard to predict.
    count +=
        static_cast<size_t>(y[i] > 0.0f) & static_cast<size_t>(dy[i] != 0.0f);
  }
  return static_cast<int32_t>(count);
}

// Lists the items by left and right half of each window, for dx.
void ListByHalf(const Shape& s, const Scratch& scratch) {
  const size_t row_size = RowSize(s);
  std::fill_n(scratch.dx_counts, 2 * s.windows(), 0);
  for (size_t oc = 0; oc < s.out_channels; ++oc) {
    const int32_t first_row =
        static_cast<int32_t>((oc * (kConvKernel + 1) + 1) * row_size);
    const std::array<int32_t, 2> rows = {
        first_row, first_row - static_cast<int32_t>(row_size)};
    const float* values = scratch.values + oc * s.windows();
    const int32_t* places = scratch.places + oc * s.windows();
    for (int32_t i = 0; i < scratch.counts[oc]; ++i) {
      const uint32_t place = static_cast<uint32_t>(places[i]);
      const size_t half = place / 4 * 2 + place % 2;
      const size_t at = half * s.out_channels +
                        static_cast<size_t>(scratch.dx_counts[half]++);
      scratch.dx_values[at] = values[i];
      scratch.dx_rows[at] = rows[place / 2 % 2];
    }
  }
}

// ---- Gradients

// Adds, to kRows rows of kVectors vectors of `to`, the sum over the items of
// values[item] * from[start(item)]. More than one set of sums shortens the
// chains of dependent additions.
template <size_t kSets, size_t kRows, size_t kVectors, class D, class Start>
HWY_INLINE void AddItems(D d, int32_t count, const float* values,
                         const Start& start, const float* from,
                         size_t from_stride, float* to, size_t to_stride) {
  const size_t lanes = hn::Lanes(d);
  hn::Vec<D> sums[kSets][kRows][kVectors];
  HWY_UNROLL(2)
  for (size_t set = 0; set < kSets; ++set) Clear(d, sums[set]);
  const auto add = [&](size_t set, int32_t item) HWY_ATTR {
    const auto value = hn::Set(d, values[item]);
    const float* row = from + start(item);
    HWY_UNROLL(6)
    for (size_t r = 0; r < kRows; ++r, row += from_stride) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; ++v) {
        sums[set][r][v] =
            hn::MulAdd(value, hn::LoadU(d, row + v * lanes), sums[set][r][v]);
      }
    }
  };
  int32_t item = 0;
  if (kSets == 2) {
    for (; item + 2 <= count; item += 2) {
      add(0, item);
      add(kSets - 1, item + 1);
    }
  }
  for (; item < count; ++item) add(0, item);
  ForEachInTile(sums[0], [&](size_t r, size_t v, auto sum) HWY_ATTR {
    if (kSets == 2) sum = hn::Add(sum, sums[kSets - 1][r][v]);
    float* const at = to + r * to_stride + v * lanes;
    hn::StoreU(hn::Add(hn::LoadU(d, at), sum), d, at);
  });
}

// Computes both gradients for the vectors [first, first + kVectors) of all
// rows.
template <size_t kVectors, class D>
void AddGradients(const Shape& s, const Scratch& scratch, size_t first,
                  bool with_dx) {
  const D d;
  // Two sets of sums if there are registers for them.
  constexpr size_t kSets = kVectors == 1 || hn::MaxLanes(D()) == 16 ? 2 : 1;
  const size_t row_size = RowSize(s);
  const size_t column = first * hn::Lanes(d);
  const size_t stride = s.in_width * s.in_channels;
  const int32_t* const offsets = scratch.offsets;
  for (size_t oc = 0; oc < s.out_channels; ++oc) {
    const int32_t* const places = scratch.places + oc * s.windows();
    AddItems<kSets, kConvKernel, kVectors>(
        d, scratch.counts[oc], scratch.values + oc * s.windows(),
        [&](int32_t item) { return offsets[places[item]]; }, scratch.x + column,
        stride, scratch.dw + oc * kConvKernel * row_size + column, row_size);
  }
  if (!with_dx) return;
  for (size_t half = 0; half < 2 * s.windows(); ++half) {
    const int32_t* const starts = scratch.dx_rows + half * s.out_channels;
    if (scratch.dx_counts[half] == 0) continue;
    AddItems<1, kPatch, kVectors>(
        d, scratch.dx_counts[half], scratch.dx_values + half * s.out_channels,
        [&](int32_t item) { return starts[item]; }, scratch.rows + column,
        row_size, scratch.dx + offsets[half / 2 * 4 + half % 2] + column,
        stride);
  }
}

template <class D>
void BackwardImage(const Shape& s, const Scratch& scratch, const float* x,
                   const float* y, const uint8_t* argmax, const float* dy,
                   float* dx) {
  Transpose(x, s.pixels(), s.in_channels, s.pixels(), scratch.x);
  for (size_t oc = 0; oc < s.out_channels; ++oc) {
    const size_t at = oc * s.windows();
    scratch.counts[oc] = ListItems(s.windows(), y + at, argmax + at, dy + at,
                                   scratch.values + at, scratch.places + at);
  }
  if (dx != nullptr) {
    std::fill_n(scratch.dx, s.pixels() * s.in_channels, 0.0f);
    ListByHalf(s, scratch);
  }
  const size_t vectors = RowSize(s) / hn::Lanes(D());
  for (size_t v = 0; v < vectors; v += 2) {
    (vectors - v == 1 ? &AddGradients<1, D>
                      : &AddGradients<2, D>)(s, scratch, v, dx != nullptr);
  }
  if (dx != nullptr)
    Transpose(scratch.dx, s.in_channels, s.pixels(), s.in_channels, dx);
}

// ---- Entry points

size_t BackwardScratch(const Shape& s) { return Scratch(s, nullptr).size; }

void Backward(const Shape& s, const float* rows, int images, const float* x,
              const float* y, const uint8_t* argmax, const float* dy, float* dx,
              float* dw, float* memory) {
  Scratch scratch(s, memory);
  scratch.rows = rows;
  scratch.dw = dw;
  FillOffsets(s, scratch.offsets);
  // Numbers behind the last run are read into lanes that are not used;
  // denormal ones would cost time.
  std::fill_n(scratch.x + s.in_size(), kMaxLanes, 0.0f);
  std::fill_n(dw, s.out_channels * kConvKernel * RowSize(s), 0.0f);
  const auto image =
      IsShort(s) ? &BackwardImage<ShortTag> : &BackwardImage<LongTag>;
  for (int i = 0; i < images; ++i) {
    image(s, scratch, x, y, argmax, dy, dx);
    x += s.in_size();
    y += s.out_size();
    argmax += s.out_size();
    dy += s.out_size();
    if (dx != nullptr) dx += s.in_size();
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {

HWY_EXPORT(BackwardScratch);
HWY_EXPORT(RowsSize);
HWY_EXPORT(Pack);
HWY_EXPORT(Unpack);
HWY_EXPORT(Backward);

size_t ConvReluPoolBackwardScratchSize(const ConvReluPoolShape& shape) {
  return HWY_DYNAMIC_DISPATCH(BackwardScratch)(shape);
}

size_t ConvRowsSize(const ConvReluPoolShape& shape) {
  return HWY_DYNAMIC_DISPATCH(RowsSize)(shape);
}

void PackConvRows(const ConvReluPoolShape& shape, const float* weights,
                  float* rows) {
  HWY_DYNAMIC_DISPATCH(Pack)(shape, weights, rows);
}

void SumConvRows(const ConvReluPoolShape& shape, int parts, float* rows,
                 float* dw) {
  HWY_DYNAMIC_DISPATCH(Unpack)(shape, parts, rows, dw);
}

void ConvReluPoolBackward(const ConvReluPoolShape& shape, const float* rows,
                          int images, const float* x, const float* y,
                          const uint8_t* argmax, const float* dy, float* dx,
                          float* d_rows, float* scratch) {
  HWY_DYNAMIC_DISPATCH(Backward)
  (shape, rows, images, x, y, argmax, dy, dx, d_rows, scratch);
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

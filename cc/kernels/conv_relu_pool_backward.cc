#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/conv_relu_pool_dense.h"
#include "cc/kernels/conv_relu_pool_scratch.h"
#include "cc/kernels/conv_relu_pool_sizes.h"
#include "cc/kernels/conv_relu_pool_targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/conv_relu_pool_backward.cc"
// The order counts.
// clang-format off
#include "hwy/foreach_target.h"  // IWYU pragma: keep
#include "hwy/highway.h"
#include "cc/kernels/conv_relu_pool_items-inl.h"
#include "cc/kernels/conv_relu_pool_rows-inl.h"
// clang-format on

// Of each window only the greatest place has a gradient, and that only if it
// is positive: an item. Its patch of the input times its gradient is added to
// the gradient of its channel's weights; the weights times its gradient are
// added to the gradient of the patch. With the channels of a pixel side by side
// a patch is five runs of 5 * in_channels numbers, which are padded to whole
// vectors (rows). The padding of weights is zero; what lies behind a run of the
// input is multiplied too, and not looked at.

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using Scratch = ConvReluPoolScratch;
using Sizes = ConvReluPoolSizes;

// Vectors of a row that are worked on together.
constexpr size_t kBlock = 4;

// ---- Items

// Lists the items by window and left or right half of it, for dx.
void ListByHalf(const Sizes& s, size_t row_size, const Scratch& scratch) {
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

// ---- Gradient of the weights

// Adds, for kRows rows of kVectors vectors, value * patch of all items to
// `dw`. x: where the rows of the patch at offset 0 start.
template <size_t kRows, size_t kVectors, class D>
HWY_INLINE void AddPatches(D d, const float* x, size_t x_stride,
                           const int32_t* offsets, const float* values,
                           const int32_t* places, int32_t count, float* dw,
                           size_t dw_stride) {
  // Two sets, where there is room, halve the chains of dependent sums.
  constexpr size_t kSets = kRows * kVectors <= 6 ? 2 : 1;
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d);
  V sums[kSets][kRows][kVectors];
  const auto add = [&](size_t set, int32_t item) HWY_ATTR {
    const V value = hn::Set(d, values[item]);
    const float* row = x + offsets[places[item]];
    HWY_UNROLL(5)
    for (size_t r = 0; r < kRows; ++r) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; ++v) {
        sums[set][r][v] =
            hn::MulAdd(value, hn::LoadU(d, row + v * lanes), sums[set][r][v]);
      }
      row += x_stride;
    }
  };
  HWY_UNROLL(2)
  for (size_t set = 0; set < kSets; ++set) {
    HWY_UNROLL(5)
    for (size_t r = 0; r < kRows; ++r) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; ++v) sums[set][r][v] = hn::Zero(d);
    }
  }
  int32_t item = 0;
  if (kSets == 2) {
    for (; item + 2 <= count; item += 2) {
      add(0, item);
      add(kSets - 1, item + 1);
    }
  }
  for (; item < count; ++item) add(0, item);
  HWY_UNROLL(5)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (size_t v = 0; v < kVectors; ++v) {
      V sum = sums[0][r][v];
      if (kSets == 2) sum = hn::Add(sum, sums[kSets - 1][r][v]);
      float* to = dw + v * lanes;
      hn::Store(hn::Add(hn::Load(d, to), sum), d, to);
    }
    dw += dw_stride;
  }
}

// ---- Gradient of the input

// Adds, for kRows rows of kVectors vectors, value * weights of all items of a
// half window to `dx`.
template <size_t kRows, size_t kVectors, class D>
HWY_INLINE void AddWeights(D d, const float* weights, size_t weights_stride,
                           const float* values, const int32_t* rows,
                           int32_t count, float* dx, size_t dx_stride) {
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d);
  V sums[kRows][kVectors];
  HWY_UNROLL(6)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (size_t v = 0; v < kVectors; ++v) sums[r][v] = hn::Zero(d);
  }
  for (int32_t item = 0; item < count; ++item) {
    const V value = hn::Set(d, values[item]);
    const float* row = weights + rows[item];
    HWY_UNROLL(6)
    for (size_t r = 0; r < kRows; ++r) {
      HWY_UNROLL(4)
      for (size_t v = 0; v < kVectors; ++v) {
        sums[r][v] =
            hn::MulAdd(value, hn::Load(d, row + v * lanes), sums[r][v]);
      }
      row += weights_stride;
    }
  }
  HWY_UNROLL(6)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(4)
    for (size_t v = 0; v < kVectors; ++v) {
      float* to = dx + v * lanes;
      hn::StoreU(hn::Add(hn::LoadU(d, to), sums[r][v]), d, to);
    }
    dx += dx_stride;
  }
}

// ---- One image

// Both gradients for the vectors [first, first + kVectors) of all rows, as many
// rows at a time as there are registers for.
template <size_t kVectors, class D>
struct Block {
  static constexpr size_t kDwRows = kVectors <= 2 ? 5 : 3;
  static constexpr size_t kDxRows = kVectors <= 2 ? 6 : 3;

  static void Dw(D d, const Sizes& s, const Scratch& scratch, size_t first,
                 size_t row_size) {
    const size_t stride = s.in_width * s.in_channels;
    const size_t column = first * hn::Lanes(d);
    for (size_t oc = 0; oc < s.out_channels; ++oc) {
      const float* values = scratch.values + oc * s.windows();
      const int32_t* places = scratch.places + oc * s.windows();
      float* dw = scratch.dw + oc * kConvKernel * row_size + column;
      AddPatches<kDwRows, kVectors>(d, scratch.x + column, stride,
                                    scratch.offsets, values, places,
                                    scratch.counts[oc], dw, row_size);
      if (kDwRows == kConvKernel) continue;
      AddPatches<2, kVectors>(d, scratch.x + column + 3 * stride, stride,
                              scratch.offsets, values, places,
                              scratch.counts[oc], dw + 3 * row_size, row_size);
    }
  }

  static void Dx(D d, const Sizes& s, const Scratch& scratch, size_t first,
                 size_t row_size) {
    const size_t stride = s.in_width * s.in_channels;
    const size_t column = first * hn::Lanes(d);
    for (size_t half = 0; half < 2 * s.windows(); ++half) {
      const int32_t count = scratch.dx_counts[half];
      if (count == 0) continue;
      const float* values = scratch.dx_values + half * s.out_channels;
      const int32_t* rows = scratch.dx_rows + half * s.out_channels;
      const int32_t offset = scratch.offsets[half / 2 * 4 + half % 2];
      for (size_t r = 0; r < kPatch; r += kDxRows) {
        AddWeights<kDxRows, kVectors>(
            d, scratch.weights + column + r * row_size, row_size, values, rows,
            count, scratch.dx + offset + column + r * stride, stride);
      }
    }
  }
};

template <size_t kVectors, class D>
void GradientsOfBlock(D d, const Sizes& s, const Scratch& scratch, size_t first,
                      size_t row_size, bool with_dx) {
  Block<kVectors, D>::Dw(d, s, scratch, first, row_size);
  if (with_dx) Block<kVectors, D>::Dx(d, s, scratch, first, row_size);
}

template <class D>
void SparseGradients(D d, const Sizes& s, size_t row_size,
                     const Scratch& scratch, const float* x, const float* y,
                     const uint8_t* argmax, const float* dy, float* dx) {
  Transpose(x, s.in_channels, s.pixels(), scratch.x);
  for (size_t oc = 0; oc < s.out_channels; ++oc) {
    const size_t at = oc * s.windows();
    scratch.counts[oc] = ListItems(s.windows(), y + at, argmax + at, dy + at,
                                   scratch.values + at, scratch.places + at);
  }
  if (dx != nullptr) {
    std::fill_n(scratch.dx, s.pixels() * s.in_channels, 0.0f);
    ListByHalf(s, row_size, scratch);
  }
  const size_t vectors = row_size / hn::Lanes(d);
  for (size_t v = 0; v < vectors; v += kBlock) {
    const auto gradients =
        std::array{&GradientsOfBlock<1, D>, &GradientsOfBlock<2, D>,
                   &GradientsOfBlock<3, D>,
                   &GradientsOfBlock<4, D>}[std::min(vectors - v, kBlock) - 1];
    gradients(d, s, scratch, v, row_size, dx != nullptr);
  }
  if (dx != nullptr) {
    Transpose(scratch.dx, s.pixels(), s.in_channels, dx);
  }
}

// ---- Entry points

// Short rows waste less of short vectors.
template <class Function>
auto WithTag(const Sizes& s, const Function& function) {
  if (kConvKernel * s.in_channels <= 8) {
    return function(hn::CappedTag<float, 8>());
  }
  return function(hn::ScalableTag<float>());
}

template <class D>
size_t RowSize(D d, const Sizes& s) {
  return RoundUp(kConvKernel * s.in_channels, hn::Lanes(d));
}

size_t BackwardScratch(const ConvReluPoolShape& shape) {
  const Sizes s(shape);
  return WithTag(s, [&](auto d) HWY_ATTR {
    return Scratch(s, RowSize(d, s), nullptr).size;
  });
}

void FillOffsets(const Sizes& s, int32_t* offsets) {
  for (size_t row = 0; row < 2 * s.out_height; row += 2) {
    for (size_t column = 0; column < 2 * s.out_width; column += 2) {
      for (size_t place = 0; place < 4; ++place) {
        const size_t pixel =
            (row + place / 2) * s.in_width + column + place % 2;
        *offsets++ = static_cast<int32_t>(pixel * s.in_channels);
      }
    }
  }
}

template <class D>
void BackwardWith(D d, const ConvReluPoolShape& shape, const float* weights,
                  int images, const float* x, const float* y,
                  const uint8_t* argmax, const float* dy, float* dx, float* dw,
                  float* memory) {
  const Sizes s(shape);
  const size_t row_size = RowSize(d, s);
  const Scratch scratch(s, row_size, memory);
  FillOffsets(s, scratch.offsets);
  // What lies behind the last run of an image is read, into lanes that do not
  // count; odd numbers there would only cost time.
  std::fill_n(scratch.x + shape.in_size(), kScratchAlignment, 0.0f);
  std::fill_n(scratch.dw, s.out_channels * kConvKernel * row_size, 0.0f);
  const bool finite_weights =
      dx == nullptr || AllFinite(weights, shape.weight_size());
  if (dx != nullptr)
    PackRows(s, weights, row_size, scratch.taps, scratch.weights);
  for (int i = 0; i < images; ++i) {
    if (finite_weights && AllFinite(x, shape.in_size()) &&
        AllFinite(dy, shape.out_size())) {
      SparseGradients(d, s, row_size, scratch, x, y, argmax, dy, dx);
    } else {
      DenseGradients(shape, weights, x, y, argmax, dy, scratch.gradients, dx,
                     scratch.dw, row_size);
    }
    x += shape.in_size();
    y += shape.out_size();
    argmax += shape.out_size();
    dy += shape.out_size();
    if (dx != nullptr) dx += shape.in_size();
  }
  UnpackRows(s, scratch.dw, row_size, scratch.taps, dw);
}

void Backward(const ConvReluPoolShape& shape, const float* weights, int images,
              const float* x, const float* y, const uint8_t* argmax,
              const float* dy, float* dx, float* dw, float* scratch) {
  WithTag(Sizes(shape), [&](auto d) HWY_ATTR {
    BackwardWith(d, shape, weights, images, x, y, argmax, dy, dx, dw, scratch);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {

HWY_EXPORT(BackwardScratch);
HWY_EXPORT(Backward);

size_t ConvReluPoolBackwardScratchSize(const ConvReluPoolShape& shape) {
  return HWY_DYNAMIC_DISPATCH(BackwardScratch)(shape);
}

void ConvReluPoolBackward(const ConvReluPoolShape& shape, const float* weights,
                          int images, const float* x, const float* y,
                          const uint8_t* argmax, const float* dy, float* dx,
                          float* dw, float* scratch) {
  HWY_DYNAMIC_DISPATCH(Backward)
  (shape, weights, images, x, y, argmax, dy, dx, dw, scratch);
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

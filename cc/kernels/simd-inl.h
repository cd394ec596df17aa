// Vector code that the kernels share. Included once per instruction set, after
// hwy/foreach_target.h.

#if defined(CC_KERNELS_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef CC_KERNELS_SIMD_INL_H_
#undef CC_KERNELS_SIMD_INL_H_
#else
#define CC_KERNELS_SIMD_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using OneLane = hn::CappedTag<float, 1>;

constexpr size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

// Returns max(value, 0); NaN stays NaN.
template <class D, class V>
HWY_INLINE V Rectify(D d, V value) {
  return hn::IfThenZeroElse(hn::Lt(value, hn::Zero(d)), value);
}

// Calls function(tag, index) for whole vectors of an array of `size` floats,
// then with a tag of one lane for the rest.
template <class Function>
HWY_INLINE void ForEachVector(size_t size, const Function& function) {
  const hn::ScalableTag<float> d;
  size_t i = 0;
  for (; i + hn::Lanes(d) <= size; i += hn::Lanes(d)) function(d, i);
  for (; i < size; ++i) function(OneLane(), i);
}

#if HWY_TARGET != HWY_SCALAR
// to[c * to_stride + r] = from[r * from_stride + c] for 4x4 numbers.
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

// to[columns, rows] = transpose of from[rows, columns], whose rows are `stride`
// floats apart.
inline void Transpose(const float* from, size_t stride, size_t rows,
                      size_t columns, float* to) {
  if (rows == 1 || stride == 1) {
    std::copy_n(from, rows * columns, to);
    return;
  }
#if HWY_TARGET != HWY_SCALAR
  if (rows >= 4 && columns >= 4) {
    // The last blocks overlap those before.
    for (size_t i = 0; i < columns; i += 4) {
      const size_t c = std::min(i, columns - 4);
      for (size_t j = 0; j < rows; j += 4) {
        const size_t r = std::min(j, rows - 4);
        Transpose4x4(from + r * stride + c, stride, to + c * rows + r, rows);
      }
    }
    return;
  }
#endif
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c)
      to[c * rows + r] = from[r * stride + c];
  }
}

// Register tiles: V tile[rows][columns], with at most 12 vectors, so that 16
// registers also hold the operands. Not std::array: its functions lack the
// attributes of the target, and gcc does not inline the vectors' into them.

// Calls function(row, column, vector) for each vector of a tile.
template <class V, size_t kRows, size_t kColumns, class Function>
HWY_INLINE void ForEachInTile(V (&tile)[kRows][kColumns],
                              const Function& function) {
  HWY_UNROLL(12)
  for (size_t r = 0; r < kRows; ++r) {
    HWY_UNROLL(12)
    for (size_t c = 0; c < kColumns; ++c) function(r, c, tile[r][c]);
  }
}

template <class D, class V, size_t kRows, size_t kColumns>
HWY_INLINE void Clear(D d, V (&tile)[kRows][kColumns]) {
  ForEachInTile(tile,
                [&](size_t, size_t, V& sum) HWY_ATTR { sum = hn::Zero(d); });
}

// tile[r][c] += row(r) * column(c): one term of each sum of a matrix product.
template <class V, size_t kRows, size_t kColumns, class Row, class Column>
HWY_INLINE void AddOuterProduct(const Row& row, const Column& column,
                                V (&tile)[kRows][kColumns]) {
  V columns[kColumns];
  HWY_UNROLL(12)
  for (size_t c = 0; c < kColumns; ++c) columns[c] = column(c);
  HWY_UNROLL(12)
  for (size_t r = 0; r < kRows; ++r) {
    const V factor = row(r);
    HWY_UNROLL(12)
    for (size_t c = 0; c < kColumns; ++c) {
      tile[r][c] = hn::MulAdd(factor, columns[c], tile[r][c]);
    }
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#endif  // CC_KERNELS_SIMD_INL_H_

#include "cc/kernels/dense.h"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/dense.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

// Two kernels with 12 vectors of sums, which 16 vector registers can hold:
// Outer has the columns of the result in the lanes (both gradients), Inner the
// terms of its sums (forward, as w lies row by row). Accumulators are single
// variables because vectors of SVE cannot be members of an array.

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int kTileRows = 4;
constexpr int kTileVectors = 3;

using OneLane = hn::CappedTag<float, 1>;

// c = a b for matrices with any distance between rows and, in a, columns.
struct Product {
  int rows;
  int columns;
  int depth;
  const float* a;  // [rows, depth]
  ptrdiff_t a_row;
  ptrdiff_t a_column;
  const float* b;  // [depth, columns]
  ptrdiff_t b_row;
  const float* relu_output;  // like c, or null
  float* c;                  // [rows, columns], without gaps
};

template <int kVectors, class V>
HWY_INLINE void AddProducts(V a, V b0, V b1, V b2, V& c0, V& c1, V& c2) {
  c0 = hn::MulAdd(a, b0, c0);
  if constexpr (kVectors > 1) c1 = hn::MulAdd(a, b1, c1);
  if constexpr (kVectors > 2) c2 = hn::MulAdd(a, b2, c2);
}

template <class D, class V>
HWY_INLINE void StoreMasked(D d, V value, const Product& p, ptrdiff_t at) {
  if (p.relu_output != nullptr) {
    const auto active = hn::Gt(hn::LoadU(d, p.relu_output + at), hn::Zero(d));
    value = hn::IfThenElseZero(active, value);
  }
  hn::StoreU(value, d, p.c + at);
}

template <int kVectors, class D, class V>
HWY_INLINE void StoreRow(D d, V c0, V c1, V c2, const Product& p,
                         ptrdiff_t at) {
  const ptrdiff_t lanes = static_cast<ptrdiff_t>(hn::Lanes(d));
  StoreMasked(d, c0, p, at);
  if constexpr (kVectors > 1) StoreMasked(d, c1, p, at + lanes);
  if constexpr (kVectors > 2) StoreMasked(d, c2, p, at + 2 * lanes);
}

// kRows rows of c from `row`, kVectors vectors of columns from `column`.
template <int kRows, int kVectors, class D>
HWY_INLINE void OuterTile(D d, const Product& p, int row, int column) {
  using V = hn::Vec<D>;
  const ptrdiff_t lanes = static_cast<ptrdiff_t>(hn::Lanes(d));
  V c00 = hn::Zero(d), c01 = c00, c02 = c00;
  V c10 = c00, c11 = c00, c12 = c00;
  V c20 = c00, c21 = c00, c22 = c00;
  V c30 = c00, c31 = c00, c32 = c00;
  const float* HWY_RESTRICT a = p.a + row * p.a_row;
  const float* HWY_RESTRICT b = p.b + column;
  for (int k = 0; k < p.depth; ++k, a += p.a_column, b += p.b_row) {
    const V b0 = hn::LoadU(d, b);
    const V b1 = kVectors > 1 ? hn::LoadU(d, b + lanes) : b0;
    const V b2 = kVectors > 2 ? hn::LoadU(d, b + 2 * lanes) : b0;
    AddProducts<kVectors>(hn::Set(d, a[0]), b0, b1, b2, c00, c01, c02);
    if constexpr (kRows > 1) {
      AddProducts<kVectors>(hn::Set(d, a[p.a_row]), b0, b1, b2, c10, c11, c12);
    }
    if constexpr (kRows > 2) {
      AddProducts<kVectors>(hn::Set(d, a[2 * p.a_row]), b0, b1, b2, c20, c21,
                            c22);
    }
    if constexpr (kRows > 3) {
      AddProducts<kVectors>(hn::Set(d, a[3 * p.a_row]), b0, b1, b2, c30, c31,
                            c32);
    }
  }
  const ptrdiff_t columns = p.columns;
  const ptrdiff_t at = row * columns + column;
  StoreRow<kVectors>(d, c00, c01, c02, p, at);
  if constexpr (kRows > 1) {
    StoreRow<kVectors>(d, c10, c11, c12, p, at + columns);
  }
  if constexpr (kRows > 2) {
    StoreRow<kVectors>(d, c20, c21, c22, p, at + 2 * columns);
  }
  if constexpr (kRows > 3) {
    StoreRow<kVectors>(d, c30, c31, c32, p, at + 3 * columns);
  }
}

template <int kVectors, class D>
HWY_INLINE void OuterColumns(D d, const Product& p, int column) {
  int row = 0;
  for (; row + kTileRows <= p.rows; row += kTileRows) {
    OuterTile<kTileRows, kVectors>(d, p, row, column);
  }
  switch (p.rows - row) {
    case 3:
      OuterTile<3, kVectors>(d, p, row, column);
      break;
    case 2:
      OuterTile<2, kVectors>(d, p, row, column);
      break;
    case 1:
      OuterTile<1, kVectors>(d, p, row, column);
      break;
    default:
      break;
  }
}

void Outer(const Product& p) {
  const hn::ScalableTag<float> d;
  const int lanes = static_cast<int>(hn::Lanes(d));
  int column = 0;
  if (p.columns < lanes) {
    for (; column < p.columns; ++column) OuterColumns<1>(OneLane(), p, column);
    return;
  }
  for (; column + kTileVectors * lanes <= p.columns;
       column += kTileVectors * lanes) {
    OuterColumns<kTileVectors>(d, p, column);
  }
  if (column + 2 * lanes <= p.columns) {
    OuterColumns<2>(d, p, column);
    column += 2 * lanes;
  } else if (column + lanes <= p.columns) {
    OuterColumns<1>(d, p, column);
    column += lanes;
  }
  // The last columns again with those before them, to the same result.
  if (column < p.columns) OuterColumns<1>(d, p, p.columns - lanes);
}

#if HWY_TARGET != HWY_SCALAR && !HWY_HAVE_SCALABLE
// The sum of the blocks of four lanes.
template <class D, class V>
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> AddBlocks(D /*d*/, V v) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return v;
  } else {
    const hn::Half<D> half;
    return AddBlocks(half,
                     hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}
#endif

struct Layer {
  int in;
  int out;
  const float* x;
  const float* w;
  const float* bias;
  bool relu;
  float* y;
};

// What is left to do of a sum, for each lane: bias and ReLU.
template <class D, class V>
HWY_INLINE void StoreResults(D d, V sums, const Layer& layer, int row,
                             int output) {
  if (layer.bias != nullptr) {
    sums = hn::Add(sums, hn::LoadU(d, layer.bias + output));
  }
  if (layer.relu) {
    sums = hn::IfThenZeroElse(hn::Lt(sums, hn::Zero(d)), sums);
  }
  hn::StoreU(sums, d,
             layer.y + row * static_cast<ptrdiff_t>(layer.out) + output);
}

// Adds the lanes of each vector, for one output or kTileRows neighbours.
template <int kOutputs, class D, class V>
HWY_INLINE void StoreSums(D d, V c0, V c1, V c2, V c3, const Layer& layer,
                          int row, int output) {
#if HWY_TARGET != HWY_SCALAR && !HWY_HAVE_SCALABLE
  if constexpr (kOutputs > 1 && hn::MaxLanes(D()) >= 4) {
    const hn::Repartition<uint64_t, D> pairs;
    const V c01 =
        hn::Add(hn::InterleaveLower(d, c0, c1), hn::InterleaveUpper(d, c0, c1));
    const V c23 =
        hn::Add(hn::InterleaveLower(d, c2, c3), hn::InterleaveUpper(d, c2, c3));
    const auto p01 = hn::BitCast(pairs, c01);
    const auto p23 = hn::BitCast(pairs, c23);
    const V sums =
        hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, p01, p23)),
                hn::BitCast(d, hn::InterleaveUpper(pairs, p01, p23)));
    StoreResults(hn::FixedTag<float, 4>(), AddBlocks(d, sums), layer, row,
                 output);
    return;
  }
#endif
  const auto store = [&](V terms, int offset) HWY_ATTR {
    const OneLane one;
    const float sum = hn::GetLane(hn::SumOfLanes(d, terms));
    StoreResults(one, hn::Set(one, sum), layer, row, output + offset);
  };
  store(c0, 0);
  if constexpr (kOutputs > 1) {
    store(c1, 1);
    store(c2, 2);
    store(c3, 3);
  }
}

// kOutputs (one or kTileRows) outputs from `output` for kRows rows from `row`.
template <int kOutputs, int kRows, class D>
HWY_INLINE void InnerTile(D d, const Layer& layer, int output, int row) {
  using V = hn::Vec<D>;
  const int lanes = static_cast<int>(hn::Lanes(d));
  const ptrdiff_t in = layer.in;
  V c00 = hn::Zero(d), c01 = c00, c02 = c00;
  V c10 = c00, c11 = c00, c12 = c00;
  V c20 = c00, c21 = c00, c22 = c00;
  V c30 = c00, c31 = c00, c32 = c00;
  const float* HWY_RESTRICT w = layer.w + output * in;
  const float* HWY_RESTRICT x = layer.x + row * in;
  const auto add = [&](ptrdiff_t k, auto load) HWY_ATTR {
    const V x0 = load(x + k);
    const V x1 = kRows > 1 ? load(x + in + k) : x0;
    const V x2 = kRows > 2 ? load(x + 2 * in + k) : x0;
    AddProducts<kRows>(load(w + k), x0, x1, x2, c00, c01, c02);
    if constexpr (kOutputs > 1) {
      AddProducts<kRows>(load(w + in + k), x0, x1, x2, c10, c11, c12);
      AddProducts<kRows>(load(w + 2 * in + k), x0, x1, x2, c20, c21, c22);
      AddProducts<kRows>(load(w + 3 * in + k), x0, x1, x2, c30, c31, c32);
    }
  };
  int k = 0;
  for (; k + lanes <= layer.in; k += lanes) {
    add(k, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p); });
  }
  if (k < layer.in) {
    // The last vector of the row, without the lanes that were added before.
    const auto done = hn::FirstN(d, static_cast<size_t>(lanes - layer.in + k));
    add(layer.in - lanes, [&](const float* p) HWY_ATTR {
      return hn::IfThenZeroElse(done, hn::LoadU(d, p));
    });
  }
  StoreSums<kOutputs>(d, c00, c10, c20, c30, layer, row, output);
  if constexpr (kRows > 1) {
    StoreSums<kOutputs>(d, c01, c11, c21, c31, layer, row + 1, output);
  }
  if constexpr (kRows > 2) {
    StoreSums<kOutputs>(d, c02, c12, c22, c32, layer, row + 2, output);
  }
}

// kOutputs outputs from `output` for all rows. Four rows are twice two, as one
// alone is slow.
template <int kOutputs, class D>
HWY_INLINE void InnerRows(D d, const Layer& layer, int rows, int output) {
  int row = 0;
  for (; rows - row == 3 || rows - row > 4; row += 3) {
    InnerTile<kOutputs, 3>(d, layer, output, row);
  }
  for (; rows - row >= 2; row += 2) {
    InnerTile<kOutputs, 2>(d, layer, output, row);
  }
  if (row < rows) InnerTile<kOutputs, 1>(d, layer, output, row);
}

template <class D>
HWY_INLINE void Inner(D d, const Layer& layer, int rows) {
  int output = 0;
  if (layer.out < kTileRows) {
    for (; output < layer.out; ++output) InnerRows<1>(d, layer, rows, output);
    return;
  }
  for (; output + kTileRows <= layer.out; output += kTileRows) {
    InnerRows<kTileRows>(d, layer, rows, output);
  }
  // The last outputs again with those before them, to the same result.
  if (output < layer.out) {
    InnerRows<kTileRows>(d, layer, rows, layer.out - kTileRows);
  }
}

void Forward(int in, int out, int rows, const float* x, const float* w,
             const float* bias, bool relu, float* y) {
  const hn::ScalableTag<float> d;
  const Layer layer = {in, out, x, w, bias, relu, y};
  if (in < static_cast<int>(hn::Lanes(d))) {
    Inner(OneLane(), layer, rows);
  } else {
    Inner(d, layer, rows);
  }
}

void BackwardInput(int in, int out, int rows, const float* dy, const float* w,
                   const float* relu_output, float* dx) {
  Outer({rows, in, out, dy, out, 1, w, in, relu_output, dx});
}

void BackwardWeights(int in, int out, int rows, const float* x, const float* dy,
                     int dy_stride, float* dw) {
  Outer({out, in, rows, dy, 1, dy_stride, x, in, nullptr, dw});
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {

HWY_EXPORT(Forward);
HWY_EXPORT(BackwardInput);
HWY_EXPORT(BackwardWeights);

void DenseForward(int in, int out, int rows, const float* x, const float* w,
                  const float* bias, bool relu, float* y) {
  HWY_DYNAMIC_DISPATCH(Forward)(in, out, rows, x, w, bias, relu, y);
}

void DenseBackwardInput(int in, int out, int rows, const float* dy,
                        const float* w, const float* relu_output, float* dx) {
  HWY_DYNAMIC_DISPATCH(BackwardInput)(in, out, rows, dy, w, relu_output, dx);
}

void DenseBackwardWeights(int in, int out, int rows, const float* x,
                          const float* dy, int dy_stride, float* dw,
                          float* db) {
  HWY_DYNAMIC_DISPATCH(BackwardWeights)(in, out, rows, x, dy, dy_stride, dw);
  std::fill_n(db, out, 0.0F);
  for (ptrdiff_t row = 0; row < rows; ++row) {
    for (ptrdiff_t o = 0; o < out; ++o) db[o] += dy[row * dy_stride + o];
  }
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

#include "cc/kernels/dense.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "cc/kernels/linear.h"
#include "cc/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/dense.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "cc/kernels/simd-inl.h"

// Outer has columns of the result in the lanes and computes both gradients.
// Inner has terms of the sums in the lanes and computes the forward pass of
// training, because the rows of w are contiguous.

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

// ---- Outer

// c = a b, with any distance between the rows and, in a, between the columns.
struct Product {
  size_t rows;
  size_t columns;
  size_t depth;
  const float* a;  // [rows, depth]
  size_t a_row;
  size_t a_column;
  const float* b;            // [depth, columns], contiguous
  const float* relu_output;  // like c, or null
  float* c;                  // [rows, columns], contiguous
};

template <size_t kRows, size_t kVectors, class D>
HWY_INLINE void OuterTile(D d, const Product& p, size_t row, size_t column) {
  const size_t lanes = hn::Lanes(d);
  const size_t a_row = p.a_row;
  const size_t columns = p.columns;
  hn::Vec<D> tile[kRows][kVectors];
  Clear(d, tile);
  const float* HWY_RESTRICT a = p.a + row * a_row;
  const float* HWY_RESTRICT b = p.b + column;
  for (size_t k = 0; k < p.depth; ++k, a += p.a_column, b += columns) {
    AddOuterProduct(
        [&](size_t r) HWY_ATTR { return hn::Set(d, a[r * a_row]); },
        [&](size_t v) HWY_ATTR { return hn::LoadU(d, b + v * lanes); }, tile);
  }
  const size_t first = row * columns + column;
  const float* const relu_output =
      p.relu_output == nullptr ? nullptr : p.relu_output + first;
  float* const c = p.c + first;
  ForEachInTile(tile, [&](size_t r, size_t v, auto sum) HWY_ATTR {
    const size_t at = r * columns + v * lanes;
    if (relu_output != nullptr) {
      const auto active = hn::Gt(hn::LoadU(d, relu_output + at), hn::Zero(d));
      sum = hn::IfThenElseZero(active, sum);
    }
    hn::StoreU(sum, d, c + at);
  });
}

// Computes kVectors vectors of columns for all rows from `row` on.
template <size_t kRows, size_t kVectors, class D>
HWY_INLINE void OuterRows(D d, const Product& p, size_t row, size_t column) {
  for (; row + kRows <= p.rows; row += kRows) {
    OuterTile<kRows, kVectors>(d, p, row, column);
  }
  if constexpr (kRows > 1) {
    OuterRows<kRows - 1, kVectors>(d, p, row, column);
  }
}

// Computes the columns from `column` on for all rows.
template <size_t kVectors, class D>
HWY_INLINE void OuterColumns(D d, const Product& p, size_t column) {
  const size_t step = kVectors * hn::Lanes(d);
  for (; column + step <= p.columns; column += step) {
    OuterRows<4, kVectors>(d, p, 0, column);
  }
  if constexpr (kVectors > 1) {
    OuterColumns<kVectors - 1>(d, p, column);
  } else if (column < p.columns) {
    // The last vector overlaps the one before, with equal results.
    OuterRows<4, 1>(d, p, 0, p.columns - step);
  }
}

void Outer(const Product& p) {
  const hn::ScalableTag<float> d;
  if (p.columns < hn::Lanes(d)) {
    OuterColumns<1>(OneLane(), p, 0);
  } else {
    OuterColumns<3>(d, p, 0);
  }
}

// ---- Inner

struct Layer {
  size_t in;
  size_t out;
  size_t rows;
  const float* x;
  const float* w;
  const float* bias;
  bool relu;
  float* y;
};

// Adds the bias and applies ReLU to the lanes of `sums`.
template <class D, class V>
HWY_INLINE void StoreResults(D d, V sums, const Layer& layer, size_t row,
                             size_t output) {
  if (layer.bias != nullptr) {
    sums = hn::Add(sums, hn::LoadU(d, layer.bias + output));
  }
  if (layer.relu) sums = Rectify(d, sums);
  hn::StoreU(sums, d, layer.y + row * layer.out + output);
}

#if HWY_TARGET != HWY_SCALAR
// Returns the sum of the blocks of four lanes.
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

// Returns the sum of all lanes of each of four vectors.
template <class D, class V>
HWY_INLINE auto SumsOfLanes(D d, V c0, V c1, V c2, V c3) {
  const hn::Repartition<uint64_t, D> pairs;
  const auto add_lanes = [&](V a, V b) HWY_ATTR {
    return hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, a, b),
                                      hn::InterleaveUpper(d, a, b)));
  };
  const auto c01 = add_lanes(c0, c1);
  const auto c23 = add_lanes(c2, c3);
  const V sums = hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, c01, c23)),
                         hn::BitCast(d, hn::InterleaveUpper(pairs, c01, c23)));
  return AddBlocks(d, sums);
}
#endif

// Computes kOutputs (1 or 4) outputs for kRows rows, or 3 outputs for 4 rows.
template <size_t kOutputs, size_t kRows, class D>
HWY_INLINE void InnerTile(D d, const Layer& layer, size_t output, size_t row) {
  using V = hn::Vec<D>;
  const size_t lanes = hn::Lanes(d);
  const size_t in = layer.in;
  V tile[kOutputs][kRows];
  Clear(d, tile);
  const float* HWY_RESTRICT w = layer.w + output * in;
  const float* HWY_RESTRICT x = layer.x + row * in;
  const auto add = [&](size_t k, const auto& load) HWY_ATTR {
    AddOuterProduct([&](size_t o) HWY_ATTR { return load(w + o * in + k); },
                    [&](size_t r) HWY_ATTR { return load(x + r * in + k); },
                    tile);
  };
  size_t k = 0;
  for (; k + lanes <= in; k += lanes) {
    add(k, [&](const float* p) HWY_ATTR { return hn::LoadU(d, p); });
  }
  if (k < in) {
    // The last vector, without the lanes that were added before.
    const auto done = hn::FirstN(d, lanes + k - in);
    add(in - lanes, [&](const float* p) HWY_ATTR {
      return hn::IfThenZeroElse(done, hn::LoadU(d, p));
    });
  }
#if HWY_TARGET != HWY_SCALAR
  if constexpr (kOutputs == 3) {
    static_assert(kRows == 4, "the blocks of SumsOfLanes are rows");
    const hn::FixedTag<float, 4> d4;
    HWY_UNROLL(3)
    for (size_t o = 0; o < kOutputs; ++o) {
      auto sums =
          SumsOfLanes(d, tile[o][0], tile[o][1], tile[o][2], tile[o][3]);
      if (layer.bias != nullptr) {
        sums = hn::Add(sums, hn::Set(d4, layer.bias[output + o]));
      }
      if (layer.relu) sums = Rectify(d4, sums);
      HWY_ALIGN float results[4];
      hn::Store(sums, d4, results);
      for (size_t r = 0; r < kRows; ++r) {
        layer.y[(row + r) * layer.out + output + o] = results[r];
      }
    }
    return;
  }
#endif
  HWY_UNROLL(4)
  for (size_t r = 0; r < kRows; ++r) {
#if HWY_TARGET != HWY_SCALAR
    if constexpr (kOutputs == 4 && hn::MaxLanes(D()) >= 4) {
      const auto sums =
          SumsOfLanes(d, tile[0][r], tile[1][r], tile[2][r], tile[3][r]);
      StoreResults(hn::FixedTag<float, 4>(), sums, layer, row + r, output);
      continue;
    }
#endif
    HWY_UNROLL(4)
    for (size_t o = 0; o < kOutputs; ++o) {
      const OneLane one;
      const float sum = hn::GetLane(hn::SumOfLanes(d, tile[o][r]));
      StoreResults(one, hn::Set(one, sum), layer, row + r, output + o);
    }
  }
}

// Computes kOutputs outputs for all rows, three at a time, or four if there are
// 32 registers. With three, four rows are twice two, because one row alone is
// slow.
template <size_t kOutputs, class D>
HWY_INLINE void InnerRows(D d, const Layer& layer, size_t output) {
  size_t row = 0;
  if constexpr (hn::MaxLanes(D()) == 16) {
    for (; layer.rows - row >= 4; row += 4) {
      InnerTile<kOutputs, 4>(d, layer, output, row);
    }
  }
  for (; layer.rows - row == 3 || layer.rows - row > 4; row += 3) {
    InnerTile<kOutputs, 3>(d, layer, output, row);
  }
  for (; layer.rows - row >= 2; row += 2) {
    InnerTile<kOutputs, 2>(d, layer, output, row);
  }
  if (row < layer.rows) InnerTile<kOutputs, 1>(d, layer, output, row);
}

template <class D>
HWY_INLINE void Inner(D d, const Layer& layer) {
  size_t output = 0;
  if (layer.out < 4) {
    for (; output < layer.out; ++output) InnerRows<1>(d, layer, output);
    return;
  }
#if HWY_TARGET != HWY_SCALAR
  if constexpr (hn::MaxLanes(D()) == 4 || hn::MaxLanes(D()) == 8) {
    // Three outputs of four rows fill 16 registers as four outputs of three do.
    if (layer.rows == 4) {
      for (; output + 3 <= layer.out; output += 3) {
        InnerTile<3, 4>(d, layer, output, 0);
      }
      if (output < layer.out) InnerTile<3, 4>(d, layer, layer.out - 3, 0);
      return;
    }
  }
#endif
  for (; output + 4 <= layer.out; output += 4) InnerRows<4>(d, layer, output);
  // The last outputs overlap those before, with equal results.
  if (output < layer.out) InnerRows<4>(d, layer, layer.out - 4);
}

// ---- Constant weights

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

size_t PanelWidth() { return 2 * hn::Lanes(D()); }

HWY_INLINE void StoreFirst(V values, size_t count, float* y) {
  const D d;
  if (count >= hn::Lanes(d)) return hn::StoreU(values, d, y);
  HWY_ALIGN float all[hn::MaxLanes(D())];
  hn::Store(values, d, all);
  std::copy_n(all, count, y);
}

// Computes the first `count` outputs of kPanels panels for kRows rows. Six rows
// share each weight that is read; several panels share each input. A single row
// has eight independent sums, because fewer would wait for each multiply-add.
template <size_t kRows, size_t kPanels>
void RunPanels(size_t in, size_t out, const float* HWY_RESTRICT packed,
               const float* HWY_RESTRICT x, bool relu, size_t count, float* y) {
  constexpr size_t kSums = kRows == 1 ? 4 / kPanels : 1;
  const D d;
  const size_t lanes = hn::Lanes(d);
  const size_t panel_size = (in + 1) * PanelWidth();
  const auto load = [&](size_t v) HWY_ATTR {
    return hn::LoadU(d, packed + v / 2 * panel_size + v % 2 * lanes);
  };
  V tiles[kSums][kRows][2 * kPanels];
  HWY_UNROLL(4)
  for (size_t i = 0; i < kSums; ++i) Clear(d, tiles[i]);
  ForEachInTile(tiles[0],
                [&](size_t, size_t v, V& sum) HWY_ATTR { sum = load(v); });
  const auto add = [&](size_t k, V(&tile)[kRows][2 * kPanels]) HWY_ATTR {
    packed += 2 * lanes;
    AddOuterProduct([&](size_t r)
                        HWY_ATTR { return hn::Set(d, x[r * in + k]); },
                    load, tile);
  };
  size_t k = 0;
  for (; k + kSums <= in; k += kSums) {
    HWY_UNROLL(4)
    for (size_t i = 0; i < kSums; ++i) add(k + i, tiles[i]);
  }
  for (; k < in; ++k) add(k, tiles[0]);
  ForEachInTile(tiles[0], [&](size_t r, size_t v, V sum) HWY_ATTR {
    for (size_t i = 1; i < kSums; ++i) sum = hn::Add(sum, tiles[i][r][v]);
    StoreFirst(relu ? Rectify(d, sum) : sum, count - std::min(count, v * lanes),
               y + r * out + v * lanes);
  });
}

void RunRows(size_t in, size_t out, const float* packed, size_t rows,
             const float* x, bool relu, float* y) {
  const size_t width = PanelWidth();
  const size_t sixes = rows / 6 * 6;
  const auto run = [&](auto function, size_t row, size_t first, size_t panels) {
    function(in, out, packed + first * (in + 1), x + row * in, relu,
             std::min(panels * width, out - first), y + row * out + first);
  };
  for (size_t first = 0; first < out; first += width) {
    for (size_t row = 0; row < sixes; row += 6) {
      run(&RunPanels<6, 1>, row, first, 1);
    }
  }
  for (size_t row = sixes; row < rows; ++row) {
    for (size_t first = 0; first < out;) {
      const size_t left = (out - first + width - 1) / width;
      const size_t panels = left >= 4 ? 4 : left >= 2 ? 2 : 1;
      run(panels == 4   ? &RunPanels<1, 4>
          : panels == 2 ? &RunPanels<1, 2>
                        : &RunPanels<1, 1>,
          row, first, panels);
      first += panels * width;
    }
  }
}

// ---- Entry points

size_t Size(int count) { return static_cast<size_t>(count); }

void Forward(int in, int out, int rows, const float* x, const float* w,
             const float* bias, bool relu, float* y) {
  const hn::ScalableTag<float> d;
  const Layer layer = {Size(in), Size(out), Size(rows), x, w, bias, relu, y};
  if (layer.in < hn::Lanes(d)) {
    Inner(OneLane(), layer);
  } else {
    Inner(d, layer);
  }
}

void BackwardInput(int in, int out, int rows, const float* dy, const float* w,
                   const float* relu_output, float* dx) {
  Outer(
      {Size(rows), Size(in), Size(out), dy, Size(out), 1, w, relu_output, dx});
}

void BackwardWeights(int in, int out, int rows, const float* x, const float* dy,
                     int dy_stride, float* dw) {
  Outer({Size(out), Size(in), Size(rows), dy, 1, Size(dy_stride), x, nullptr,
         dw});
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
HWY_EXPORT(PanelWidth);
HWY_EXPORT(RunRows);

Linear::Linear(size_t in, size_t out, const float* weights, bool out_first,
               const float* bias)
    : in_(in), out_(out) {
  const size_t width = HWY_DYNAMIC_DISPATCH(PanelWidth)();
  const size_t panels = (out + width - 1) / width;
  packed_.resize(panels * (in + 1) * width);
  for (size_t o = 0; o < out; ++o) {
    float* const column =
        packed_.data() + o / width * (in + 1) * width + o % width;
    if (bias != nullptr) column[0] = bias[o];
    for (size_t i = 0; i < in; ++i) {
      column[(i + 1) * width] =
          out_first ? weights[o * in + i] : weights[i * out + o];
    }
  }
}

void Linear::Run(size_t rows, const float* x, bool relu, float* y) const {
  HWY_DYNAMIC_DISPATCH(RunRows)(in_, out_, packed_.data(), rows, x, relu, y);
}

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
  std::fill_n(db, out, 0.0f);
  for (int row = 0; row < rows; ++row) {
    for (int o = 0; o < out; ++o) {
      db[o] += dy[ptrdiff_t{row} * dy_stride + o];
    }
  }
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

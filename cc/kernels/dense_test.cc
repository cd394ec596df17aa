#include "cc/kernels/dense.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cc/kernels/linear.h"
#include "cc/kernels/testing.h"

namespace lenet::kernels {
namespace {

struct Sizes {
  int in;
  int out;
  int rows;
};

size_t Size(int count) { return static_cast<size_t>(count); }

std::vector<Sizes> AllSizes() {
  std::vector<Sizes> all = {{400, 120, 16}, {120, 84, 31}, {84, 10, 33},
                            {400, 10, 1},   {3, 500, 2},   {257, 3, 257}};
  for (const int in : {1, 2, 3, 4, 7, 8, 9, 15, 16, 17, 25, 31, 33, 50, 67}) {
    for (const int out : {1, 2, 3, 4, 5, 10, 13}) {
      for (const int rows : {1, 2, 3, 4, 5, 7, 9}) {
        all.push_back({in, out, rows});
      }
    }
  }
  return all;
}

std::string Name(const Sizes& s) {
  return std::to_string(s.in) + " to " + std::to_string(s.out) + ", rows " +
         std::to_string(s.rows);
}

class DenseTest : public hwy::TestWithParamTarget {};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(DenseTest);

TEST_P(DenseTest, ForwardMatchesReference) {
  for (const Sizes& s : AllSizes()) {
    SCOPED_TRACE(Name(s));
    const bool unaligned = s.rows % 2 == 0;
    const Floats x = RandomFloats(Size(s.rows * s.in), 1);
    const Floats w = RandomFloats(Size(s.out * s.in), 2);
    const Floats bias = RandomFloats(Size(s.out), 3);
    for (const bool with_bias : {false, true}) {
      for (const bool relu : {false, true}) {
        Guarded gx(x, unaligned), gw(w, unaligned), gbias(bias, unaligned);
        Guarded y(Size(s.rows * s.out), unaligned);
        DenseForward(s.in, s.out, s.rows, gx.data(), gw.data(),
                     with_bias ? gbias.data() : nullptr, relu, y.data());
        ExpectNear(y.Get(),
                   DenseForwardReference(
                       s.in, s.out, s.rows, ToDoubles(x), ToDoubles(w),
                       with_bias ? ToDoubles(bias) : Doubles(), relu),
                   Size(s.in));
      }
    }
    if (HasFatalFailure()) return;
  }
}

TEST_P(DenseTest, GradientsMatchReference) {
  for (const Sizes& s : AllSizes()) {
    SCOPED_TRACE(Name(s));
    const bool unaligned = s.rows % 2 == 0;
    const Floats x = RandomFloats(Size(s.rows * s.in), 1);
    const Floats w = RandomFloats(Size(s.out * s.in), 2);
    const Floats dy = RandomFloats(Size(s.rows * s.out), 3);
    Guarded gx(x, unaligned), gw(w, unaligned), gdy(dy, unaligned);
    Guarded dx(x.size(), unaligned), dw(w.size(), unaligned);
    for (const bool masked : {false, true}) {
      const LayerGradients expected = DenseBackwardReference(
          s.in, s.out, s.rows, ToDoubles(x), ToDoubles(w),
          masked ? ToDoubles(x) : Doubles(), ToDoubles(dy));
      DenseBackwardInput(s.in, s.out, s.rows, gdy.data(), gw.data(),
                         masked ? gx.data() : nullptr, dx.data());
      ExpectNear(dx.Get(), expected.dx, Size(s.out));
      // dy as the last columns of a wider matrix.
      const int before = masked ? 3 : 0;
      Floats wide(Size(s.rows * (s.out + before)), kNan);
      for (size_t i = 0; i < dy.size(); ++i) {
        wide[i + (i / Size(s.out) + 1) * Size(before)] = dy[i];
      }
      Guarded db(Size(s.out), unaligned);
      DenseBackwardWeights(s.in, s.out, s.rows, gx.data(), wide.data() + before,
                           s.out + before, dw.data(), db.data());
      ExpectNear(dw.Get(), expected.dw, Size(s.rows));
      ExpectNear(db.Get(), expected.db, Size(s.rows));
    }
    if (HasFatalFailure()) return;
  }
}

TEST_P(DenseTest, RowDoesNotDependOnItsNeighbours) {
  constexpr int kIn = 53;
  constexpr int kOut = 29;
  constexpr int kRows = 9;
  const Floats x = RandomFloats(kRows * kIn, 1);
  const Floats dy = RandomFloats(kRows * kOut, 2);
  const Floats w = RandomFloats(kOut * kIn, 3);
  Floats y(kRows * kOut);
  Floats dx(kRows * kIn);
  DenseForward(kIn, kOut, kRows, x.data(), w.data(), nullptr, true, y.data());
  DenseBackwardInput(kIn, kOut, kRows, dy.data(), w.data(), nullptr, dx.data());
  for (int row = 0; row < kRows; ++row) {
    Floats y1(kOut);
    Floats dx1(kIn);
    DenseForward(kIn, kOut, 1, x.data() + row * kIn, w.data(), nullptr, true,
                 y1.data());
    DenseBackwardInput(kIn, kOut, 1, dy.data() + row * kOut, w.data(), nullptr,
                       dx1.data());
    EXPECT_TRUE(std::equal(y1.begin(), y1.end(), y.begin() + row * kOut));
    EXPECT_TRUE(std::equal(dx1.begin(), dx1.end(), dx.begin() + row * kIn));
  }
}

TEST_P(DenseTest, NanAndInfinityReachTheirOutputsOnly) {
  constexpr int kIn = 21;  // the last vector overlaps the one before
  constexpr int kOut = 5;
  constexpr int kRows = 4;
  const Floats x(kRows * kIn, 1.0f);
  Floats w(kOut * kIn, 1.0f);
  w[1 * kIn + 20] = kNan;
  w[2 * kIn + 14] = kInfinity;
  w[3 * kIn + 14] = -kInfinity;
  Floats y(kRows * kOut);
  DenseForward(kIn, kOut, kRows, x.data(), w.data(), nullptr, true, y.data());
  for (int row = 0; row < kRows; ++row) {
    const float* const first = y.data() + row * kOut;
    EXPECT_EQ(first[0], 21.0f);
    EXPECT_TRUE(std::isnan(first[1]));
    EXPECT_EQ(first[2], kInfinity);
    EXPECT_EQ(first[3], 0.0f);
    EXPECT_EQ(first[4], 21.0f);
  }
}

class LinearTest : public hwy::TestWithParamTarget {};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(LinearTest);

TEST_P(LinearTest, MatchesReference) {
  for (const Sizes& s : std::vector<Sizes>{{400, 120, 1},
                                           {120, 84, 7},
                                           {84, 10, 32},
                                           {1, 1, 1},
                                           {3, 33, 5},
                                           {5, 64, 6},
                                           {4, 31, 13},
                                           {257, 17, 12}}) {
    SCOPED_TRACE(Name(s));
    const Floats x = RandomFloats(Size(s.rows * s.in), 1);
    const Floats w = RandomFloats(Size(s.out * s.in), 2);
    const Floats bias = RandomFloats(Size(s.out), 3);
    Floats transposed(w.size());
    for (size_t i = 0; i < w.size(); ++i) {
      transposed[i % Size(s.in) * Size(s.out) + i / Size(s.in)] = w[i];
    }
    for (const bool relu : {false, true}) {
      Floats y(Size(s.rows * s.out) + 1, 7.0f);
      const auto expect = [&](const Linear& linear, const Doubles& b) {
        linear.Run(Size(s.rows), x.data(), relu, y.data());
        EXPECT_EQ(y.back(), 7.0f);
        ExpectNear({y.begin(), y.end() - 1},
                   DenseForwardReference(s.in, s.out, s.rows, ToDoubles(x),
                                         ToDoubles(w), b, relu),
                   Size(s.in));
      };
      expect(Linear(Size(s.in), Size(s.out), w.data(), true, bias.data()),
             ToDoubles(bias));
      expect(Linear(Size(s.in), Size(s.out), transposed.data(), false, nullptr),
             {});
    }
  }
}

TEST_P(LinearTest, NanReachesItsRowOnly) {
  Floats x(8 * 9, 1.0f);
  x[9 + 4] = kNan;
  const Linear linear(9, 3, Floats(27, -1.0f).data(), true, nullptr);
  Floats y(8 * 3);
  linear.Run(8, x.data(), true, y.data());
  for (size_t i = 0; i < y.size(); ++i) {
    EXPECT_TRUE(i / 3 == 1 ? std::isnan(y[i]) : y[i] == 0.0f) << i;
  }
}

}  // namespace
}  // namespace lenet::kernels

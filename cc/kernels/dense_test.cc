#include "cc/kernels/dense.h"

#include <gtest/gtest.h>
#include <hwy/tests/hwy_gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "cc/kernels/dense_reference.h"

namespace lenet::kernels {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;

struct Sizes {
  int in;
  int out;
  int rows;
};

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

class Random {
 public:
  // A heap block of exactly this size, so that AddressSanitizer sees a read
  // beyond it.
  Floats Make(int count) {
    Floats values(static_cast<size_t>(count));
    for (float& value : values) value = uniform_(generator_);
    return values;
  }

 private:
  std::mt19937 generator_{7};
  std::uniform_real_distribution<float> uniform_{-1.0F, 1.0F};
};

Doubles Double(const Floats& values) {
  return Doubles(values.begin(), values.end());
}

// Sums of `terms` products of numbers below 1.
void ExpectNear(const Floats& actual, const Doubles& expected, int terms,
                const Sizes& sizes) {
  ASSERT_EQ(actual.size(), expected.size());
  const double tolerance = 1e-7 * (terms + 8);
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance)
        << "element " << i << " of in " << sizes.in << ", out " << sizes.out
        << ", rows " << sizes.rows;
  }
}

class DenseTest : public hwy::TestWithParamTarget {
 protected:
  Random random_;
};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(DenseTest);

TEST_P(DenseTest, ForwardIsThatOfTheReference) {
  for (const Sizes& s : AllSizes()) {
    for (const bool relu : {false, true}) {
      const Floats x = random_.Make(s.rows * s.in);
      const Floats w = random_.Make(s.out * s.in);
      const Floats bias = random_.Make(s.out);
      Floats y(static_cast<size_t>(s.rows * s.out));
      Doubles expected(y.size());
      DenseForward(s.in, s.out, s.rows, x.data(), w.data(), bias.data(), relu,
                   y.data());
      DenseForwardReference(s.in, s.out, s.rows, Double(x).data(),
                            Double(w).data(), Double(bias).data(), relu,
                            expected.data());
      ExpectNear(y, expected, s.in, s);
      DenseForward(s.in, s.out, s.rows, x.data(), w.data(), nullptr, relu,
                   y.data());
      DenseForwardReference(s.in, s.out, s.rows, Double(x).data(),
                            Double(w).data(), nullptr, relu, expected.data());
      ExpectNear(y, expected, s.in, s);
    }
  }
}

TEST_P(DenseTest, BackwardInputIsThatOfTheReference) {
  for (const Sizes& s : AllSizes()) {
    const Floats dy = random_.Make(s.rows * s.out);
    const Floats w = random_.Make(s.out * s.in);
    Floats relu_output = random_.Make(s.rows * s.in);
    for (float& value : relu_output) value = std::max(value, 0.0F);
    Floats dx(static_cast<size_t>(s.rows * s.in));
    Doubles expected(dx.size());
    DenseBackwardInput(s.in, s.out, s.rows, dy.data(), w.data(), nullptr,
                       dx.data());
    DenseBackwardInputReference(s.in, s.out, s.rows, Double(dy).data(),
                                Double(w).data(), nullptr, expected.data());
    ExpectNear(dx, expected, s.out, s);
    DenseBackwardInput(s.in, s.out, s.rows, dy.data(), w.data(),
                       relu_output.data(), dx.data());
    DenseBackwardInputReference(s.in, s.out, s.rows, Double(dy).data(),
                                Double(w).data(), Double(relu_output).data(),
                                expected.data());
    ExpectNear(dx, expected, s.out, s);
  }
}

TEST_P(DenseTest, BackwardWeightsIsThatOfTheReference) {
  for (const Sizes& s : AllSizes()) {
    for (const int before : {0, 3}) {
      // `before` outputs that are not asked for.
      const int stride = s.out + before;
      const Floats x = random_.Make(s.rows * s.in);
      const Floats dy = random_.Make(s.rows * stride);
      Floats dw(static_cast<size_t>(s.out * s.in));
      Floats db(static_cast<size_t>(s.out));
      Doubles expected_dw(dw.size());
      Doubles expected_db(db.size());
      DenseBackwardWeights(s.in, s.out, s.rows, x.data(), dy.data() + before,
                           stride, dw.data(), db.data());
      DenseBackwardWeightsReference(s.in, s.out, s.rows, Double(x).data(),
                                    Double(dy).data() + before, stride,
                                    expected_dw.data(), expected_db.data());
      ExpectNear(dw, expected_dw, s.rows, s);
      ExpectNear(db, expected_db, s.rows, s);
    }
  }
}

TEST_P(DenseTest, AnyAlignment) {
  constexpr int kIn = 37;
  constexpr int kOut = 11;
  constexpr int kRows = 6;
  for (int shift = 0; shift < 4; ++shift) {
    const Floats x = random_.Make(kRows * kIn + shift);
    const Floats w = random_.Make(kOut * kIn + shift);
    Floats y(static_cast<size_t>(kRows * kOut + shift));
    Doubles expected(static_cast<size_t>(kRows * kOut));
    DenseForward(kIn, kOut, kRows, x.data() + shift, w.data() + shift, nullptr,
                 false, y.data() + shift);
    DenseForwardReference(kIn, kOut, kRows, Double(x).data() + shift,
                          Double(w).data() + shift, nullptr, false,
                          expected.data());
    y.erase(y.begin(), y.begin() + shift);
    ExpectNear(y, expected, kIn, {kIn, kOut, kRows});
  }
}

TEST_P(DenseTest, RowDoesNotDependOnItsNeighbours) {
  constexpr int kIn = 53;
  constexpr int kOut = 29;
  constexpr int kRows = 9;
  const Floats x = random_.Make(kRows * kIn);
  const Floats dy = random_.Make(kRows * kOut);
  const Floats w = random_.Make(kOut * kIn);
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

TEST_P(DenseTest, NanAndInfinityGoWhereTheyBelong) {
  constexpr int kIn = 21;  // the last vector overlaps the one before
  constexpr int kOut = 5;
  constexpr int kRows = 4;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const Floats x(kRows * kIn, 1.0F);
  Floats w(kOut * kIn, 1.0F);
  w[1 * kIn + 20] = nan;
  w[2 * kIn + 14] = infinity;
  w[3 * kIn + 14] = -infinity;
  Floats y(kRows * kOut);
  DenseForward(kIn, kOut, kRows, x.data(), w.data(), nullptr, true, y.data());
  for (int row = 0; row < kRows; ++row) {
    const float* const of_row = y.data() + row * kOut;
    EXPECT_EQ(of_row[0], 21.0F);
    EXPECT_TRUE(std::isnan(of_row[1]));
    EXPECT_EQ(of_row[2], infinity);
    EXPECT_EQ(of_row[3], 0.0F);
    EXPECT_EQ(of_row[4], 21.0F);
  }
}

}  // namespace
}  // namespace lenet::kernels

#include "cc/kernels/linear.h"

#include <cmath>
#include <vector>

#include "cc/kernels/inference_testing.h"
#include "gtest/gtest.h"

namespace lenet::kernels {
namespace {

using LinearTest = EveryTargetTest;

struct Case {
  size_t in;
  size_t out;
  size_t rows;
};

std::vector<float> Transposed(const std::vector<float>& matrix, size_t rows) {
  const size_t columns = matrix.size() / rows;
  std::vector<float> result(matrix.size());
  for (size_t i = 0; i < matrix.size(); ++i) {
    result[i % columns * rows + i / columns] = matrix[i];
  }
  return result;
}

TEST_P(LinearTest, IsTheReference) {
  const std::vector<Case> cases = {{400, 120, 1}, {120, 84, 7}, {84, 10, 32},
                                   {1, 1, 1},     {3, 33, 5},   {5, 64, 6},
                                   {4, 31, 13},   {257, 17, 12}};
  for (const Case& c : cases) {
    const std::vector<float> x = RandomFloats(c.rows * c.in, 1);
    const std::vector<float> weights = RandomFloats(c.out * c.in, 2);
    const std::vector<float> bias = RandomFloats(c.out, 3);
    const Linear linear(c.in, c.out, weights.data(), true, bias.data());
    const Linear other(c.in, c.out, Transposed(weights, c.out).data(), false,
                       nullptr);
    std::vector<float> y(c.rows * c.out + 1, 7.0f), rectified = y, plain = y;
    linear.Run(c.rows, x.data(), false, y.data());
    linear.Run(c.rows, x.data(), true, rectified.data());
    other.Run(c.rows, x.data(), false, plain.data());
    for (size_t i = 0; i < c.rows * c.out; ++i) {
      double sum = 0;
      for (size_t k = 0; k < c.in; ++k) {
        sum += double{x[i / c.out * c.in + k]} *
               double{weights[i % c.out * c.in + k]};
      }
      ASSERT_NEAR(plain[i], sum, 2e-5) << c.in << " " << c.out << " at " << i;
      ASSERT_NEAR(y[i], sum + double{bias[i % c.out]}, 2e-5);
      ASSERT_EQ(rectified[i], y[i] < 0 ? 0.0f : y[i]);
    }
    EXPECT_EQ(y.back(), 7.0f);
  }
}

TEST_P(LinearTest, NanReachesItsRowOnly) {
  std::vector<float> x(8 * 9, 1.0f);
  x[9 + 4] = NAN;
  const Linear linear(9, 3, std::vector<float>(27, -1.0f).data(), true,
                      nullptr);
  std::vector<float> y(8 * 3);
  linear.Run(8, x.data(), true, y.data());
  for (size_t i = 0; i < y.size(); ++i) {
    if (i / 3 == 1) {
      EXPECT_TRUE(std::isnan(y[i])) << i;
    } else {
      EXPECT_EQ(y[i], 0.0f) << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, LinearTest, testing::ValuesIn(Targets()),
                         TargetTestName);

}  // namespace
}  // namespace lenet::kernels

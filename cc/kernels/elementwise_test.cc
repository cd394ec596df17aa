#include "cc/kernels/elementwise.h"

#include <cmath>

#include "cc/kernels/testing.h"

namespace lenet::kernels {
namespace {

constexpr float kGuard = 7.0f;

class ElementwiseTest : public hwy::TestWithParamTarget {};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(ElementwiseTest);

TEST_P(ElementwiseTest, ReluAddAndAddScalarOfEachLength) {
  for (size_t count = 0; count < 70; ++count) {
    const Floats a = RandomFloats(count, 1);
    const Floats b = RandomFloats(count, 2);
    Floats y(count + 1, kGuard);
    Relu(count, a.data(), y.data());
    for (size_t i = 0; i < count; ++i) ASSERT_EQ(y[i], a[i] < 0 ? 0 : a[i]);
    for (const bool relu : {false, true}) {
      Add(count, a.data(), b.data(), relu, y.data());
      for (size_t i = 0; i < count; ++i) {
        const float sum = a[i] + b[i];
        ASSERT_EQ(y[i], relu && sum < 0 ? 0 : sum);
      }
      AddScalar(count, a.data(), 0.25f, relu, y.data());
      for (size_t i = 0; i < count; ++i) {
        const float sum = a[i] + 0.25f;
        ASSERT_EQ(y[i], relu && sum < 0 ? 0 : sum);
      }
    }
    ASSERT_EQ(y[count], kGuard);
  }
}

TEST_P(ElementwiseTest, NanStays) {
  const Floats x(37, kNan);
  Floats y(37);
  Relu(37, x.data(), y.data());
  for (const float value : y) EXPECT_TRUE(std::isnan(value));
}

TEST(SoftmaxTest, MatchesFormulaAlongAnyAxis) {
  constexpr size_t kOuter = 3, kAxis = 5, kInner = 4;
  Floats x = RandomFloats(kOuter * kAxis * kInner, 1);
  x[0] = 90.0f;  // exp would overflow without subtracting the maximum
  x[kInner] = -200.0f;
  Floats y(x.size());
  Softmax(kOuter, kAxis, kInner, /*log=*/false, x.data(), y.data());
  Floats log_y(x.size());
  Softmax(kOuter, kAxis, kInner, /*log=*/true, x.data(), log_y.data());
  for (size_t i = 0; i < x.size(); ++i) {
    const size_t first = i / (kAxis * kInner) * kAxis * kInner + i % kInner;
    double sum = 0;
    for (size_t a = 0; a < kAxis; ++a) {
      sum += std::exp(double{x[first + a * kInner]} - double{x[first]});
    }
    EXPECT_NEAR(y[i], std::exp(double{x[i]} - double{x[first]}) / sum, 1e-6);
    EXPECT_NEAR(log_y[i], double{x[i]} - double{x[first]} - std::log(sum),
                2e-5);
  }
}

}  // namespace
}  // namespace lenet::kernels

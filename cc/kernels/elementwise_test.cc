#include "cc/kernels/elementwise.h"

#include <cmath>
#include <vector>

#include "cc/kernels/inference_testing.h"
#include "gtest/gtest.h"

namespace lenet::kernels {
namespace {

constexpr float kGuard = 7.0f;

using ElementwiseTest = EveryTargetTest;

TEST_P(ElementwiseTest, ReluAddAndAddScalarOfEachLength) {
  for (size_t count = 0; count < 70; ++count) {
    const std::vector<float> a = RandomFloats(count, 1);
    const std::vector<float> b = RandomFloats(count, 2);
    std::vector<float> y(count + 1, kGuard);
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
  const std::vector<float> x(37, NAN);
  std::vector<float> y(37);
  Relu(37, x.data(), y.data());
  for (const float value : y) EXPECT_TRUE(std::isnan(value));
}

INSTANTIATE_TEST_SUITE_P(Targets, ElementwiseTest, testing::ValuesIn(Targets()),
                         TargetTestName);

TEST(SoftmaxTest, IsTheReferenceAlongAnyAxis) {
  constexpr size_t kOuter = 3, kAxis = 5, kInner = 4;
  std::vector<float> x = RandomFloats(kOuter * kAxis * kInner, 1);
  x[0] = 90.0f;  // exp overflows without the maximum taken off
  x[kInner] = -200.0f;
  std::vector<float> y(x.size());
  Softmax(kOuter, kAxis, kInner, x.data(), y.data());
  for (size_t o = 0; o < kOuter; ++o) {
    for (size_t i = 0; i < kInner; ++i) {
      const size_t first = o * kAxis * kInner + i;
      double sum = 0;
      for (size_t a = 0; a < kAxis; ++a) {
        sum += std::exp(double{x[first + a * kInner]} - double{x[first]});
      }
      for (size_t a = 0; a < kAxis; ++a) {
        const size_t at = first + a * kInner;
        EXPECT_NEAR(y[at], std::exp(double{x[at]} - double{x[first]}) / sum,
                    1e-6);
      }
    }
  }
}

}  // namespace
}  // namespace lenet::kernels

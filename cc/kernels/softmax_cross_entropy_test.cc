#include "cc/kernels/softmax_cross_entropy.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "cc/kernels/softmax_cross_entropy_reference.h"

namespace lenet::kernels {
namespace {

struct Result {
  explicit Result(int rows, int classes)
      : losses(static_cast<size_t>(rows)),
        gradients(static_cast<size_t>(rows * classes)) {}
  std::vector<float> losses;
  std::vector<float> gradients;
};

Result Compute(const std::vector<float>& logits,
               const std::vector<int32_t>& labels, float divisor) {
  const int rows = static_cast<int>(labels.size());
  const int classes = static_cast<int>(logits.size()) / rows;
  Result result(rows, classes);
  SoftmaxCrossEntropy(classes, rows, logits.data(), labels.data(), divisor,
                      result.losses.data(), result.gradients.data());
  return result;
}

// Relative, but for what float32 has no more digits of.
void ExpectRelative(double actual, double expected) {
  EXPECT_NEAR(actual, expected, 1e-6 * std::abs(expected) + 1e-37);
}

TEST(SoftmaxCrossEntropyTest, IsThatOfTheReference) {
  std::mt19937 generator(3);
  for (const int classes : {1, 2, 3, 10, 17}) {
    for (const float scale : {0.01F, 1.0F, 5.0F, 20.0F}) {
      constexpr int kRows = 33;
      std::normal_distribution<float> normal(0.0F, scale);
      std::vector<float> logits(static_cast<size_t>(kRows * classes));
      for (float& logit : logits) logit = normal(generator);
      std::vector<int32_t> labels(kRows);
      for (int32_t& label : labels) {
        label =
            static_cast<int32_t>(generator() % static_cast<unsigned>(classes));
      }
      const Result result = Compute(logits, labels, 50.0F);
      const std::vector<double> exact(logits.begin(), logits.end());
      std::vector<double> losses(kRows);
      std::vector<double> gradients(logits.size());
      SoftmaxCrossEntropyReference(classes, kRows, exact.data(), labels.data(),
                                   50.0, losses.data(), gradients.data());
      for (size_t i = 0; i < losses.size(); ++i) {
        ExpectRelative(result.losses[i], losses[i]);
      }
      for (size_t i = 0; i < gradients.size(); ++i) {
        ExpectRelative(result.gradients[i], gradients[i]);
      }
    }
  }
}

TEST(SoftmaxCrossEntropyTest, LargeLogitsDoNotOverflow) {
  const Result result = Compute({3e38F, 0.0F, -3e38F, 3e38F}, {0, 0}, 1.0F);
  EXPECT_EQ(result.losses[0], 0.0F);
  EXPECT_EQ(result.gradients[0], 0.0F);
  EXPECT_EQ(result.gradients[1], 0.0F);
  EXPECT_EQ(result.losses[1], std::numeric_limits<float>::infinity());
  EXPECT_EQ(result.gradients[2], -1.0F);
  EXPECT_EQ(result.gradients[3], 1.0F);
}

TEST(SoftmaxCrossEntropyTest, EqualLogitsShareTheProbability) {
  const Result result = Compute({7.0F, 7.0F, 7.0F, 7.0F}, {2}, 1.0F);
  EXPECT_FLOAT_EQ(result.losses[0], std::log(4.0F));
  EXPECT_EQ(result.gradients,
            (std::vector<float>{0.25F, 0.25F, -0.75F, 0.25F}));
}

TEST(SoftmaxCrossEntropyTest, NanOfARowStaysInItsRow) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (size_t position = 0; position < 3; ++position) {
    std::vector<float> logits = {1.0F, 2.0F, 3.0F, 1.0F, 2.0F, 3.0F};
    logits[position] = nan;
    const Result result = Compute(logits, {1, 1}, 1.0F);
    EXPECT_TRUE(std::isnan(result.losses[0]));
    EXPECT_FALSE(std::isnan(result.losses[1]));
    for (size_t c = 0; c < 3; ++c) {
      EXPECT_TRUE(std::isnan(result.gradients[c]));
      EXPECT_FALSE(std::isnan(result.gradients[3 + c]));
    }
  }
}

}  // namespace
}  // namespace lenet::kernels

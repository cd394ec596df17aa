#include "cc/kernels/loss_and_optimizer.h"

#include <cmath>
#include <vector>

#include "cc/kernels/testing.h"

namespace lenet::kernels {
namespace {

struct Result {
  Floats losses;
  Floats gradients;
};

Result Compute(const Floats& logits, const std::vector<int32_t>& labels,
               float divisor) {
  const int rows = static_cast<int>(labels.size());
  const int classes = static_cast<int>(logits.size()) / rows;
  Result result = {Floats(labels.size()), Floats(logits.size())};
  SoftmaxCrossEntropy(classes, rows, logits.data(), labels.data(), divisor,
                      result.losses.data(), result.gradients.data());
  return result;
}

// Allows a relative error, and any error below the smallest float32.
void ExpectRelative(const Floats& actual, const Doubles& expected) {
  for (size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], expected[i], 1e-6 * std::abs(expected[i]) + 1e-37);
  }
}

TEST(SoftmaxCrossEntropyTest, MatchesReference) {
  constexpr size_t kRows = 33;
  for (const size_t classes : {1, 2, 3, 10, 17}) {
    for (const float scale : {0.01f, 1.0f, 5.0f, 50.0f}) {
      Floats logits = RandomFloats(kRows * classes, 3);
      for (float& logit : logits) logit *= scale;
      std::vector<int32_t> labels;
      for (size_t i = 0; i < kRows; ++i) {
        labels.push_back(static_cast<int32_t>(i % classes));
      }
      const Result result = Compute(logits, labels, 50.0f);
      const LossAndGradients expected = SoftmaxCrossEntropyReference(
          static_cast<int>(classes), ToDoubles(logits), labels, 50.0);
      ExpectRelative(result.losses, expected.losses);
      ExpectRelative(result.gradients, expected.gradients);
    }
  }
}

TEST(SoftmaxCrossEntropyTest, LargeLogitsDoNotOverflow) {
  const Result result = Compute({3e38f, 0.0f, -3e38f, 3e38f}, {0, 0}, 1.0f);
  EXPECT_EQ(result.losses, (Floats{0.0f, kInfinity}));
  EXPECT_EQ(result.gradients, (Floats{0.0f, 0.0f, -1.0f, 1.0f}));
}

TEST(SoftmaxCrossEntropyTest, EqualLogitsShareTheProbability) {
  const Result result = Compute({7.0f, 7.0f, 7.0f, 7.0f}, {2}, 1.0f);
  EXPECT_FLOAT_EQ(result.losses[0], std::log(4.0f));
  EXPECT_EQ(result.gradients, (Floats{0.25f, 0.25f, -0.75f, 0.25f}));
}

TEST(SoftmaxCrossEntropyTest, NanStaysInItsRow) {
  for (size_t position = 0; position < 3; ++position) {
    Floats logits = {1.0f, 2.0f, 3.0f, 1.0f, 2.0f, 3.0f};
    logits[position] = kNan;
    const Result result = Compute(logits, {1, 1}, 1.0f);
    for (size_t i = 0; i < 6; ++i) {
      EXPECT_EQ(std::isnan(result.losses[i / 3]), i < 3);
      EXPECT_EQ(std::isnan(result.gradients[i]), i < 3);
    }
  }
}

class MomentumTest : public hwy::TestWithParamTarget {};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(MomentumTest);

TEST_P(MomentumTest, MatchesFormula) {
  const Momentum optimizer = {0.25f, 0.9f};
  for (const size_t size : {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 150, 1001}) {
    const Floats gradients = RandomFloats(size, 1);
    const Floats old_parameters = RandomFloats(size, 2);
    const Floats old_accumulators = RandomFloats(size, 3);
    Floats parameters = old_parameters;
    Floats accumulators = old_accumulators;
    MomentumStep(optimizer, size, gradients.data(), parameters.data(),
                 accumulators.data());
    for (size_t i = 0; i < size; ++i) {
      const double accumulator =
          double{optimizer.momentum} * old_accumulators[i] + gradients[i];
      EXPECT_NEAR(accumulators[i], accumulator, 2e-6);
      EXPECT_NEAR(
          parameters[i],
          old_parameters[i] - double{optimizer.learning_rate} * accumulator,
          2e-6);
    }
  }
}

TEST_P(MomentumTest, ElementDoesNotDependOnItsPosition) {
  const Momentum optimizer = {0.01f, 0.9f};
  const Floats gradients = RandomFloats(100, 1);
  Floats whole = RandomFloats(100, 2);
  Floats whole_accumulators = RandomFloats(100, 3);
  Floats pieces = whole;
  Floats piece_accumulators = whole_accumulators;
  MomentumStep(optimizer, 100, gradients.data(), whole.data(),
               whole_accumulators.data());
  for (size_t at = 0; at < 100; at += 20) {
    for (const size_t offset : {0, 7}) {
      MomentumStep(optimizer, offset == 0 ? 7 : 13,
                   gradients.data() + at + offset, pieces.data() + at + offset,
                   piece_accumulators.data() + at + offset);
    }
  }
  EXPECT_EQ(pieces, whole);
  EXPECT_EQ(piece_accumulators, whole_accumulators);
}

}  // namespace
}  // namespace lenet::kernels

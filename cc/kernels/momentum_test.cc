#include "cc/kernels/momentum.h"

#include <gtest/gtest.h>
#include <hwy/tests/hwy_gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace lenet::kernels {
namespace {

using Floats = std::vector<float>;

class MomentumTest : public hwy::TestWithParamTarget {
 protected:
  Floats Make(size_t count) {
    Floats values(count);
    for (float& value : values) value = uniform_(generator_);
    return values;
  }

 private:
  std::mt19937 generator_{11};
  std::uniform_real_distribution<float> uniform_{-1.0F, 1.0F};
};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(MomentumTest);

TEST_P(MomentumTest, IsTheFormula) {
  const Momentum optimizer = {0.25F, 0.9F};
  for (const size_t size : {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 150, 1001}) {
    for (const int parts : {1, 2, 5}) {
      const Floats gradients = Make(size * static_cast<size_t>(parts));
      const Floats old_parameters = Make(size);
      const Floats old_accumulators = Make(size);
      Floats parameters = old_parameters;
      Floats accumulators = old_accumulators;
      MomentumStep(optimizer, size, gradients.data(), parts, parameters.data(),
                   accumulators.data());
      for (size_t i = 0; i < size; ++i) {
        double gradient = 0.0;
        for (int part = 0; part < parts; ++part) {
          gradient += gradients[static_cast<size_t>(part) * size + i];
        }
        const double accumulator =
            double{optimizer.momentum} * old_accumulators[i] + gradient;
        EXPECT_NEAR(accumulators[i], accumulator, 2e-6);
        EXPECT_NEAR(
            parameters[i],
            old_parameters[i] - double{optimizer.learning_rate} * accumulator,
            2e-6);
      }
    }
  }
}

TEST_P(MomentumTest, ElementDoesNotDependOnItsPlace) {
  constexpr size_t kSize = 100;
  const Momentum optimizer = {0.01F, 0.9F};
  const Floats gradients = Make(kSize);
  Floats whole = Make(kSize);
  Floats whole_accumulators = Make(kSize);
  Floats pieces = whole;
  Floats piece_accumulators = whole_accumulators;
  MomentumStep(optimizer, kSize, gradients.data(), 1, whole.data(),
               whole_accumulators.data());
  for (size_t at = 0; at < kSize; at += 20) {
    for (const size_t offset : {size_t{0}, size_t{7}}) {
      MomentumStep(
          optimizer, offset == 0 ? 7 : 13, gradients.data() + at + offset, 1,
          pieces.data() + at + offset, piece_accumulators.data() + at + offset);
    }
  }
  EXPECT_EQ(pieces, whole);
  EXPECT_EQ(piece_accumulators, whole_accumulators);
}

}  // namespace
}  // namespace lenet::kernels

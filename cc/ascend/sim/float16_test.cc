#include "cc/ascend/sim/float16.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "cc/ascend/half.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

constexpr uint16_t kInfinity = 0x7C00;

// The nearest of all finite float16, by looking at each; of two that are as
// near, the one with an even last bit.
uint16_t Nearest(float value) {
  uint16_t best = 0;
  double least = std::numeric_limits<double>::infinity();
  for (uint32_t half = 0; half < kInfinity; ++half) {
    const double distance =
        std::fabs(double{HalfToFloat(static_cast<uint16_t>(half))} -
                  std::fabs(double{value}));
    if (distance < least || (distance == least && half % 2 == 0)) {
      least = distance;
      best = static_cast<uint16_t>(half);
    }
  }
  return static_cast<uint16_t>(best | (std::signbit(value) ? 0x8000 : 0));
}

TEST(Float16Test, EveryHalfIsItself) {
  for (uint32_t half = 0; half <= 0xFFFF; ++half) {
    const float value = HalfToFloat(static_cast<uint16_t>(half));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(RoundToHalf(value)));
    } else {
      EXPECT_EQ(FloatToHalf(value), half);
    }
  }
}

TEST(Float16Test, RoundsToTheNearest) {
  std::mt19937 generator(1);
  std::uniform_real_distribution<float> exponent(-26, 15.9f);
  for (int i = 0; i < 200; ++i) {
    const float value =
        std::exp2(exponent(generator)) * (i % 2 == 0 ? 1.0f : -1.0f);
    EXPECT_EQ(FloatToHalf(value), Nearest(value)) << value;
  }
}

TEST(Float16Test, TiesGoToEven) {
  EXPECT_EQ(RoundToHalf(2049), 2048);
  EXPECT_EQ(RoundToHalf(2051), 2052);
  EXPECT_EQ(RoundToHalf(std::ldexp(1.0f, -25)), 0);
  EXPECT_EQ(RoundToHalf(std::ldexp(3.0f, -25)), std::ldexp(2.0f, -24));
}

TEST(Float16Test, WhatIsTooLargeBecomesInfinity) {
  EXPECT_EQ(FloatToHalf(65519), 0x7BFF);
  EXPECT_EQ(FloatToHalf(65520), kInfinity);
  EXPECT_EQ(FloatToHalf(-1e30f), 0x8000 | kInfinity);
  EXPECT_EQ(FloatToHalf(std::numeric_limits<float>::infinity()), kInfinity);
}

}  // namespace
}  // namespace lenet::ascend::sim

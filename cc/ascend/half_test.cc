#include "cc/ascend/half.h"

#include <cmath>

#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

TEST(HalfTest, ConvertsSpecialValues) {
  EXPECT_EQ(HalfToFloat(0x3c00), 1.0f);
  EXPECT_EQ(HalfToFloat(0xc000), -2.0f);
  EXPECT_EQ(HalfToFloat(0x7bff), 65504.0f);
  EXPECT_EQ(HalfToFloat(0x3555), 1365.0f / 4096.0f);
  EXPECT_EQ(HalfToFloat(0x0400), std::ldexp(1.0f, -14));  // smallest normal
  EXPECT_EQ(HalfToFloat(0x83ff), -1023 * std::ldexp(1.0f, -24));
  EXPECT_EQ(HalfToFloat(0x0000), 0.0f);
  EXPECT_TRUE(std::signbit(HalfToFloat(0x8000)));
  EXPECT_EQ(HalfToFloat(0xfc00), -INFINITY);
  EXPECT_TRUE(std::isnan(HalfToFloat(0x7e01)));
}

TEST(HalfTest, IsMonotonic) {
  for (uint16_t half = 1; half <= 0x7c00; ++half) {
    EXPECT_GT(HalfToFloat(half), HalfToFloat(static_cast<uint16_t>(half - 1)))
        << half;
  }
}

}  // namespace
}  // namespace lenet::ascend

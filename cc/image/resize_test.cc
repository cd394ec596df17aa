#include "cc/image/resize.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "cc/image/golden.h"
#include "cc/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

GrayImage Noise(int height, int width, unsigned seed) {
  std::mt19937 random(seed);
  GrayImage image{height, width, {}};
  for (int i = 0; i < height * width; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(random() % 256));
  }
  return image;
}

// The definition of bilinear interpolation, in double and without tables.
double At(const GrayImage& image, int y, int x) {
  y = std::clamp(y, 0, image.height - 1);
  x = std::clamp(x, 0, image.width - 1);
  return image.pixels[static_cast<size_t>(y * image.width + x)];
}

double Interpolate(const GrayImage& image, double y, double x) {
  const int top = static_cast<int>(std::floor(y));
  const int left = static_cast<int>(std::floor(x));
  const double down = y - top;
  const double right = x - left;
  return At(image, top, left) * (1 - down) * (1 - right) +
         At(image, top, left + 1) * (1 - down) * right +
         At(image, top + 1, left) * down * (1 - right) +
         At(image, top + 1, left + 1) * down * right;
}

void ExpectNearReference(const GrayImage& image, int height, int width) {
  const GrayImage resized = Resize(image, height, width);
  ASSERT_EQ(resized.height, height);
  ASSERT_EQ(resized.width, width);
  ASSERT_EQ(resized.pixels.size(), static_cast<size_t>(height * width));
  double worst = 0;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double expected =
          Interpolate(image, (y + 0.5) * image.height / height - 0.5,
                      (x + 0.5) * image.width / width - 0.5);
      worst = std::max(worst, std::abs(expected - At(resized, y, x)));
    }
  }
  // Half a level of rounding, and two weights that are off by half of 1/2048.
  EXPECT_LE(worst, 0.5 + 255.0 / 2048)
      << image.height << "x" << image.width << " -> " << height << "x" << width;
}

TEST(ResizeTest, IsBilinear) {
  unsigned seed = 0;
  for (int size = 1; size <= 40; ++size) {
    ExpectNearReference(Noise(size, size, ++seed), 32, 32);
    ExpectNearReference(Noise(28, 41 - size, ++seed), size, 29);
    ExpectNearReference(Noise(41 - size, 28, ++seed), 31, size);
    ExpectNearReference(Noise(1, 1, ++seed), size, 41 - size);
    ExpectNearReference(Noise(size, 41 - size, ++seed), 1, 1);
  }
  ExpectNearReference(Noise(1000, 3, ++seed), 32, 900);
}

TEST(ResizeTest, TheSameSizeIsTheSameImage) {
  for (const auto& [height, width] :
       std::vector<std::pair<int, int>>{{1, 1}, {32, 32}, {7, 40}}) {
    const GrayImage image = Noise(height, width, 1);
    const GrayImage resized = Resize(image, height, width);
    EXPECT_EQ(resized.height, height);
    EXPECT_EQ(resized.width, width);
    EXPECT_EQ(resized.pixels, image.pixels);
  }
}

TEST(ResizeTest, OneAxisOfTheSameSizeKeepsEachLine) {
  const GrayImage image = Noise(6, 9, 1);
  const GrayImage taller = Resize(image, 12, 9);
  // The first and last row have no neighbour to mix with.
  EXPECT_TRUE(std::equal(image.pixels.begin(), image.pixels.begin() + 9,
                         taller.pixels.begin()));
  EXPECT_TRUE(std::equal(image.pixels.rbegin(), image.pixels.rbegin() + 9,
                         taller.pixels.rbegin()));
}

TEST(ResizeTest, ByHand) {
  // Centres of 4 targets in 2 sources: -0.25 (edge), 0.25, 0.75, 1.25 (edge).
  EXPECT_THAT(Resize({1, 2, {0, 100}}, 1, 4).pixels,
              ElementsAre(0, 25, 75, 100));
  EXPECT_THAT(Resize({2, 1, {0, 100}}, 4, 1).pixels,
              ElementsAre(0, 25, 75, 100));
  // A half is rounded up: (0 + 1) / 2, and (1 + 0 + 0 + 1) / 4.
  EXPECT_THAT(Resize({1, 2, {0, 1}}, 1, 1).pixels, ElementsAre(1));
  EXPECT_THAT(Resize({2, 2, {1, 0, 0, 1}}, 1, 1).pixels, ElementsAre(1));
  EXPECT_THAT(Resize({2, 2, {1, 0, 0, 0}}, 1, 1).pixels, ElementsAre(0));
  // No smoothing: halving 6 reads the two pixels about each centre, 0.5, 2.5,
  // ...
  EXPECT_THAT(Resize({1, 6, {0, 2, 100, 102, 200, 202}}, 1, 3).pixels,
              ElementsAre(1, 101, 201));
  // Centres 2/3 * (i + 0.5) - 0.5 = -1/6, 1/2, 7/6 of 2 in 3.
  EXPECT_THAT(Resize({1, 2, {10, 20}}, 1, 3).pixels, ElementsAre(10, 15, 20));
}

TEST(ResizeTest, WeightsAreRoundedHalfUpTo2048ths) {
  // Centre 3/10 - 1/2 < 0, 9/10 - 1/2 = 0.4: weight 819.2 -> 819 of 2048, and
  // 255 * 819 / 2048 = 101.975 -> 102.
  EXPECT_THAT(Resize({1, 3, {0, 255, 0}}, 1, 5).pixels,
              ElementsAre(0, 102, 255, 102, 0));
}

TEST(ResizeTest, FlatImagesStayFlat) {
  for (const int value : {0, 1, 254, 255}) {
    const GrayImage image{
        13, 7, std::vector<uint8_t>(13 * 7, static_cast<uint8_t>(value))};
    for (int size = 1; size <= 40; ++size) {
      EXPECT_THAT(Resize(image, size, 41 - size).pixels, Each(value));
    }
  }
}

TEST(ResizeTest, EqualsPython) {
  const auto records = ReadGolden("resize/");
  ASSERT_GT(records.size(), 200u);
  for (const auto& [name, content] : records) {
    GoldenRecord record(content);
    GrayImage image;
    image.height = record.Int();
    image.width = record.Int();
    const int height = record.Int();
    const int width = record.Int();
    image.pixels =
        record.Pixels(static_cast<size_t>(image.height * image.width));
    const std::vector<uint8_t> expected =
        record.Pixels(static_cast<size_t>(height * width));
    EXPECT_EQ(Resize(image, height, width).pixels, expected)
        << name << ": " << image.height << "x" << image.width << " -> "
        << height << "x" << width;
  }
}

}  // namespace
}  // namespace lenet

#include "cc/image/transform.h"

#include <cstddef>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "cc/base/testing.h"
#include "cc/image/image.h"
#include "cc/image/testing.h"
#include "cc/image/transform.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;

std::vector<float> Normalized(const std::vector<uint8_t>& pixels) {
  std::vector<float> tensor(pixels.size());
  Normalize(pixels, absl::MakeSpan(tensor));
  return tensor;
}

// The pattern of golden.py.
GrayImage Pattern(int height, int width) {
  GrayImage image{height, width, {}};
  for (int i = 0; i < height * width; ++i) {
    image.pixels.push_back(static_cast<uint8_t>(i * 167 % 256));
  }
  return image;
}

TEST(ResizeTest, SameSizeIsACopy) {
  const GrayImage image = Pattern(7, 40);
  EXPECT_EQ(Resize(image, 7, 40).pixels, image.pixels);
}

TEST(ResizeTest, ComputedByHand) {
  // Centres of 4 targets in 2 sources: -0.25 (edge), 0.25, 0.75, 1.25 (edge).
  EXPECT_THAT(Resize({1, 2, {0, 100}}, 1, 4).pixels,
              ElementsAre(0, 25, 75, 100));
  EXPECT_THAT(Resize({2, 1, {0, 100}}, 4, 1).pixels,
              ElementsAre(0, 25, 75, 100));
  // A half is rounded up: (0 + 1) / 2 and (1 + 0 + 0 + 1) / 4.
  EXPECT_THAT(Resize({1, 2, {0, 1}}, 1, 1).pixels, ElementsAre(1));
  EXPECT_THAT(Resize({2, 2, {1, 0, 0, 1}}, 1, 1).pixels, ElementsAre(1));
  EXPECT_THAT(Resize({2, 2, {1, 0, 0, 0}}, 1, 1).pixels, ElementsAre(0));
  // No smoothing: two of six pixels contribute to each of three targets.
  EXPECT_THAT(Resize({1, 6, {0, 2, 100, 102, 200, 202}}, 1, 3).pixels,
              ElementsAre(1, 101, 201));
  // Weights are rounded to 1/2048: 0.4 is 819 / 2048, and 255 * 819 / 2048 =
  // 101.975.
  EXPECT_THAT(Resize({1, 3, {0, 255, 0}}, 1, 5).pixels,
              ElementsAre(0, 102, 255, 102, 0));
}

TEST(ResizeTest, FlatImagesStayFlat) {
  for (const uint8_t value : std::vector<uint8_t>{0, 1, 254, 255}) {
    const GrayImage image{13, 7, std::vector<uint8_t>(13 * 7, value)};
    for (int size = 1; size <= 40; ++size) {
      EXPECT_THAT(Resize(image, size, 41 - size).pixels, Each(value));
    }
  }
}

TEST(NormalizeTest, KnownValues) {
  EXPECT_THAT(Normalized({0, 255, 33, 128}),
              ElementsAre(FloatEq(-0.42421296f), FloatEq(2.8214867f),
                          FloatEq(-0.0041812244f), FloatEq(1.2050009f)));
}

TEST(TransformTest, EqualsPython) {
  std::istringstream lines(
      ReadTestFile(TestData("lenet_mindspore/cc/image/golden_transform.txt")));
  int cases = 0;
  int source_height, source_width, height, width;
  uint32_t pixels_crc, tensor_crc;
  while (lines >> source_height >> source_width >> height >> width >>
         pixels_crc >> tensor_crc) {
    const std::vector<uint8_t> pixels =
        Resize(Pattern(source_height, source_width), height, width).pixels;
    EXPECT_EQ(Crc32(std::string(pixels.begin(), pixels.end())), pixels_crc)
        << source_height << "x" << source_width << " -> " << height << "x"
        << width;
    EXPECT_EQ(Crc32(BytesOf(Normalized(pixels))), tensor_crc);
    ++cases;
  }
  EXPECT_GT(cases, 200);
}

}  // namespace
}  // namespace lenet

#include "cc/ascend/host_decode.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "cc/engine/self_test.h"
#include "cc/image/decode.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(HostDecodeTest, DecodesAFile) {
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage expected,
                             DecodeJpeg(SelfTestDigit()));
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage image,
                             DecodeOnHost({SelfTestDigit(), 0, 0}, 32, 32));
  EXPECT_EQ(image.pixels, expected.pixels);
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage small,
                             DecodeOnHost({SelfTestDigit(), 0, 0}, 16, 24));
  EXPECT_EQ(small.height, 16);
  EXPECT_EQ(small.width, 24);
  EXPECT_EQ(small.pixels.size(), 16u * 24u);
}

TEST(HostDecodeTest, TakesPixels) {
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage same,
                             DecodeOnHost({"\x01\xff", 1, 2}, 1, 2));
  EXPECT_THAT(same.pixels, ElementsAre(1, 255));
  LENET_ASSERT_OK_AND_ASSIGN(
      const GrayImage larger,
      DecodeOnHost({std::string(28 * 28, '\x80'), 28, 28}, 32, 32));
  EXPECT_EQ(larger.pixels.size(), 1024u);
  EXPECT_THAT(larger.pixels, Each(128));
}

TEST(HostDecodeTest, RefusesOtherContent) {
  EXPECT_THAT(DecodeOnHost({"abc", 2, 2}, 32, 32),
              StatusIs(kInvalid, HasSubstr("2x2 pixels, found 3 bytes")));
  EXPECT_THAT(DecodeOnHost({"", 2, 0}, 32, 32),
              StatusIs(kInvalid, HasSubstr("2x0")));
  EXPECT_THAT(DecodeOnHost({"no image", 0, 0}, 32, 32),
              StatusIs(kInvalid, HasSubstr("")));
}

}  // namespace
}  // namespace lenet::ascend

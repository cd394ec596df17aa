#include "cc/base/gzip.h"

#include <cstddef>
#include <random>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::HasSubstr;

constexpr size_t kLimit = 1 << 20;

// Returns random text of four letters, which takes several deflate blocks.
std::string Noise(size_t size) {
  std::mt19937 random(1);
  std::string noise(size, '\0');
  for (char& c : noise) c = static_cast<char>('a' + random() % 4);
  return noise;
}

TEST(GunzipTest, RestoresTheContent) {
  for (const size_t size : {0, 1, 65535, 65536, 65537, 300000}) {
    const std::string content = Noise(size);
    const std::string compressed = Gzip(content);
    EXPECT_TRUE(IsGzip(compressed));
    LENET_ASSERT_OK_AND_ASSIGN(const std::string result,
                               Gunzip(compressed, kLimit));
    EXPECT_EQ(result, content) << size;
  }
  LENET_ASSERT_OK_AND_ASSIGN(
      const std::string members,
      Gunzip(Gzip("one ") + Gzip("") + Gzip("two"), kLimit));
  EXPECT_EQ(members, "one two");
}

TEST(GunzipTest, TheLimitIsExact) {
  for (const size_t size : {1, 1000, 65536, 200000}) {
    const std::string compressed = Gzip(Noise(size));
    EXPECT_THAT(Gunzip(compressed, size), IsOk());
    EXPECT_THAT(
        Gunzip(compressed, size - 1),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("more than")));
  }
}

TEST(GunzipTest, StopsAtTheLimit) {
  std::string bomb;  // 256 MiB in 256 KiB
  const std::string member = Gzip(std::string(1 << 24, '\0'));
  for (int i = 0; i < 16; ++i) bomb += member;
  EXPECT_THAT(Gunzip(bomb, kLimit), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("1048576")));
}

TEST(GunzipTest, TruncationAndDamageAreErrors) {
  const std::string compressed = Gzip(Noise(3000));
  for (size_t i = 0; i < compressed.size(); ++i) {
    EXPECT_THAT(Gunzip(absl::string_view(compressed).substr(0, i), kLimit),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("ends too early")))
        << i;
    if (i < 10) continue;  // a gzip header has no checksum
    std::string damaged = compressed;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x10);
    EXPECT_THAT(Gunzip(damaged, kLimit),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("gzip")))
        << i;
  }
}

TEST(GunzipTest, OtherDataIsAnError) {
  EXPECT_FALSE(IsGzip(""));
  EXPECT_FALSE(IsGzip("\x1f"));
  EXPECT_FALSE(IsGzip("text"));
  EXPECT_THAT(Gunzip("text", kLimit),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("incorrect header check")));
  EXPECT_THAT(Gunzip(Gzip("content") + "text", kLimit),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("other data follows")));
}

}  // namespace
}  // namespace lenet

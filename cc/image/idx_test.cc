#include "cc/image/idx.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/base/test_util.h"
#include "cc/image/idx_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(IdxTest, ReadsTheTestSetOfMnist) {
  const std::string path = TestData("mnist/Data/test/t10k-images.idx3-ubyte");
  LENET_ASSERT_OK_AND_ASSIGN(const IdxImages images, ReadIdxImages(path));
  EXPECT_EQ(images.count(), 10000u);
  ASSERT_TRUE(FindLabels(path).has_value());
  LENET_ASSERT_OK_AND_ASSIGN(const std::vector<uint8_t> labels,
                             ReadIdxLabels(*FindLabels(path)));
  EXPECT_EQ(labels.size(), 10000u);
  EXPECT_EQ(labels[0], 7);
  EXPECT_EQ(labels[9999], 6);
}

TEST(IdxTest, ReadsPlainAndGzipWhateverTheName) {
  const TempFolder folder;
  for (const bool gzip : {false, true}) {
    const std::string images = IdxOfImages({1, 2, 3});
    const std::string labels = IdxOfLabels({7, 0, 9});
    LENET_ASSERT_OK_AND_ASSIGN(
        const IdxImages read,
        ReadIdxImages(folder.Write("i", gzip ? Gzip(images) : images)));
    ASSERT_EQ(read.count(), 3u);
    for (size_t i = 0; i < 3; ++i) {
      EXPECT_EQ(read.image(i).size(), 28u * 28);
      EXPECT_THAT(read.image(i), Each(i + 1));
    }
    LENET_ASSERT_OK_AND_ASSIGN(
        const std::vector<uint8_t> read_labels,
        ReadIdxLabels(folder.Write("l", gzip ? Gzip(labels) : labels)));
    EXPECT_THAT(read_labels, ElementsAre(7, 0, 9));
  }
}

TEST(IdxTest, MissingFile) {
  EXPECT_THAT(ReadIdxImages("/missing"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
  EXPECT_THAT(ReadIdxLabels("/missing"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
}

struct BadFile {
  std::string name;
  std::string content;
  std::string message;
};

std::string With(std::string content, size_t offset, char value) {
  content[offset] = value;
  return content;
}

TEST(IdxTest, BadImages) {
  const TempFolder folder;
  const std::string good = IdxOfImages({1, 2});
  const std::string zipped = Gzip(good);
  for (const BadFile& bad : std::vector<BadFile>{
           {"empty", "", "expected 16 bytes of header, found 0"},
           {"three", "\x01\x02\x03", "expected 16 bytes of header, found 3"},
           {"header", good.substr(0, 15), "of header, found 15"},
           {"text", "text of a letter",
            "expected magic 0x00000803, found 0x74657874"},
           {"labels", IdxOfLabels({1, 2}),
            "found 0x00000801 (a file of labels)"},
           {"height", With(good, 11, 27),
            "expected images of 28x28 pixels, found 27x28"},
           {"width", With(good, 15, 32), "found 28x32"},
           {"none", IdxOfImages({}), "holds no images"},
           {"short", good.substr(0, good.size() - 1),
            "expected 1584 bytes for the 2 images in its header, found 1583"},
           {"long", good + "x", "found 1585"},
           {"more", With(good, 7, 3),
            "for the 3 images in its header, found 1584"},
           {"huge", With(good, 4, '\xff'), "images in its header, found 1584"},
           {"gzip", zipped.substr(0, zipped.size() / 2), "ends too early"},
           {"damaged", With(zipped, zipped.size() - 5, 0x55), "broken gzip"},
           {"zipped short", Gzip(good.substr(0, 100)), "found 100"},
       }) {
    const std::string path = folder.Write(bad.name, bad.content);
    EXPECT_THAT(
        ReadIdxImages(path),
        StatusIs(kInvalid, AllOf(HasSubstr(path), HasSubstr(bad.message))))
        << bad.name;
  }
}

TEST(IdxTest, BadLabels) {
  const TempFolder folder;
  const std::string good = IdxOfLabels({1, 2, 3});
  for (const BadFile& bad : std::vector<BadFile>{
           {"empty", "", "expected 8 bytes of header, found 0"},
           {"header", good.substr(0, 7), "of header, found 7"},
           {"images", IdxOfImages({1}), "found 0x00000803 (a file of images)"},
           {"none", IdxOfLabels({}), "holds no labels"},
           {"short", good.substr(0, 10),
            "expected 11 bytes for the 3 labels in its header, found 10"},
           {"long", good + "x", "found 12"},
           {"ten", IdxOfLabels({0, 9, 10}),
            "expected labels from 0 to 9, found 10 at index 2"},
       }) {
    const std::string path = folder.Write(bad.name, bad.content);
    EXPECT_THAT(
        ReadIdxLabels(path),
        StatusIs(kInvalid, AllOf(HasSubstr(path), HasSubstr(bad.message))))
        << bad.name;
  }
}

TEST(IdxTest, ALimitGivesTheFirstImages) {
  const TempFolder folder;
  const std::string images = IdxOfImages({5, 6, 7, 8});
  for (const std::string& path :
       {folder.Write("plain", images), folder.Write("zipped", Gzip(images))}) {
    for (const size_t limit : {0, 1, 3, 4, 5, 1000000000}) {
      LENET_ASSERT_OK_AND_ASSIGN(const IdxImages read,
                                 ReadIdxImages(path, limit));
      EXPECT_EQ(read.count(), limit == 0 || limit > 4 ? 4 : limit);
      EXPECT_EQ(read.total(), 4u);
      for (size_t i = 0; i < read.count(); ++i) {
        EXPECT_THAT(read.image(i), Each(5 + i));
        EXPECT_EQ(read.image(i).size(), 784u);
      }
    }
  }
}

TEST(IdxTest, ALimitChecksTheWholeFileAllTheSame) {
  const TempFolder folder;
  const std::string good = IdxOfImages({1, 2, 3});
  for (const BadFile& bad : std::vector<BadFile>{
           {"empty", "", "expected 16 bytes of header, found 0"},
           {"one", "\x1f", "of header, found 1"},
           {"header", good.substr(0, 15), "of header, found 15"},
           {"labels", IdxOfLabels({1, 2}), "(a file of labels)"},
           {"height", With(good, 11, 27), "found 27x28"},
           {"none", IdxOfImages({}), "holds no images"},
           {"short", good.substr(0, good.size() - 1),
            "expected 2368 bytes for the 3 images in its header, found 2367"},
           {"only header", good.substr(0, 16), "found 16"},
           {"long", good + "x", "found 2369"},
           {"more", With(good, 7, 4), "for the 4 images in its header"},
           {"huge", With(good, 4, '\xff'), "found 2368"},
           {"zipped", Gzip(good.substr(0, 1000)), "found 1000"},
           {"cut gzip", Gzip(good).substr(0, 20), "ends too early"},
       }) {
    const std::string path = folder.Write(bad.name, bad.content);
    for (const size_t limit : {1, 2, 3, 4}) {
      EXPECT_THAT(
          ReadIdxImages(path, limit),
          StatusIs(kInvalid, AllOf(HasSubstr(path), HasSubstr(bad.message))))
          << bad.name;
    }
  }
  EXPECT_THAT(ReadIdxImages(folder.path() + "/missing", 1),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
  EXPECT_THAT(ReadIdxImages(folder.path(), 1),
              StatusIs(kInvalid, HasSubstr(folder.path())));
}

// In KiB, the most that it had so far.
int64_t MemoryOfThisProcess() {
  struct rusage usage = {};
  EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  return usage.ru_maxrss;
}

TEST(IdxTest, ALimitReadsNoMore) {
  constexpr size_t kCount = 1369568;  // 1 GiB, which takes no room on the disk
  const TempFolder folder;
  std::string header = IdxOfImages({9});
  for (const size_t i : {0, 1, 2, 3}) {
    header[4 + i] = static_cast<char>(kCount >> 8 * (3 - i) & 0xff);
  }
  const std::string path = folder.Write("large", header);
  ASSERT_EQ(truncate(path.c_str(), 16 + kCount * 784), 0);
  const int64_t before = MemoryOfThisProcess();
  LENET_ASSERT_OK_AND_ASSIGN(const IdxImages images, ReadIdxImages(path, 1));
  EXPECT_LT(MemoryOfThisProcess() - before, 100 << 10);
  EXPECT_EQ(images.total(), kCount);
  EXPECT_EQ(images.count(), 1u);
  EXPECT_THAT(images.image(0), Each(9));

  ASSERT_EQ(truncate(path.c_str(), 16 + (kCount + 1) * 784), 0);
  EXPECT_THAT(ReadIdxImages(path, 1),
              StatusIs(kInvalid, HasSubstr("at most 1073741824")));
}

TEST(FindLabelsTest, EverySpellingFindsEverySpelling) {
  for (const char* images :
       {"t10k-images.idx3-ubyte", "t10k-images-idx3-ubyte",
        "t10k-images.idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"}) {
    for (const char* labels :
         {"t10k-labels.idx1-ubyte", "t10k-labels-idx1-ubyte",
          "t10k-labels.idx1-ubyte.gz", "t10k-labels-idx1-ubyte.gz"}) {
      const TempFolder folder;
      const std::string expected = folder.Write(labels, "");
      folder.Write("train-labels.idx1-ubyte", "");
      EXPECT_EQ(FindLabels(folder.path() + "/" + images), expected);
    }
  }
}

TEST(FindLabelsTest, TheSameSpellingComesFirst) {
  const TempFolder folder;
  folder.Write("train-labels.idx1-ubyte", "");
  const std::string same = folder.Write("train-labels-idx1-ubyte.gz", "");
  EXPECT_EQ(FindLabels(folder.path() + "/train-images-idx3-ubyte.gz"), same);
}

TEST(FindLabelsTest, NothingForOtherNames) {
  const TempFolder folder;
  folder.Write("t10k-labels.idx1-ubyte", "");
  EXPECT_EQ(FindLabels(folder.path() + "/train-images.idx3-ubyte"),
            std::nullopt);
  EXPECT_EQ(FindLabels(folder.path() + "/digits"), std::nullopt);
  EXPECT_EQ(FindLabels(""), std::nullopt);
}

TEST(FindTestImagesTest, InTheFolderOrInTest) {
  const TempFolder folder;
  EXPECT_EQ(FindTestImages(folder.path()), std::nullopt);
  folder.Write("train-images.idx3-ubyte", "");
  folder.Write("t10k-labels.idx1-ubyte", "");
  EXPECT_EQ(FindTestImages(folder.path()), std::nullopt);
  const std::string zipped = folder.Write("t10k-images-idx3-ubyte.gz", "");
  EXPECT_EQ(FindTestImages(folder.path()), zipped);
  const std::string plain = folder.Write("t10k-images.idx3-ubyte", "");
  EXPECT_EQ(FindTestImages(folder.path()), plain);
  const std::string below = folder.Write("test/t10k-images-idx3-ubyte", "");
  EXPECT_EQ(FindTestImages(folder.path()), below);
}

}  // namespace
}  // namespace lenet

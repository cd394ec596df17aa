#include "cc/image/idx.h"

#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "cc/image/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

struct BadFile {
  std::string content;
  std::string message;
};

std::string With(std::string content, size_t offset, char value) {
  content[offset] = value;
  return content;
}

// Returns the maximum resident memory of this process so far, in KiB.
int64_t MaxMemory() {
  struct rusage usage = {};
  EXPECT_EQ(getrusage(RUSAGE_SELF, &usage), 0);
  return usage.ru_maxrss;
}

TEST(IdxTest, ReadsTheTestSetOfMnist) {
  const std::string path = TestData("mnist/Data/test/t10k-images.idx3-ubyte");
  LENET_ASSERT_OK_AND_ASSIGN(const IdxImages images, ReadIdxImages(path));
  EXPECT_EQ(images.count, 10000u);
  ASSERT_TRUE(FindLabels(path).has_value());
  LENET_ASSERT_OK_AND_ASSIGN(const std::vector<uint8_t> labels,
                             ReadIdxLabels(*FindLabels(path)));
  EXPECT_EQ(labels.size(), 10000u);
  EXPECT_EQ(labels[0], 7);
  EXPECT_EQ(labels[9999], 6);
}

TEST(IdxTest, ReadsPlainAndGzipFiles) {
  const TempFolder folder;
  const std::string images = MakeIdxImages({5, 6, 7, 8});
  for (const std::string& path :
       {folder.Write("plain", images), folder.Write("zipped", Gzip(images))}) {
    for (const size_t limit : {0, 1, 3, 4, 5, 1000000000}) {
      LENET_ASSERT_OK_AND_ASSIGN(const IdxImages read,
                                 ReadIdxImages(path, limit));
      EXPECT_EQ(read.count, limit == 0 || limit > 4 ? 4 : limit);
      EXPECT_EQ(read.total, 4u);
      for (size_t i = 0; i < read.count; ++i) {
        EXPECT_EQ(read.image(i).size(), 784u);
        EXPECT_THAT(read.image(i), Each(5 + i));
      }
    }
  }
  const std::string labels = MakeIdxLabels({7, 0, 9});
  for (const std::string& content : {labels, Gzip(labels)}) {
    LENET_ASSERT_OK_AND_ASSIGN(const std::vector<uint8_t> read,
                               ReadIdxLabels(folder.Write("labels", content)));
    EXPECT_THAT(read, ElementsAre(7, 0, 9));
  }
}

TEST(IdxTest, MissingFilesAndFolders) {
  const auto is_missing =
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing"));
  EXPECT_THAT(ReadIdxImages("/missing"), is_missing);
  EXPECT_THAT(ReadIdxImages("/missing", 1), is_missing);
  EXPECT_THAT(ReadIdxLabels("/missing"), is_missing);
  const TempFolder folder;
  EXPECT_THAT(ReadIdxImages(folder.path()),
              StatusIs(kInvalid, HasSubstr(folder.path())));
}

TEST(IdxTest, BadImages) {
  const TempFolder folder;
  const std::string good = MakeIdxImages({1, 2});
  const std::string zipped = Gzip(good);
  for (const BadFile& bad : std::vector<BadFile>{
           {"", "expected 16 bytes of header, found 0"},
           {"\x1f", "of header, found 1"},
           {good.substr(0, 15), "of header, found 15"},
           {"text of a letter", "expected magic 0x00000803, found 0x74657874"},
           {MakeIdxLabels({1, 2}), "found 0x00000801 (a file of labels)"},
           {"<!DOCTYPE html><html>", "a web page, the download failed"},
           {"PK\3\4" + good, "an archive; unpack it"},
           {With(good, 11, 27), "expected images of 28x28 pixels, found 27x28"},
           {With(good, 15, 32), "found 28x32"},
           {MakeIdxImages({}), "holds no images"},
           {good.substr(0, good.size() - 1),
            "expected 1584 bytes for the 2 images in its header, found 1583"},
           {good.substr(0, 16), "found 16"},
           {good + "x", "found 1585"},
           {With(good, 7, 3), "for the 3 images in its header, found 1584"},
           {With(good, 4, '\xff'), "images in its header, found 1584"},
           {zipped.substr(0, zipped.size() / 2), "ends too early"},
           {With(zipped, zipped.size() - 5, 0x55), "broken gzip"},
           {Gzip(good.substr(0, 100)), "found 100"},
       }) {
    const std::string path = folder.Write("images", bad.content);
    for (const size_t limit : {0, 1, 2, 3}) {
      EXPECT_THAT(
          ReadIdxImages(path, limit),
          StatusIs(kInvalid, AllOf(HasSubstr(path), HasSubstr(bad.message))));
    }
  }
}

TEST(IdxTest, BadLabels) {
  const TempFolder folder;
  const std::string good = MakeIdxLabels({1, 2, 3});
  for (const BadFile& bad : std::vector<BadFile>{
           {"", "expected 8 bytes of header, found 0"},
           {good.substr(0, 7), "of header, found 7"},
           {MakeIdxImages({1}), "found 0x00000803 (a file of images)"},
           {MakeIdxLabels({}), "holds no labels"},
           {std::string("\0\0\x0c\x02\0\0\0\1\0\0\0\x08", 12),
            "QMNIST's extended labels: 8 columns; take column 0"},
           {good.substr(0, 10),
            "expected 11 bytes for the 3 labels in its header, found 10"},
           {good + "x", "found 12"},
       }) {
    const std::string path = folder.Write("labels", bad.content);
    EXPECT_THAT(
        ReadIdxLabels(path),
        StatusIs(kInvalid, AllOf(HasSubstr(path), HasSubstr(bad.message))));
  }
}

TEST(IdxTest, LimitReadsOnlyTheFirstImages) {
  constexpr size_t kCount = 1369568;  // 1 GiB, in a sparse file
  const TempFolder folder;
  std::string header = MakeIdxImages({9});
  for (const size_t i : {0, 1, 2, 3}) {
    header[4 + i] = static_cast<char>(kCount >> 8 * (3 - i) & 0xff);
  }
  const std::string path = folder.Write("large", header);
  ASSERT_EQ(truncate(path.c_str(), 16 + kCount * 784), 0);
  const int64_t before = MaxMemory();
  LENET_ASSERT_OK_AND_ASSIGN(const IdxImages images, ReadIdxImages(path, 1));
  EXPECT_LT(MaxMemory() - before, 100 << 10);
  EXPECT_EQ(images.total, kCount);
  EXPECT_EQ(images.count, 1u);
  EXPECT_THAT(images.image(0), Each(9));

  ASSERT_EQ(truncate(path.c_str(), 16 + (kCount + 1) * 784), 0);
  EXPECT_THAT(ReadIdxImages(path, 1),
              StatusIs(kInvalid, HasSubstr("at most 1073741824")));
}

TEST(FindLabelsTest, OtherNames) {
  EXPECT_EQ(FindLabels("digits"), std::nullopt);
  EXPECT_EQ(FindLabels("t10k-images-idx3-ubyte"), std::nullopt);
}

// python/lenet/data/idx_test.py tests the same cases.
TEST(FindTestImagesTest, PublishedLayouts) {
  const nlohmann::json cases = nlohmann::json::parse(ReadTestFile(
      TestData("lenet_mindspore/python/lenet/data/layouts_test.json")));
  for (const auto& [name, layout] : cases.items()) {
    const TempFolder folder;
    std::vector<std::string> paths;
    for (const std::string file : layout["files"]) {
      paths.push_back(folder.Write(file, ""));
    }
    const auto path = [&](const nlohmann::json& index) {
      return index.is_null() ? std::optional<std::string>() : paths[index];
    };
    const auto images = FindTestImages(folder.path());
    if (layout["images"] == "several") {
      EXPECT_THAT(images, StatusIs(kInvalid, HasSubstr("several data sets")));
      continue;
    }
    ASSERT_THAT(images, IsOk());
    EXPECT_EQ(*images, path(layout["images"])) << name;
    if (!images->has_value()) continue;
    EXPECT_EQ(FindLabels(**images), path(layout["labels"])) << name;
    EXPECT_EQ(DescribeLayout(**images, folder.path()),
              layout.value("layout", ""))
        << name;
  }
}

}  // namespace
}  // namespace lenet

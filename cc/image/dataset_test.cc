#include "cc/image/dataset.h"

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/testing.h"
#include "cc/image/image.h"
#include "cc/image/testing.h"
#include "cc/image/transform.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kMissing = absl::StatusCode::kNotFound;

absl::Status StatusOfLoad(const Dataset& dataset, size_t i) {
  std::vector<float> tensor(dataset.tensor_size());
  return dataset.Load(i, absl::MakeSpan(tensor));
}

std::vector<float> Load(const Dataset& dataset, size_t i) {
  std::vector<float> tensor(dataset.tensor_size());
  EXPECT_THAT(dataset.Load(i, absl::MakeSpan(tensor)), IsOk());
  return tensor;
}

std::vector<uint8_t> LoadLuma(const Dataset& dataset, size_t i) {
  std::vector<uint8_t> luma(dataset.tensor_size());
  EXPECT_THAT(dataset.LoadLuma(i, absl::MakeSpan(luma)), IsOk());
  return luma;
}

std::vector<float> Normalized(const std::vector<uint8_t>& luma) {
  std::vector<float> tensor(luma.size());
  Normalize(luma, absl::MakeSpan(tensor));
  return tensor;
}

TEST(MnistTest, EqualsPythonOnAllImages) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto dataset,
                             OpenDataset(TestData("mnist/Data")));
  ASSERT_EQ(dataset->size(), 10000u);
  ASSERT_EQ(dataset->tensor_size(), 1024u);
  uint32_t crc = 0;
  for (size_t i = 0; i < dataset->size(); ++i) {
    crc = Crc32(BytesOf(Load(*dataset, i)), crc);
  }
  const std::string golden =
      ReadTestFile(TestData("lenet_mindspore/cc/image/golden_transform.txt"));
  EXPECT_THAT(golden, HasSubstr(absl::StrCat("\nmnist ", crc, "\n")));
}

TEST(MnistTest, FolderTestFolderAndFileAreTheSame) {
  const std::string folder = TestData("mnist/Data");
  for (const std::string& path :
       {folder, folder + "/test", folder + "/test/t10k-images.idx3-ubyte"}) {
    LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(path));
    EXPECT_EQ(dataset->size(), 10000u);
    EXPECT_EQ(dataset->stem(0), "test_0_7");
    EXPECT_EQ(dataset->label(0), 7);
    EXPECT_EQ(dataset->stem(9999), "test_9999_6");
  }
}

TEST(IdxDatasetTest, WithoutLabels) {
  const TempFolder folder;
  DatasetOptions options;
  options.path = folder.Write("digits", MakeIdxImages({0, 255, 3}));
  options.height = 20;
  options.width = 24;
  LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(options));
  EXPECT_EQ(dataset->tensor_size(), 480u);
  EXPECT_THAT(Stems(*dataset), ElementsAre("test_0", "test_1", "test_2"));
  EXPECT_THAT(Labels(*dataset), ElementsAre(-1, -1, -1));
  EXPECT_THAT(Load(*dataset, 0), Each(FloatEq(-0.42421296f)));
  EXPECT_THAT(Load(*dataset, 1), Each(FloatEq(2.8214867f)));
  EXPECT_EQ(LoadLuma(*dataset, 1), std::vector<uint8_t>(480, 255));
  LENET_ASSERT_OK_AND_ASSIGN(const auto source, dataset->LoadSource(1));
  EXPECT_EQ(source.height, 28);
  EXPECT_EQ(source.width, 28);
  EXPECT_EQ(source.content, std::string(784, '\xff'));
}

TEST(IdxDatasetTest, LabelsMustMatchAllImages) {
  const TempFolder folder;
  folder.Write("t10k-images-idx3-ubyte.gz", Gzip(MakeIdxImages({1, 2, 3})));
  for (const size_t limit : {0, 2}) {
    folder.Write("t10k-labels-idx1-ubyte.gz", Gzip(MakeIdxLabels({1, 2})));
    EXPECT_THAT(
        OpenDataset(folder.path(), limit),
        StatusIs(kInvalid,
                 AllOf(HasSubstr("labels-idx1-ubyte.gz: expected 3 labels"),
                       HasSubstr("found 2"))));
  }
  folder.Write("t10k-labels-idx1-ubyte.gz", Gzip(MakeIdxLabels({1, 61, 9})));
  LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(folder.path(), 2));
  EXPECT_THAT(Stems(*dataset), ElementsAre("test_0_1", "test_1_61"));
  EXPECT_THAT(Labels(*dataset), ElementsAre(1, 61));
}

TEST(IdxDatasetTest, TransposedImagesOfEmnistAreTurned) {
  // A vertical line: an upright 1.
  std::string upright = MakeIdxImages({0, 0});
  std::string transposed = upright;
  for (size_t i = 4; i < 24; ++i) {
    upright[16 + 784 + i * 28 + 14] = transposed[16 + 784 + 14 * 28 + i] = 99;
  }
  struct Case {
    std::string set;
    std::string content;
  };
  for (const Case& emnist :
       {Case{"emnist-mnist", upright}, Case{"emnist-mnist", transposed},
        Case{"emnist-digits", transposed}}) {
    const TempFolder folder;
    folder.Write(emnist.set + "-test-images-idx3-ubyte", emnist.content);
    folder.Write(emnist.set + "-test-labels-idx1-ubyte", MakeIdxLabels({7, 1}));
    LENET_ASSERT_OK_AND_ASSIGN(auto dataset, OpenDataset(folder.path()));
    LENET_ASSERT_OK_AND_ASSIGN(const auto image, dataset->LoadSource(1));
    EXPECT_EQ(image.content, upright.substr(16 + 784));
    LENET_ASSERT_OK_AND_ASSIGN(dataset, OpenDataset(folder.path(), 1));
    EXPECT_THAT(Labels(*dataset), ElementsAre(7));
  }
}

TEST(IdxDatasetTest, OtherFilesAndMissingOnes) {
  const TempFolder folder;
  EXPECT_THAT(OpenDataset(folder.Write("a", "text")),
              StatusIs(kInvalid, AllOf(HasSubstr("a: not an IDX file"),
                                       HasSubstr("found 0x74657874"))));
  const std::string archive = folder.Write("b/c/MNIST.npz", "PK");
  for (const std::string& path : {archive, folder.path() + "/b"}) {
    EXPECT_THAT(OpenDataset(path),
                StatusIs(kInvalid, HasSubstr("MNIST.npz is not read; take")));
  }
  EXPECT_THAT(OpenDataset(folder.path() + "/missing"),
              StatusIs(kMissing, HasSubstr("/missing")));
  EXPECT_THAT(OpenDataset(""), StatusIs(kMissing, HasSubstr("''")));
}

TEST(DatasetTest, SizesOutOfRange) {
  for (const auto& [height, width] : std::vector<std::pair<int, int>>{
           {0, 32}, {32, 0}, {-1, 32}, {8193, 32}, {32, 8193}}) {
    DatasetOptions options;
    options.path = TestData("mnist/Data");
    options.height = height;
    options.width = width;
    EXPECT_THAT(OpenDataset(options),
                StatusIs(kInvalid, HasSubstr(absl::StrCat("found ", height,
                                                          " and ", width))));
  }
}

TEST(FolderTest, TheContentDecidesAndOddPicturesAreCounted) {
  const TempFolder folder;
  const auto& golden = GoldenImages();
  folder.Write("dark", golden.at("png_gray8").file);
  folder.Write("wide.dat", golden.at("png_gray12").file);
  folder.Write("x.tif", golden.at("png_pillow_flat").file);
  folder.Write("y.jpg", golden.at("png_pillow_flat").file);
  folder.Write("notes.txt", "text");
  DatasetOptions options;
  options.path = folder.path();
  options.keeps_file = [&golden](absl::string_view file) {
    return file == golden.at("png_gray8").file;
  };
  LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(options));
  EXPECT_THAT(Stems(*dataset), ElementsAre("dark", "wide", "x", "y"));
  for (size_t i = 0; i < 4; ++i) {
    LENET_ASSERT_OK_AND_ASSIGN(const auto source, dataset->LoadSource(i));
    EXPECT_EQ(source.height, i == 0 ? 0 : 32);
    if (i == 0) continue;
    EXPECT_EQ(source.content.size(), dataset->tensor_size());
    EXPECT_EQ(
        LoadLuma(*dataset, i),
        std::vector<uint8_t>(source.content.begin(), source.content.end()));
  }
  EXPECT_THAT(
      dataset->warnings(),
      UnorderedElementsAre(AllOf(HasSubstr("1 of 4 images, the first is "),
                                 HasSubstr("wide.dat: samples that use")),
                           AllOf(HasSubstr("3 of 4 images, the first is "),
                                 HasSubstr("wide.dat: light paper"))));
}

TEST(FolderTest, PreparationAsInPredict) {
  const TempFolder folder;
  const GoldenImage& golden = GoldenImages().at("photo_desk_1");
  DatasetOptions options;
  options.find_digits = true;
  options.keeps_file = [](absl::string_view) { return true; };  // by DVPP
  for (const std::string& path :
       {folder.Write("test_0_2", golden.file), folder.path()}) {
    options.path = path;
    LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(options));
    EXPECT_THAT(Stems(*dataset), ElementsAre("test_0_2"));
    EXPECT_THAT(Labels(*dataset), ElementsAre(2));
    LENET_ASSERT_OK_AND_ASSIGN(const auto source, dataset->LoadSource(0));
    EXPECT_EQ(source.height, 32);
    EXPECT_EQ(Crc32(source.content), golden.digits_crc);
    EXPECT_THAT(dataset->warnings(), ElementsAre());
  }
  folder.Write("test_0_2", GoldenImages().at("png_pillow_flat").file);
  LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(options));
  EXPECT_THAT(StatusOfLoad(*dataset, 0),
              StatusIs(kInvalid, HasSubstr("test_0_2: no ink")));
  options.path = TestData("mnist/Data");
  EXPECT_THAT(OpenDataset(options),
              StatusIs(kInvalid, HasSubstr("omit --prepare=predict")));
}

TEST(FolderTest, UnreadableAndRemovedFiles) {
  const WithoutPrivileges without_privileges;
  const TempFolder folder;
  const std::string image = folder.Write("a.jpg", MakeJpeg({}));
  const std::string removed = folder.Write("b.jpg", MakeJpeg({}));
  LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(folder.path()));
  const absl::StatusCode denied = absl::StatusCode::kPermissionDenied;
  ASSERT_EQ(chmod(image.c_str(), 0), 0);
  EXPECT_THAT(StatusOfLoad(*dataset, 0), StatusIs(denied, HasSubstr(image)));
  ASSERT_EQ(std::remove(removed.c_str()), 0);
  EXPECT_THAT(StatusOfLoad(*dataset, 1),
              StatusIs(kMissing, HasSubstr(removed)));
  EXPECT_THAT(dataset->LoadSource(1), StatusIs(kMissing, HasSubstr(removed)));
  ASSERT_EQ(chmod(folder.path().c_str(), 0), 0);
  EXPECT_THAT(OpenDataset(folder.path()),
              StatusIs(denied, HasSubstr(folder.path())));
  ASSERT_EQ(chmod(folder.path().c_str(), 0700), 0);
}

TEST(FolderTest, LoadsEveryKindOfFile) {
  const std::string png = GoldenImages().at("png_pillow_28x28").file;
  std::vector<float> values(1024);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i) / 7;
  }
  const TempFolder folder;
  folder.Write("a.png", png);
  folder.Write("b.jpg", MakeJpeg({}));
  folder.Write("c.bin", BytesOf(values));
  folder.Write("d.jpg", png);  // the content counts, not the name
  folder.Write("e.jpg", "text");
  LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(folder.path()));
  ASSERT_EQ(dataset->size(), 5u);
  EXPECT_EQ(LoadLuma(*dataset, 1), std::vector<uint8_t>(1024, 100));
  EXPECT_EQ(Load(*dataset, 2), values);
  for (const size_t i : {0, 1, 3}) {
    EXPECT_EQ(Load(*dataset, i), Normalized(LoadLuma(*dataset, i)));
    LENET_ASSERT_OK_AND_ASSIGN(const auto source, dataset->LoadSource(i));
    EXPECT_EQ(source.content, i == 1 ? MakeJpeg({}) : png);
    EXPECT_EQ(source.height, 0);
  }
  EXPECT_EQ(Load(*dataset, 3), Load(*dataset, 0));

  const auto is_tensor =
      StatusIs(kInvalid, AllOf(HasSubstr("c.bin: holds normalised floats"),
                               HasSubstr("without --aipp")));
  std::vector<uint8_t> luma(1024);
  EXPECT_THAT(dataset->LoadLuma(2, absl::MakeSpan(luma)), is_tensor);
  EXPECT_THAT(dataset->LoadSource(2), is_tensor);
  EXPECT_THAT(dataset->LoadLuma(4, absl::MakeSpan(luma)),
              StatusIs(kInvalid, HasSubstr("e.jpg: neither JPEG nor PNG")));
  EXPECT_THAT(dataset->LoadSource(4), IsOk());  // unchecked
}

TEST(FolderTest, BadFiles) {
  struct Bad {
    std::string name;
    std::string content;
    std::string message;
  };
  std::vector<float> with_nan(1024);
  with_nan[5] = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> with_infinity(1024);
  with_infinity[1023] = -std::numeric_limits<float>::infinity();
  for (const Bad& bad : std::vector<Bad>{
           {"empty.jpg", "", "the file is empty"},
           {"text.jpg", "text", "neither JPEG nor PNG (starts with 0x7465"},
           {"empty.bin", "", "expected 4096 bytes"},
           {"short.bin", std::string(4095, '\0'), "32x32, found 4095"},
           {"long.bin", std::string(4097, '\0'), "found 4097"},
           {"nan.bin", BytesOf(with_nan), "found nan at index 5"},
           {"inf.bin", BytesOf(with_infinity), "found -inf at index 1023"},
       }) {
    const TempFolder folder;
    const std::string path = folder.Write(bad.name, bad.content);
    LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(folder.path()));
    EXPECT_THAT(
        StatusOfLoad(*dataset, 0),
        StatusIs(kInvalid, AllOf(HasSubstr(path), HasSubstr(bad.message))));
  }
}

}  // namespace
}  // namespace lenet

#include "cc/image/dataset.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/test_util.h"
#include "cc/image/golden.h"
#include "cc/image/idx_testing.h"
#include "cc/image/image.h"
#include "cc/image/normalize.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr float kBlack = -0.42421296f;

DatasetOptions At(const std::string& path) {
  DatasetOptions options;
  options.path = path;
  return options;
}

std::vector<std::string> Stems(const Dataset& dataset) {
  std::vector<std::string> stems;
  for (size_t i = 0; i < dataset.size(); ++i) stems.push_back(dataset.stem(i));
  return stems;
}

// -1 for unknown.
std::vector<int> Labels(const Dataset& dataset) {
  std::vector<int> labels;
  for (size_t i = 0; i < dataset.size(); ++i) {
    labels.push_back(dataset.label(i).value_or(-1));
  }
  return labels;
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

// What Load makes of luma.
std::vector<float> Normalized(const std::vector<uint8_t>& luma) {
  std::vector<float> tensor(luma.size());
  Normalize(luma, absl::MakeSpan(tensor));
  return tensor;
}

std::string BytesOf(const std::vector<float>& tensor) {
  std::string bytes(tensor.size() * sizeof(float), '\0');
  std::memcpy(bytes.data(), tensor.data(), bytes.size());
  return bytes;
}

// The file of a golden record and the gray pixels in it.
std::string GoldenFile(const std::string& name) {
  const std::string content = ReadGolden("decode/" + name).at("decode/" + name);
  GoldenRecord record(content);
  record.Int();
  record.Int();
  return record.Bytes(static_cast<size_t>(record.Int()));
}

// One for all tests, as most need no pixels of their own.
const std::string& AJpeg() {
  static const auto* const file =
      new std::string(GoldenFile("jpeg_gray_28x28_95"));
  return *file;
}

TEST(MnistTest, EqualsPythonBitForBitOnAllImages) {
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(At(TestData("mnist/Data"))));
  ASSERT_EQ(dataset->size(), 10000u);
  ASSERT_EQ(dataset->tensor_size(), 1024u);
  uint32_t crc = 0;
  for (size_t i = 0; i < dataset->size(); ++i) {
    crc = Crc32(BytesOf(Load(*dataset, i)), crc);
  }
  const std::string golden = ReadGolden("mnist").at("mnist");
  EXPECT_EQ(crc, static_cast<uint32_t>(GoldenRecord(golden).Int()));
}

TEST(MnistTest, TheFolderItsTestFolderAndTheFileAreTheSame) {
  const std::string folder = TestData("mnist/Data");
  for (const std::string& path :
       {folder, folder + "/test", folder + "/test/t10k-images.idx3-ubyte"}) {
    LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                               OpenDataset(At(path)));
    EXPECT_EQ(dataset->size(), 10000u);
    EXPECT_EQ(dataset->stem(0), "test_0_7");
    EXPECT_EQ(dataset->label(0), 7);
    EXPECT_EQ(dataset->stem(9999), "test_9999_6");
  }
}

TEST(IdxDatasetTest, WithoutLabels) {
  const TempFolder folder;
  const std::string path = folder.Write("digits", IdxOfImages({0, 255, 3}));
  DatasetOptions options = At(path);
  options.height = 20;
  options.width = 24;
  options.limit = 2;
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(options));
  EXPECT_EQ(dataset->tensor_size(), 480u);
  EXPECT_THAT(Stems(*dataset), ElementsAre("test_0", "test_1"));
  EXPECT_THAT(Labels(*dataset), ElementsAre(-1, -1));
  EXPECT_THAT(Load(*dataset, 0), Each(FloatEq(kBlack)));
  EXPECT_THAT(Load(*dataset, 1), Each(FloatEq(2.8214867f)));
}

TEST(IdxDatasetTest, LumaAndSource) {
  const TempFolder folder;
  const std::string path = folder.Write("digits", IdxOfImages({0, 200, 3}));
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(At(path)));
  EXPECT_EQ(LoadLuma(*dataset, 1), std::vector<uint8_t>(1024, 200));
  LENET_ASSERT_OK_AND_ASSIGN(const SourceImage source, dataset->LoadSource(1));
  EXPECT_EQ(source.height, 28);
  EXPECT_EQ(source.width, 28);
  EXPECT_EQ(source.content, std::string(784, '\xc8'));
}

TEST(MnistTest, NormalizedLumaIsTheTensor) {
  DatasetOptions options = At(TestData("mnist/Data"));
  options.limit = 100;
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(options));
  for (size_t i = 0; i < dataset->size(); ++i) {
    EXPECT_EQ(Normalized(LoadLuma(*dataset, i)), Load(*dataset, i)) << i;
  }
}

TEST(MnistTest, TheFirstOnesAreTheSame) {
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> all,
                             OpenDataset(At(TestData("mnist/Data"))));
  DatasetOptions options = At(TestData("mnist/Data"));
  for (const size_t limit : {1, 7, 10000, 20000}) {
    options.limit = limit;
    LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> first,
                               OpenDataset(options));
    ASSERT_EQ(first->size(), std::min<size_t>(limit, 10000));
    const size_t last = first->size() - 1;
    EXPECT_EQ(Load(*first, last), Load(*all, last));
    EXPECT_EQ(first->stem(last), all->stem(last));
  }
}

// The labels must fit to all images of the file, not only to the first ones.
TEST(IdxDatasetTest, LabelsMustFitWithALimitToo) {
  const TempFolder folder;
  folder.Write("t10k-images-idx3-ubyte", IdxOfImages({1, 2, 3}));
  DatasetOptions options = At(folder.path());
  options.limit = 2;
  folder.Write("t10k-labels-idx1-ubyte", IdxOfLabels({1, 2}));
  EXPECT_THAT(OpenDataset(options),
              StatusIs(kInvalid, HasSubstr("expected 3 labels")));
  folder.Write("t10k-labels-idx1-ubyte", IdxOfLabels({1, 2, 3}));
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(options));
  EXPECT_THAT(Labels(*dataset), ElementsAre(1, 2));
}

TEST(IdxDatasetTest, LabelsBesideItMustFit) {
  const TempFolder folder;
  folder.Write("t10k-images-idx3-ubyte.gz", Gzip(IdxOfImages({1, 2, 3})));
  folder.Write("t10k-labels-idx1-ubyte.gz", Gzip(IdxOfLabels({1, 2})));
  EXPECT_THAT(
      OpenDataset(At(folder.path())),
      StatusIs(kInvalid, AllOf(HasSubstr("labels-idx1-ubyte.gz: expected 3"),
                               HasSubstr("found 2"))));
  folder.Write("t10k-labels-idx1-ubyte.gz", Gzip(IdxOfLabels({1, 2, 10})));
  EXPECT_THAT(OpenDataset(At(folder.path())),
              StatusIs(kInvalid, HasSubstr("found 10 at index 2")));
  folder.Write("t10k-labels-idx1-ubyte.gz", Gzip(IdxOfLabels({1, 2, 9})));
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(At(folder.path())));
  EXPECT_THAT(Stems(*dataset), ElementsAre("test_0_1", "test_1_2", "test_2_9"));
  EXPECT_THAT(Labels(*dataset), ElementsAre(1, 2, 9));
}

TEST(IdxDatasetTest, OtherFilesAndMissingOnes) {
  const TempFolder folder;
  EXPECT_THAT(OpenDataset(At(folder.Write("a.jpg", AJpeg()))),
              StatusIs(kInvalid, AllOf(HasSubstr("a.jpg: not an IDX file"),
                                       HasSubstr("found 0xffd8ff"))));
  EXPECT_THAT(OpenDataset(At(folder.path() + "/missing")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
  EXPECT_THAT(OpenDataset(At("")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("''")));
}

TEST(DatasetTest, SizesMustBePossible) {
  for (const auto& [height, width] : std::vector<std::pair<int, int>>{
           {0, 32}, {32, 0}, {-1, 32}, {8193, 32}, {32, 8193}}) {
    DatasetOptions options = At(TestData("mnist/Data"));
    options.height = height;
    options.width = width;
    EXPECT_THAT(OpenDataset(options),
                StatusIs(kInvalid, HasSubstr(absl::StrCat("found ", height,
                                                          " and ", width))));
  }
}

TEST(FolderTest, LabelsAndOrderComeFromTheNamesIfAllTellThem) {
  const TempFolder folder;
  for (const char* name :
       {"test_10_3.jpg", "test_9_0.JPEG", "test_0_9.png", "test_100_1.bin"}) {
    folder.Write(name, "");
  }
  folder.Write("notes.txt", "");
  folder.Write("sub/test_5_5.jpg", "");
  DatasetOptions options = At(folder.path());
  LENET_ASSERT_OK_AND_ASSIGN(std::unique_ptr<Dataset> dataset,
                             OpenDataset(options));
  EXPECT_THAT(Stems(*dataset),
              ElementsAre("test_0_9", "test_9_0", "test_10_3", "test_100_1"));
  EXPECT_THAT(Labels(*dataset), ElementsAre(9, 0, 3, 1));

  options.limit = 3;
  LENET_ASSERT_OK_AND_ASSIGN(dataset, OpenDataset(options));
  EXPECT_THAT(Labels(*dataset), ElementsAre(9, 0, 3));
  options.limit = 5;
  LENET_ASSERT_OK_AND_ASSIGN(dataset, OpenDataset(options));
  EXPECT_EQ(dataset->size(), 4u);
}

TEST(FolderTest, OneOtherNameMakesAllLabelsUnknown) {
  for (const char* name :
       {"a.png", "test_1_10.png", "test_x_1.png", "test__1.png", "test_1.png",
        "test_-1_1.png", "test_1_1_1.png", "Test_1_1.png",
        "test_99999999999999999999_1.png"}) {
    const TempFolder folder;
    folder.Write("test_10_3.jpg", "");
    folder.Write("test_9_0.jpg", "");
    folder.Write(name, "");
    LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                               OpenDataset(At(folder.path())));
    EXPECT_THAT(Labels(*dataset), ElementsAre(-1, -1, -1)) << name;
    // By name, of which "test_10_3" comes before "test_9_0".
    const std::vector<std::string> stems = Stems(*dataset);
    EXPECT_TRUE(std::is_sorted(stems.begin(), stems.end())) << name;
  }
}

TEST(FolderTest, WithoutImages) {
  const TempFolder folder;
  const auto is_empty = StatusIs(
      kInvalid, HasSubstr(absl::StrCat("no images in ", folder.path(),
                                       "; expected *.jpg, *.png, *.bin or an "
                                       "IDX file")));
  EXPECT_THAT(OpenDataset(At(folder.path())), is_empty);
  folder.Write("notes.txt", "");
  folder.Write(".jpg", "");
  folder.Write("test/sub.jpg", "");
  EXPECT_THAT(OpenDataset(At(folder.path())), is_empty);
}

TEST(FolderTest, TwoFilesOfOneStemAreAnError) {
  const TempFolder folder;
  folder.Write("a.jpg", "");
  folder.Write("b.jpg", "");
  folder.Write("a.png", "");
  EXPECT_THAT(OpenDataset(At(folder.path())),
              StatusIs(kInvalid, AllOf(HasSubstr("/a.jpg and "),
                                       HasSubstr("/a.png would"))));
}

TEST(FolderTest, WithoutRights) {
  const WithoutPrivileges without_privileges;
  const TempFolder folder;
  const std::string image = folder.Write("a.jpg", AJpeg());
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(At(folder.path())));
  const absl::StatusCode denied = absl::StatusCode::kPermissionDenied;
  ASSERT_EQ(chmod(image.c_str(), 0), 0);
  std::vector<float> tensor(1024);
  EXPECT_THAT(dataset->Load(0, absl::MakeSpan(tensor)),
              StatusIs(denied, HasSubstr(image)));
  ASSERT_EQ(chmod(folder.path().c_str(), 0), 0);
  EXPECT_THAT(OpenDataset(At(folder.path())),
              StatusIs(denied, HasSubstr(folder.path())));
  ASSERT_EQ(chmod(folder.path().c_str(), 0700), 0);
}

// All three kinds of file; their pixels are the same.
TEST(FolderTest, LoadsEveryKindOfFile) {
  const TempFolder folder;
  const auto records = ReadGolden("decode/");
  const std::string& png = records.at("decode/png_pillow_28x28");
  GoldenRecord record(png);
  const int height = record.Int();
  const int width = record.Int();
  folder.Write("a.png", record.Bytes(static_cast<size_t>(record.Int())));
  folder.Write("b.jpg", AJpeg());
  std::vector<float> values(1024);
  for (size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i) / 7;
  }
  folder.Write("c.bin", BytesOf(values));
  // Names do not matter for images.
  folder.Write("d.jpg", ReadTestFile(folder.path() + "/a.png"));
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(At(folder.path())));
  ASSERT_EQ(dataset->size(), 4u);
  EXPECT_EQ(Load(*dataset, 2), values);
  EXPECT_EQ(Load(*dataset, 3), Load(*dataset, 0));
  EXPECT_NE(Load(*dataset, 1), Load(*dataset, 0));

  // In its own size the image is only normalised.
  DatasetOptions options = At(folder.path());
  options.height = height;
  options.width = width;
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> small,
                             OpenDataset(options));
  const std::vector<float> tensor = Load(*small, 0);
  const std::vector<uint8_t> pixels = record.Pixels(tensor.size());
  for (size_t i = 0; i < tensor.size(); ++i) {
    EXPECT_FLOAT_EQ(tensor[i],
                    (static_cast<float>(pixels[i]) / 255 - 0.1307f) / 0.3081f);
  }
}

TEST(FolderTest, LumaAndSource) {
  const TempFolder folder;
  const std::string png = GoldenFile("png_pillow_28x28");
  folder.Write("a.png", png);
  folder.Write("b.jpg", AJpeg());
  folder.Write("c.bin", std::string(4096, '\0'));
  folder.Write("d.jpg", "text");
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(At(folder.path())));
  for (const size_t i : {0, 1}) {
    EXPECT_EQ(Normalized(LoadLuma(*dataset, i)), Load(*dataset, i));
    LENET_ASSERT_OK_AND_ASSIGN(const SourceImage source,
                               dataset->LoadSource(i));
    EXPECT_EQ(source.content, i == 0 ? png : AJpeg());
    EXPECT_EQ(source.height, 0);
    EXPECT_EQ(source.width, 0);
  }
  const auto is_tensor =
      StatusIs(kInvalid, AllOf(HasSubstr("c.bin: holds normalised floats"),
                               HasSubstr("without --aipp")));
  std::vector<uint8_t> luma(1024);
  EXPECT_THAT(dataset->LoadLuma(2, absl::MakeSpan(luma)), is_tensor);
  EXPECT_THAT(dataset->LoadSource(2), is_tensor);
  // Who decodes it finds what is wrong with it.
  EXPECT_THAT(dataset->LoadLuma(3, absl::MakeSpan(luma)),
              StatusIs(kInvalid, HasSubstr("d.jpg: neither JPEG nor PNG")));
  EXPECT_THAT(dataset->LoadSource(3), IsOk());
  ASSERT_EQ(std::remove((folder.path() + "/a.png").c_str()), 0);
  const auto is_missing = StatusIs(absl::StatusCode::kNotFound,
                                   HasSubstr(folder.path() + "/a.png"));
  EXPECT_THAT(dataset->LoadLuma(0, absl::MakeSpan(luma)), is_missing);
  EXPECT_THAT(dataset->LoadSource(0), is_missing);
}

TEST(FolderTest, BadFilesAreNamed) {
  struct Bad {
    std::string name;
    std::string content;
    std::string message;
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  std::vector<float> with_nan(1024);
  with_nan[5] = nan;
  std::vector<float> with_infinity(1024);
  with_infinity[1023] = -infinity;
  for (const Bad& bad : std::vector<Bad>{
           {"empty.jpg", "", "the file is empty"},
           {"text.jpg", "text", "neither JPEG nor PNG (starts with 74 65"},
           {"cut.jpg", AJpeg().substr(0, AJpeg().size() - 2), "broken JPEG"},
           {"cut.png", GoldenFile("png_gray8").substr(0, 60), "broken PNG"},
           {"empty.bin", "", "expected 4096 bytes"},
           {"short.bin", std::string(4095, '\0'), "32x32, found 4095"},
           {"long.bin", std::string(4097, '\0'), "found 4097"},
           {"nan.bin", BytesOf(with_nan), "found nan at index 5"},
           {"inf.bin", BytesOf(with_infinity), "found -inf at index 1023"},
       }) {
    const TempFolder folder;
    const std::string path = folder.Write(bad.name, bad.content);
    LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                               OpenDataset(At(folder.path())));
    std::vector<float> tensor(1024);
    EXPECT_THAT(
        dataset->Load(0, absl::MakeSpan(tensor)),
        StatusIs(kInvalid, AllOf(HasSubstr(path), HasSubstr(bad.message))));
  }
}

TEST(FolderTest, AFileThatIsGoneIsNotFound) {
  const TempFolder folder;
  const std::string path = folder.Write("a.jpg", AJpeg());
  LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                             OpenDataset(At(folder.path())));
  ASSERT_EQ(std::remove(path.c_str()), 0);
  std::vector<float> tensor(1024);
  EXPECT_THAT(dataset->Load(0, absl::MakeSpan(tensor)),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
}

TEST(ManifestTest, GivesFilesLabelsAndOrder) {
  const TempFolder folder;
  for (const char* name : {"b.jpg", "a,1.png", "sub/c.bin", "unlisted.jpg"}) {
    folder.Write(name, "");
  }
  // Also with what spreadsheets make of it.
  for (const std::string& content :
       {std::string("file,label\nb.jpg,7\na,1.png,0\nsub/c.bin,9\n"),
        std::string("\xef\xbb\xbf"
                    "file,label\r\nb.jpg,7\r\na,1.png,0\r\nsub/c.bin,9")}) {
    folder.Write("manifest.csv", content);
    LENET_ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Dataset> dataset,
                               OpenDataset(At(folder.path())));
    EXPECT_THAT(Stems(*dataset), ElementsAre("b", "a,1", "c"));
    EXPECT_THAT(Labels(*dataset), ElementsAre(7, 0, 9));
  }
}

TEST(ManifestTest, BadLinesAreNamed) {
  struct Bad {
    std::string content;
    absl::StatusCode code;
    std::string message;
  };
  const TempFolder folder;
  folder.Write("a.jpg", "");
  folder.Write("sub/a.jpg", "");
  folder.Write("notes.txt", "");
  const std::string header = "file,label\n";
  const absl::StatusCode missing = absl::StatusCode::kNotFound;
  for (const Bad& bad : std::vector<Bad>{
           {"", kInvalid, "line 1: expected the header file,label, found ''"},
           {"a.jpg,1\n", kInvalid, "line 1: expected the header"},
           {header, kInvalid, "lists no images"},
           {header + "\n\n", kInvalid, "lists no images"},
           {header + "a.jpg\n", kInvalid,
            "line 2: expected file,label, found 'a.jpg'"},
           {header + "a.jpg,10\n", kInvalid,
            "line 2: expected a label from 0 to 9, found '10'"},
           {header + "a.jpg,\n", kInvalid, "from 0 to 9, found ''"},
           {header + "a.jpg,x\n", kInvalid, "found 'x'"},
           {header + "a.jpg,-1\n", kInvalid, "found '-1'"},
           {header + "a.jpg,1\nb.jpg,2\n", missing, "line 3: no file 'b.jpg'"},
           {header + ",1\n", kInvalid, "line 2: expected a .jpg"},
           {header + "sub,1\n", kInvalid, "line 2: expected a .jpg"},
           {header + "notes.txt,1\n", kInvalid, "found 'notes.txt'"},
           {header + "../a.jpg,1\n", kInvalid,
            "line 2: expected a file in the folder, found '../a.jpg'"},
           {header + "sub/../a.jpg,1\n", kInvalid, "found 'sub/../a.jpg'"},
           {header + folder.path() + "/a.jpg,1\n", kInvalid,
            "expected a file in the folder"},
           {header + "a.jpg,1\na.jpg,1\n", kInvalid, "of the same name"},
           {header + "a.jpg,1\nsub/a.jpg,1\n", kInvalid, "of the same name"},
       }) {
    folder.Write("manifest.csv", bad.content);
    EXPECT_THAT(OpenDataset(At(folder.path())),
                StatusIs(bad.code, AllOf(HasSubstr(folder.path()),
                                         HasSubstr(bad.message))))
        << bad.content;
  }
}

}  // namespace
}  // namespace lenet

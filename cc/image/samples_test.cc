#include <algorithm>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/testing.h"
#include "cc/image/dataset.h"
#include "cc/image/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kMissing = absl::StatusCode::kNotFound;

TEST(SamplesTest, LabelsAndOrderFromNames) {
  const TempFolder folder;
  for (const char* name : {"test_10_3.jpg", "test_9_0.JPEG", "test_0_46.png",
                           "test_100_1.bin", "notes.txt", "sub/test_5_5.jpg"}) {
    folder.Write(name, "");
  }
  LENET_ASSERT_OK_AND_ASSIGN(auto dataset, OpenDataset(folder.path()));
  EXPECT_THAT(Stems(*dataset),
              ElementsAre("test_0_46", "test_9_0", "test_10_3", "test_100_1"));
  EXPECT_THAT(Labels(*dataset), ElementsAre(46, 0, 3, 1));
  LENET_ASSERT_OK_AND_ASSIGN(dataset, OpenDataset(folder.path(), 3));
  EXPECT_THAT(Labels(*dataset), ElementsAre(46, 0, 3));
  LENET_ASSERT_OK_AND_ASSIGN(dataset, OpenDataset(folder.path(), 5));
  EXPECT_EQ(dataset->size(), 4u);
}

TEST(SamplesTest, OneOtherNameMakesAllLabelsUnknown) {
  for (const char* name :
       {"a.png", "test_1_1000.png", "test_1_01.png", "test_x_1.png",
        "test__1.png", "test_1.png", "test_-1_1.png", "test_1_1_1.png",
        "Test_1_1.png", "test_99999999999999999999_1.png"}) {
    const TempFolder folder;
    for (const char* file : {"test_10_3.jpg", "test_9_0.jpg", name}) {
      folder.Write(file, "");
    }
    LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(folder.path()));
    EXPECT_THAT(Labels(*dataset), ElementsAre(-1, -1, -1)) << name;
    const std::vector<std::string> stems = Stems(*dataset);
    EXPECT_TRUE(std::is_sorted(stems.begin(), stems.end())) << name;
  }
}

TEST(SamplesTest, NoImages) {
  const TempFolder folder;
  for (const char* name : {"notes.txt", ".jpg", "test/sub.jpg"}) {
    EXPECT_THAT(OpenDataset(folder.path()),
                StatusIs(kInvalid, HasSubstr(absl::StrCat(
                                       "no images in ", folder.path(),
                                       "; expected *.jpg, *.png, *.bin or an "
                                       "IDX file"))));
    folder.Write(name, "");
  }
}

// The same names as in python/lenet/postprocessing/inputs_test.py.
TEST(SamplesTest, FoldersOfClassesAndFilesThatAreLeftOut) {
  struct Case {
    std::vector<std::string> names;
    std::vector<std::string> stems;
    std::vector<int> labels;
  };
  for (const Case& c : std::vector<Case>{
           {{"7/0.png", "3/0.PNG", "3/._0.png", "3/a.bin", "notes.txt"},
            {"3_0", "3_a", "7_0"},
            {3, 3, 7}},
           {{"testing/25/0.png", "training/5/1.png"}, {"testing_25_0"}, {25}},
           {{"07/0.png"}, {"07_0"}, {-1}},
           {{"test_0_7.png", "1/0.png", "._test_1_1.png"}, {"test_0_7"}, {7}},
           {{"in/test_0_7.jfif", "result_Files/test_0_7.bin"},
            {"in_test_0_7"},
            {7}},
           {{"7/0.png", "seven/0.png"}, {"7_0", "seven_0"}, {-1, -1}}}) {
    const TempFolder folder;
    for (const std::string& name : c.names) folder.Write(name, "");
    LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(folder.path()));
    EXPECT_EQ(Stems(*dataset), c.stems);
    EXPECT_EQ(Labels(*dataset), c.labels);
    EXPECT_EQ(dataset->name(0), c.names[c.names.size() == 5]);
  }
}

TEST(SamplesTest, FilesOfTheSameStemKeepTheirEndings) {
  const TempFolder folder;
  for (const char* name : {"a.jpg", "b.jpg", "a.png"}) folder.Write(name, "");
  LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(folder.path()));
  EXPECT_THAT(Stems(*dataset), ElementsAre("a.jpg", "a.png", "b"));
  folder.Write("a.jpg.png", "");
  EXPECT_THAT(OpenDataset(folder.path()),
              StatusIs(kInvalid, AllOf(HasSubstr("/a.jpg and "),
                                       HasSubstr("/a.jpg.png would"))));
}

TEST(ManifestTest, GivesFilesLabelsAndOrder) {
  const TempFolder folder;
  for (const char* name : {"b.jpg", "a,1.png", "sub/c.bin", "unlisted.jpg"}) {
    folder.Write(name, "");
  }
  for (const char* content :
       {"file,label\nb.jpg,7\na,1.png,0\nsub/c.bin,61\n",
        "file,label\n\"b.jpg\",7\n\"a,1.png\",0\nsub/c.bin,61\n",
        // as spreadsheets write it
        "\xef\xbb\xbf"
        "file,label\r\nb.jpg,7\r\na,1.png,0\r\nsub/c.bin,61\r\n\r\n \n"}) {
    folder.Write("manifest.csv", content);
    LENET_ASSERT_OK_AND_ASSIGN(const auto dataset, OpenDataset(folder.path()));
    EXPECT_THAT(Stems(*dataset), ElementsAre("b", "a,1", "sub_c"));
    EXPECT_THAT(Labels(*dataset), ElementsAre(7, 0, 61));
  }
}

TEST(ManifestTest, BadLines) {
  struct Bad {
    std::string content;
    std::string message;
    absl::StatusCode code = kInvalid;
  };
  const TempFolder folder;
  for (const char* name : {"a.jpg", "sub/a.jpg", "notes.txt"}) {
    folder.Write(name, "");
  }
  const std::string header = "file,label\n";
  for (const Bad& bad : std::vector<Bad>{
           {"", "line 1: expected the header file,label, found ''"},
           {"a.jpg,1\n", "line 1: expected the header"},
           {header, "lists no images"},
           {header + "\n\n", "lists no images"},
           {header + "a.jpg\n", "line 2: expected file,label, found 'a.jpg'"},
           {header + "a.jpg,1000\n",
            "line 2: expected a label from 0 to 999, found '1000'"},
           {header + "a.jpg,\n", "from 0 to 999, found ''"},
           {header + "a.jpg,x\n", "found 'x'"},
           {header + "a.jpg,-1\n", "found '-1'"},
           {header + "a.jpg,1\nb.jpg,2\n", "line 3: no file 'b.jpg'", kMissing},
           {header + ",1\n", "line 2: expected a .jpg"},
           {header + "sub,1\n", "line 2: expected a .jpg"},
           {header + "notes.txt,1\n", "found 'notes.txt'"},
           {header + "../a.jpg,1\n",
            "line 2: expected a file in the folder, found '../a.jpg'"},
           {header + "sub/../a.jpg,1\n", "found 'sub/../a.jpg'"},
           {header + folder.path() + "/a.jpg,1\n",
            "expected a file in the folder"},
           {header + "a.jpg,1\na.jpg,1\n", "of the same name"},
       }) {
    folder.Write("manifest.csv", bad.content);
    EXPECT_THAT(OpenDataset(folder.path()),
                StatusIs(bad.code, AllOf(HasSubstr(folder.path()),
                                         HasSubstr(bad.message))))
        << bad.content;
  }
}

}  // namespace
}  // namespace lenet

#include "cc/inference/results.h"

#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/file.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr ResultFormat kFiles = ResultFormat::kFiles;
constexpr ResultFormat kNpy = ResultFormat::kNpy;

std::vector<std::string> Names(const std::string& folder) {
  const auto names = ListFolder(folder);
  EXPECT_THAT(names, IsOk());
  return names.ok() ? *names : std::vector<std::string>();
}

TEST(ResultFolderTest, WritesLittleEndianFloats) {
  const TempFolder folder;
  const std::string path = folder.path() + "/deep/results";
  LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(path, kFiles));
  ASSERT_THAT(results->Write("test_0_7", {1.0f, -2.0f}), IsOk());
  ASSERT_THAT(results->Commit(), IsOk());
  EXPECT_THAT(Names(path), ElementsAre("test_0_7.bin"));
  EXPECT_EQ(ReadTestFile(path + "/test_0_7.bin"),
            std::string("\0\0\x80\x3f\0\0\0\xc0", 8));
  EXPECT_THAT(Names(folder.path() + "/deep"), ElementsAre("results"));
}

TEST(ResultFolderTest, ShowsNothingBeforeCommitAndLeavesNothing) {
  const TempFolder folder;
  const std::string path = folder.path() + "/new/deep/results";
  {
    LENET_ASSERT_OK_AND_ASSIGN(auto results,
                               ResultFolder::Create(path, kFiles));
    ASSERT_THAT(results->Write("a", {1.0f}), IsOk());
    EXPECT_NE(access(path.c_str(), F_OK), 0);
  }
  EXPECT_THAT(Names(folder.path()), IsEmpty());
}

TEST(ResultFolderTest, ReplacesEarlierResultsAsAWhole) {
  const TempFolder folder;
  const std::string path = folder.path() + "/results";
  folder.Write("results/old.bin", "old");
  {
    LENET_ASSERT_OK_AND_ASSIGN(auto results,
                               ResultFolder::Create(path, kFiles));
    ASSERT_THAT(results->Write("new", {1.0f}), IsOk());
    EXPECT_THAT(Names(path), ElementsAre("old.bin"));
    ASSERT_THAT(results->Commit(), IsOk());
  }
  EXPECT_THAT(Names(path), ElementsAre("new.bin"));
  EXPECT_THAT(Names(folder.path()), ElementsAre("results"));
}

TEST(ResultFolderTest, KeepsALinkToTheFolder) {
  const TempFolder folder;
  folder.Write("disk/results/old.bin", "old");
  const std::string link = folder.path() + "/results";
  ASSERT_EQ(symlink((folder.path() + "/disk/results").c_str(), link.c_str()),
            0);
  LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(link, kFiles));
  ASSERT_THAT(results->Write("new", {1.0f}), IsOk());
  ASSERT_THAT(results->Commit(), IsOk());
  EXPECT_THAT(Names(folder.path() + "/disk/results"), ElementsAre("new.bin"));
  EXPECT_THAT(Names(folder.path() + "/disk"), ElementsAre("results"));
}

TEST(ResultFolderTest, RefusesToReplaceAnythingElse) {
  const TempFolder folder;
  folder.Write("results/old.bin", "old");
  folder.Write("results/thesis.txt", "text");
  EXPECT_THAT(
      ResultFolder::Create(folder.path() + "/results", kFiles),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr(folder.path()), HasSubstr("thesis.txt"))));
  EXPECT_THAT(Names(folder.path()), ElementsAre("results"));
  folder.Write("folders/a.bin/b.bin", "old");
  EXPECT_THAT(ResultFolder::Create(folder.path() + "/folders", kFiles),
              StatusIs(absl::StatusCode::kFailedPrecondition, testing::_));
}

TEST(ResultFolderTest, RefusesAFileAndAPathBelowAFile) {
  const TempFolder folder;
  const std::string file = folder.Write("file", "text");
  EXPECT_THAT(ResultFolder::Create(file, kFiles),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file)));
  EXPECT_THAT(ResultFolder::Create(file + "/results", kFiles),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file)));
}

TEST(ResultFolderTest, SetsTheUsualPermissions) {
  const TempFolder folder;
  const std::string path = folder.path() + "/results";
  const mode_t mask = umask(022);
  LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(path, kFiles));
  umask(mask);
  ASSERT_THAT(results->Commit(), IsOk());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0755u);
}

TEST(ResultFolderTest, WritesAnArrayOfNumPy) {
  const TempFolder folder;
  const std::string path = folder.path() + "/results";
  folder.Write("results/old.bin", "old");
  LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(path, kNpy));
  ASSERT_THAT(results->Write("a", {1.0f, -2.0f, 0.0f}), IsOk());
  ASSERT_THAT(results->Write("b", {0.0f, 1.0f, 1.0f}), IsOk());
  ASSERT_THAT(results->Commit(), IsOk());
  EXPECT_THAT(Names(path), ElementsAre("results.npy"));
  const std::string content = ReadTestFile(path + "/results.npy");
  ASSERT_EQ(content.size(), 128u + 24u);
  EXPECT_EQ(content.substr(0, 10), std::string("\x93NUMPY\1\0\x76\0", 10));
  EXPECT_EQ(content.substr(10, 60),
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } ");
  EXPECT_EQ(content.substr(127),
            std::string("\n\0\0\x80\x3f\0\0\0\xc0\0\0\0\0\0\0\0\0\0\0\x80\x3f"
                        "\0\0\x80\x3f",
                        25));
}

TEST(ResultFolderTest, ReplacesTheReportsToo) {
  const TempFolder folder;
  const std::string path = folder.path() + "/results";
  folder.Write("results/results.npy", "old");
  folder.Write("report.json", "old");
  LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(path, kFiles));
  ASSERT_THAT(results->Write("new", {1.0f}), IsOk());
  ASSERT_THAT(results->Commit({{folder.path() + "/report.json", "new"},
                               {folder.path() + "/times/text", "times"}}),
              IsOk());
  EXPECT_THAT(Names(path), ElementsAre("new.bin"));
  EXPECT_EQ(ReadTestFile(folder.path() + "/report.json"), "new");
  EXPECT_EQ(ReadTestFile(folder.path() + "/times/text"), "times");
  EXPECT_THAT(Names(folder.path()),
              ElementsAre("report.json", "results", "times"));
}

// The file size limit stands for a full disk.
TEST(ResultFolderTest, AFullDiskLeavesEverythingAsItWas) {
  const TempFolder folder;
  folder.Write("results/old.bin", "old");
  const std::string path = folder.path() + "/results";
  const std::vector<float> row(1000);
  for (const ResultFormat format : {kNpy, kFiles}) {
    LENET_ASSERT_OK_AND_ASSIGN(auto results,
                               ResultFolder::Create(path, format));
    absl::Status status;
    {
      const FileSizeLimit limit(1000);
      status = results->Write("new", row);
      if (status.ok()) {
        status = results->Commit({{folder.path() + "/times/text", "times"}});
      }
    }
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                                 AllOf(HasSubstr("/results/"),
                                       HasSubstr(" bytes are needed"))));
    results.reset();
    EXPECT_THAT(Names(folder.path()), ElementsAre("results"));
    EXPECT_THAT(Names(path), ElementsAre("old.bin"));
  }
}

TEST(ResultFolderTest, RemovesWhatAKilledRunLeftButNotARunningOne) {
  const TempFolder folder;
  const std::string path = folder.path() + "/results";
  folder.Write(".results.partial-abc123/results/a.bin", "killed");
  folder.Write(".others.partial-abc123/results/a.bin", "another");
  LENET_ASSERT_OK_AND_ASSIGN(auto first, ResultFolder::Create(path, kNpy));
  LENET_ASSERT_OK_AND_ASSIGN(auto second, ResultFolder::Create(path, kNpy));
  EXPECT_THAT(Names(folder.path()), testing::SizeIs(3));
  ASSERT_THAT(first->Write("a", {1.0f}), IsOk());
  ASSERT_THAT(first->Commit(), IsOk());
  ASSERT_THAT(second->Write("a", {1.0f}), IsOk());
  ASSERT_THAT(second->Commit(), IsOk());
  EXPECT_THAT(Names(folder.path()),
              ElementsAre(".others.partial-abc123", "results"));
}

}  // namespace
}  // namespace lenet

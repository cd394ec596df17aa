#include "cc/inference/result_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/file.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> Names(const std::string& folder) {
  const auto names = ListFolder(folder);
  EXPECT_THAT(names, IsOk());
  return names.ok() ? *names : std::vector<std::string>();
}

TEST(ResultFolderTest, WritesLittleEndianFloats) {
  const TempFolder folder;
  const std::string path = folder.path() + "/deep/results";
  LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(path));
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
    LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(path));
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
    LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(path));
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
  LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(link));
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
      ResultFolder::Create(folder.path() + "/results"),
      StatusIs(absl::StatusCode::kFailedPrecondition,
               AllOf(HasSubstr(folder.path()), HasSubstr("thesis.txt"))));
  EXPECT_THAT(Names(folder.path()), ElementsAre("results"));
}

TEST(ResultFolderTest, RefusesToReplaceAFolderOfFolders) {
  const TempFolder folder;
  folder.Write("results/a.bin/b.bin", "old");
  EXPECT_THAT(ResultFolder::Create(folder.path() + "/results"),
              StatusIs(absl::StatusCode::kFailedPrecondition, testing::_));
}

TEST(ResultFolderTest, RefusesAFileAndAPathBelowAFile) {
  const TempFolder folder;
  const std::string file = folder.Write("file", "text");
  EXPECT_THAT(ResultFolder::Create(file),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file)));
  EXPECT_THAT(ResultFolder::Create(file + "/results"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file)));
}

TEST(ResultFolderTest, GivesTheRightsOfAnyNewFolder) {
  const TempFolder folder;
  const std::string path = folder.path() + "/results";
  const mode_t mask = umask(022);
  LENET_ASSERT_OK_AND_ASSIGN(auto results, ResultFolder::Create(path));
  umask(mask);
  ASSERT_THAT(results->Commit(), IsOk());
  struct stat info;
  ASSERT_EQ(stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777u, 0755u);
}

}  // namespace
}  // namespace lenet

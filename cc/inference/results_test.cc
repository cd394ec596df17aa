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
  folder.Write("folders/a.bin/b.bin", "old");
  EXPECT_THAT(ResultFolder::Create(folder.path() + "/folders"),
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

TEST(ResultFolderTest, SetsTheUsualPermissions) {
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

class ResultWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    LENET_ASSERT_OK_AND_ASSIGN(results_, ResultFolder::Create(path_));
  }

  const TempFolder folder_;
  const std::string path_ = folder_.path() + "/results";
  std::unique_ptr<ResultFolder> results_;
};

TEST_F(ResultWriterTest, WritesAnyNumberOfResults) {
  for (const int count : {0, 1, 127, 128, 129, 1000}) {
    LENET_ASSERT_OK_AND_ASSIGN(results_, ResultFolder::Create(path_));
    ResultWriter writer(results_.get());
    for (int i = 0; i < count; ++i) {
      const float value = static_cast<float>(i % 7);
      ASSERT_THAT(writer.Write(absl::StrCat("r", i), {value, 2.0f}), IsOk());
    }
    ASSERT_THAT(writer.Finish(), IsOk());
    ASSERT_THAT(results_->Commit(), IsOk());
    LENET_ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names,
                               ListFolder(path_));
    EXPECT_EQ(names.size(), static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      const std::string one =
          ReadTestFile(absl::StrCat(path_, "/r", i, ".bin"));
      const float values[] = {static_cast<float>(i % 7), 2.0f};
      EXPECT_EQ(one, std::string(reinterpret_cast<const char*>(values), 8));
    }
  }
}

TEST_F(ResultWriterTest, WritesWithoutThreads) {
  const WithoutThreads none;
  ResultWriter writer(results_.get());
  for (int i = 0; i < 300; ++i) {
    ASSERT_THAT(writer.Write(absl::StrCat("r", i), {1.0f}), IsOk());
  }
  ASSERT_THAT(writer.Finish(), IsOk());
  ASSERT_THAT(results_->Commit(), IsOk());
  EXPECT_THAT(ListFolder(path_).value(), testing::SizeIs(300));
}

TEST_F(ResultWriterTest, ReturnsTheFirstError) {
  ResultWriter writer(results_.get());
  absl::Status status;
  int written = 0;
  for (; status.ok() && written < 100000; ++written) {
    status = writer.Write(
        written == 100 ? "no/such/folder" : absl::StrCat("r", written), {1.0f});
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                               testing::HasSubstr("no/such/folder.bin")));
  EXPECT_LT(written, 100000);
}

TEST_F(ResultWriterTest, ReturnsTheErrorOfTheLastChunkAtTheEnd) {
  ResultWriter writer(results_.get());
  ASSERT_THAT(writer.Write("no/such/folder", {1.0f}), IsOk());
  EXPECT_THAT(writer.Finish(),
              StatusIs(absl::StatusCode::kNotFound, testing::_));
}

TEST_F(ResultWriterTest, MayBeDestroyedBeforeTheEnd) {
  for (const int count : {0, 1, 128, 300}) {
    ResultWriter writer(results_.get());
    for (int i = 0; i < count; ++i) {
      ASSERT_THAT(writer.Write(absl::StrCat("r", i), {1.0f}), IsOk());
    }
  }
  results_.reset();
  LENET_ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names,
                             ListFolder(folder_.path()));
  EXPECT_THAT(names, IsEmpty());
}

}  // namespace
}  // namespace lenet

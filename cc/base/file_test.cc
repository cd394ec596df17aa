#include "cc/base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> NamesIn(const TempFolder& folder) {
  return ListFolder(folder.path()).value_or(std::vector<std::string>{"?"});
}

TEST(ReadFileTest, ReadsEveryByteUpToTheLimit) {
  const TempFolder folder;
  const std::string content("a\0\n\xff", 4);
  const std::string path = folder.Write("file", content);
  LENET_ASSERT_OK_AND_ASSIGN(const std::string read, ReadFile(path, 4));
  EXPECT_EQ(read, content);
  LENET_ASSERT_OK_AND_ASSIGN(const std::string empty,
                             ReadFile(folder.Write("empty", ""), 0));
  EXPECT_EQ(empty, "");
}

TEST(ReadFileTest, MoreThanTheLimitIsAnError) {
  const TempFolder folder;
  const std::string path = folder.Write("file", "12345");
  EXPECT_THAT(ReadFile(path, 4),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(path), HasSubstr("it has 5 bytes"),
                             HasSubstr("at most 4"))));
}

TEST(ReadFileTest, ReadsFilesThatClaimToBeEmpty) {
  LENET_ASSERT_OK_AND_ASSIGN(const std::string status,
                             ReadFile("/proc/self/status", 1 << 20));
  EXPECT_THAT(status, HasSubstr("Name:"));
}

TEST(ReadFileStartTest, GivesTheFirstBytesAndTheSize) {
  const TempFolder folder;
  const std::string path = folder.Write("a", "0123456789");
  for (const size_t count : {0, 1, 9, 10, 11, 1000000000}) {
    LENET_ASSERT_OK_AND_ASSIGN(const FileStart start,
                               ReadFileStart(path, count));
    EXPECT_EQ(start.content, std::string("0123456789").substr(0, count));
    EXPECT_EQ(start.file_size, 10u);
  }
  LENET_ASSERT_OK_AND_ASSIGN(const FileStart start,
                             ReadFileStart(folder.Write("b", ""), 10));
  EXPECT_EQ(start.content, "");
  EXPECT_EQ(start.file_size, 0u);
  EXPECT_THAT(ReadFileStart(folder.path() + "/c", 1),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/c")));
  EXPECT_THAT(ReadFileStart(folder.path(), 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("it is a folder, not a file")));
}

TEST(ReadFileTest, MissingFolderPipeAndBadNames) {
  const TempFolder folder;
  const std::string missing = folder.path() + "/missing";
  EXPECT_THAT(ReadFile(missing, 1),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(missing), HasSubstr("No such file"))));
  EXPECT_THAT(ReadFile("", 1), StatusIs(absl::StatusCode::kNotFound,
                                        HasSubstr("cannot read ''")));
  EXPECT_THAT(ReadFile(folder.path(), 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("it is a folder")));
  EXPECT_THAT(
      ReadFile(folder.Write("file", "") + "/below", 1),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/below")));
  EXPECT_THAT(ReadFile(std::string(5000, 'x'), 1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("xxx")));
  const std::string pipe = folder.path() + "/pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(ReadFile(pipe, 1), StatusIs(absl::StatusCode::kInvalidArgument,
                                          HasSubstr("not a file")));
}

TEST(FileTest, WithoutRightsPermissionDenied) {
  const WithoutPrivileges without_privileges;
  const TempFolder folder;
  const std::string path = folder.Write("locked/file", "content");
  const std::string locked = folder.path() + "/locked";
  ASSERT_EQ(chmod(locked.c_str(), 0), 0);
  const absl::StatusCode denied = absl::StatusCode::kPermissionDenied;
  EXPECT_THAT(ReadFile(path, 9), StatusIs(denied, HasSubstr(path)));
  EXPECT_THAT(WriteFileAtomically(path, ""), StatusIs(denied, HasSubstr(path)));
  EXPECT_THAT(MakeFolder(locked + "/new"),
              StatusIs(denied, HasSubstr("locked/new")));
  EXPECT_THAT(ListFolder(locked), StatusIs(denied, HasSubstr(locked)));
  ASSERT_EQ(chmod(locked.c_str(), 0700), 0);
}

TEST(WriteFileAtomicallyTest, CreatesAndReplaces) {
  const TempFolder folder;
  const std::string path = folder.path() + "/file";
  const std::string first(100'000, '\0');
  EXPECT_THAT(WriteFileAtomically(path, first), IsOk());
  EXPECT_EQ(ReadTestFile(path), first);
  EXPECT_THAT(WriteFileAtomically(path, "second"), IsOk());
  EXPECT_EQ(ReadTestFile(path), "second");
  EXPECT_THAT(WriteFileAtomically(path, ""), IsOk());
  EXPECT_EQ(ReadTestFile(path), "");
  EXPECT_THAT(NamesIn(folder), ElementsAre("file"));
}

TEST(WriteFileAtomicallyTest, AReaderOfTheOldFileKeepsIt) {
  const TempFolder folder;
  const std::string path = folder.Write("file", "old");
  const int fd = open(path.c_str(), O_RDONLY);
  ASSERT_GE(fd, 0);
  EXPECT_THAT(WriteFileAtomically(path, "new"), IsOk());
  char buffer[4] = {};
  EXPECT_EQ(read(fd, buffer, 3), 3);
  EXPECT_STREQ(buffer, "old");
  close(fd);
}

TEST(WriteFileAtomicallyTest, WithoutAFolderInTheName) {
  const TempFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_THAT(WriteFileAtomically("file", "content"), IsOk());
  std::filesystem::current_path(before);
  EXPECT_EQ(ReadTestFile(folder.path() + "/file"), "content");
}

TEST(WriteFileAtomicallyTest, TakesTheLongestName) {
  const TempFolder folder;
  EXPECT_THAT(WriteFileAtomically(
                  absl::StrCat(folder.path(), "/", std::string(255, 'x')), ""),
              IsOk());
}

TEST(WriteFileAtomicallyTest, FailuresLeaveNothing) {
  const TempFolder folder;
  EXPECT_THAT(WriteFileAtomically(folder.path(), ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("it is a folder")));
  EXPECT_THAT(
      WriteFileAtomically(folder.path() + "/new/", ""),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("names no file")));
  EXPECT_THAT(WriteFileAtomically(folder.path() + "/missing/file", ""),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing/file")));
  EXPECT_THAT(WriteFileAtomically(
                  absl::StrCat(folder.path(), "/", std::string(256, 'x')), ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("xxx")));
  EXPECT_THAT(NamesIn(folder), IsEmpty());
}

TEST(WriteFileAtomicallyTest, DoesNotReplaceWhatIsNoFile) {
  const TempFolder folder;
  const std::string path = folder.path() + "/fifo";
  ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
  EXPECT_THAT(WriteFileAtomically(path, ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("neither a file nor a folder")));
  EXPECT_TRUE(std::filesystem::is_fifo(path));
}

// A file size limit is the full disk that a test can have.
TEST(WriteFileAtomicallyTest, FailedWriteKeepsTheOldFile) {
  const TempFolder folder;
  const std::string path = folder.Write("file", "old");
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit small = {1000, before.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const absl::Status status = WriteFileAtomically(path, std::string(2000, 'x'));
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &before), 0);
  signal(SIGXFSZ, handler);
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr(path)));
  EXPECT_THAT(NamesIn(folder), ElementsAre("file"));
  EXPECT_EQ(ReadTestFile(path), "old");
}

TEST(MakeFolderTest, WithParentsAndAgain) {
  const TempFolder folder;
  const std::string path = folder.path() + "/a/b/c";
  EXPECT_THAT(MakeFolder(path), IsOk());
  EXPECT_TRUE(std::filesystem::is_directory(path));
  EXPECT_THAT(MakeFolder(path), IsOk());
  EXPECT_THAT(MakeFolder(path + "/"), IsOk());
  EXPECT_THAT(MakeFolder(""), IsOk());
}

TEST(MakeFolderTest, NotOverOrBelowAFile) {
  const TempFolder folder;
  const std::string file = folder.Write("file", "");
  EXPECT_THAT(MakeFolder(file),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file)));
  EXPECT_THAT(
      MakeFolder(file + "/below"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("file/below")));
}

TEST(ListFolderTest, SortedByBytes) {
  const TempFolder folder;
  for (const char* name : {"b", "a10", "a2", ".hidden", "B", "sub/x"}) {
    folder.Write(name, "");
  }
  EXPECT_THAT(NamesIn(folder),
              ElementsAre(".hidden", "B", "a10", "a2", "b", "sub"));
}

TEST(ListFolderTest, MissingOrAFile) {
  const TempFolder folder;
  EXPECT_THAT(ListFolder(folder.path() + "/missing"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
  const std::string file = folder.Write("file", "");
  EXPECT_THAT(ListFolder(file),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file)));
}

}  // namespace
}  // namespace lenet

#include "cc/base/file.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/testing.h"
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

TEST(ReadFileTest, ReadsUpToTheLimit) {
  const TempFolder folder;
  const std::string content("a\0\n\xff", 4);
  const std::string path = folder.Write("file", content);
  LENET_ASSERT_OK_AND_ASSIGN(const std::string read, ReadFile(path, 4));
  EXPECT_EQ(read, content);
  LENET_ASSERT_OK_AND_ASSIGN(const std::string empty,
                             ReadFile(folder.Write("empty", ""), 0));
  EXPECT_EQ(empty, "");
  EXPECT_THAT(ReadFile(path, 3),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(path), HasSubstr("it has 4 bytes"),
                             HasSubstr("at most 3"))));
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

TEST(WriteFileAtomicallyTest, ReaderOfTheOldFileKeepsIt) {
  const TempFolder folder;
  const std::string path = folder.Write("file", "old");
  std::ifstream file(path);
  EXPECT_THAT(WriteFileAtomically(path, "new"), IsOk());
  std::string content;
  file >> content;
  EXPECT_EQ(content, "old");
}

TEST(WriteFileAtomicallyTest, WithoutAFolderInTheName) {
  const TempFolder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  EXPECT_THAT(WriteFileAtomically("file", "content"), IsOk());
  std::filesystem::current_path(before);
  EXPECT_EQ(ReadTestFile(folder.path() + "/file"), "content");
}

TEST(WriteFileAtomicallyTest, FailuresLeaveNothing) {
  const TempFolder folder;
  const auto invalid = absl::StatusCode::kInvalidArgument;
  const std::string longest = folder.path() + "/" + std::string(255, 'x');
  EXPECT_THAT(WriteFileAtomically(longest, ""), IsOk());
  std::filesystem::remove(longest);
  EXPECT_THAT(WriteFileAtomically(longest + "x", ""),
              StatusIs(invalid, HasSubstr("xxx")));
  EXPECT_THAT(WriteFileAtomically(folder.path(), ""),
              StatusIs(invalid, HasSubstr("it is a folder")));
  EXPECT_THAT(WriteFileAtomically(folder.path() + "/new/", ""),
              StatusIs(invalid, HasSubstr("names no file")));
  EXPECT_THAT(WriteFileAtomically(folder.path() + "/missing/file", ""),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing/file")));
  EXPECT_THAT(NamesIn(folder), IsEmpty());
  const std::string pipe = folder.path() + "/fifo";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  EXPECT_THAT(WriteFileAtomically(pipe, ""),
              StatusIs(invalid, HasSubstr("neither a file nor a folder")));
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
}

// The file size limit stands for a full disk.
TEST(WriteFileAtomicallyTest, FailedWriteKeepsTheOldFile) {
  const TempFolder folder;
  const std::string path = folder.Write("file", "old");
  absl::Status status;
  {
    const FileSizeLimit limit(1000);
    status = WriteFileAtomically(path, std::string(2000, 'x'));
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               AllOf(HasSubstr(path),
                                     HasSubstr("2000 bytes are needed"))));
  EXPECT_THAT(NamesIn(folder), ElementsAre("file"));
  EXPECT_EQ(ReadTestFile(path), "old");
}

TEST(MakeFolderTest, CreatesParentsUnlessAFileIsInTheWay) {
  const TempFolder folder;
  const std::string path = folder.path() + "/a/b/c";
  for (const std::string& name : {path, path, path + "/", std::string()}) {
    EXPECT_THAT(MakeFolder(name), IsOk());
  }
  EXPECT_TRUE(std::filesystem::is_directory(path));
  const std::string file = folder.Write("file", "");
  for (const std::string& name : {file, file + "/below"}) {
    EXPECT_THAT(MakeFolder(name),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(name)));
  }
}

TEST(ListFolderTest, SortsByBytes) {
  const TempFolder folder;
  for (const char* name : {"b", "a10", "a2", ".hidden", "B", "sub/x"}) {
    folder.Write(name, "");
  }
  EXPECT_THAT(NamesIn(folder),
              ElementsAre(".hidden", "B", "a10", "a2", "b", "sub"));
  EXPECT_THAT(ListFolder(folder.path() + "/missing"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/missing")));
  EXPECT_THAT(ListFolder(folder.path() + "/b"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/b")));
}

}  // namespace
}  // namespace lenet

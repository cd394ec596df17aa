#ifndef CC_BASE_TESTING_H_
#define CC_BASE_TESTING_H_

#include <linux/capability.h>
#include <pthread.h>
#include <sys/resource.h>

#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {

inline absl::Status GetStatus(const absl::Status& status) { return status; }

template <typename T>
const absl::Status& GetStatus(const absl::StatusOr<T>& result) {
  return result.status();
}

// Matches the error of a Status or StatusOr: EXPECT_THAT(ReadFile(path, 1),
// StatusIs(absl::StatusCode::kNotFound, HasSubstr(path))).
MATCHER_P2(StatusIs, code, message, "") {
  const absl::Status& status = GetStatus(arg);
  *result_listener << "is " << status;
  return status.code() == code &&
         testing::ExplainMatchResult(message, std::string(status.message()),
                                     result_listener);
}

MATCHER(IsOk, "is OK") {
  *result_listener << "is " << GetStatus(arg);
  return GetStatus(arg).ok();
}

#define LENET_ASSERT_OK_AND_ASSIGN(lhs, expr)                              \
  LENET_ASSERT_OK_AND_ASSIGN_(LENET_TEST_CONCAT_(lenet_result_, __LINE__), \
                              lhs, expr)
#define LENET_ASSERT_OK_AND_ASSIGN_(result, lhs, expr) \
  auto result = (expr);                                \
  ASSERT_TRUE(result.ok()) << result.status();         \
  lhs = *std::move(result)
#define LENET_TEST_CONCAT_(a, b) LENET_TEST_CONCAT_INNER_(a, b)
#define LENET_TEST_CONCAT_INNER_(a, b) a##b

// A new empty folder, removed with its content by the destructor.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

  // Writes a file, creates its folders, and returns its path.
  std::string Write(absl::string_view name, absl::string_view content) const;

 private:
  std::string path_;
};

// Takes from this thread, even if it is root's, all rights that a file's owner
// does not have. The destructor restores them.
class WithoutPrivileges {
 public:
  WithoutPrivileges();
  ~WithoutPrivileges();
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  __user_cap_data_struct before_[2];
};

// Makes the creation of threads fail, as where a limit of processes is reached.
// The destructor restores the default attributes.
class WithoutThreads {
 public:
  WithoutThreads();
  ~WithoutThreads();
  WithoutThreads(const WithoutThreads&) = delete;
  WithoutThreads& operator=(const WithoutThreads&) = delete;

 private:
  pthread_attr_t before_;
};

// Limits the size of files that this process writes, which stands for a full
// disk. The destructor restores the limit.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes);
  ~FileSizeLimit();
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  rlimit before_;
  void (*handler_)(int);
};

// Returns the path of a file in the test's runfiles, for example
// "lenet_mindspore/cc/image/x" or "mnist/Data".
std::string TestData(absl::string_view name);

// Returns `content` as a gzip file of one member.
std::string Gzip(absl::string_view content);

// Returns the CRC-32 of zip and PNG. `before` is the CRC-32 of preceding data.
uint32_t Crc32(absl::string_view content, uint32_t before = 0);

// Returns the content of a file. If it cannot be read, the test fails.
std::string ReadTestFile(const std::string& path);

}  // namespace lenet

#endif  // CC_BASE_TESTING_H_

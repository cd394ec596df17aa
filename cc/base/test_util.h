#ifndef CC_BASE_TEST_UTIL_H_
#define CC_BASE_TEST_UTIL_H_

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

// Of a Status or StatusOr: EXPECT_THAT(ReadFile(path, 1),
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

// A new empty folder, removed with all that is in it at the end of its life.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::string& path() const { return path_; }

  // Writes a file, creates folders of its name, and returns its path.
  std::string Write(absl::string_view name, absl::string_view content) const;

 private:
  std::string path_;
};

// While it lives, this thread has no more rights to files than their owner,
// even if it is root.
class WithoutPrivileges {
 public:
  WithoutPrivileges();
  ~WithoutPrivileges();
  WithoutPrivileges(const WithoutPrivileges&) = delete;
  WithoutPrivileges& operator=(const WithoutPrivileges&) = delete;

 private:
  uint32_t before_[2];
};

// Path of a file among the test's data: "lenet_mindspore/cc/image/x",
// "mnist/Data".
std::string TestData(absl::string_view name);

// `content` as a gzip file of one member.
std::string Gzip(absl::string_view content);

// CRC-32 as zip, PNG and Python's zlib have it; `before` that of the data
// before.
uint32_t Crc32(absl::string_view content, uint32_t before = 0);

// The whole file; an empty string, and the test fails, if it cannot be read.
std::string ReadTestFile(const std::string& path);

}  // namespace lenet

#endif  // CC_BASE_TEST_UTIL_H_

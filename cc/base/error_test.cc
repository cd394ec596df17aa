#include "cc/base/error.h"

#include <algorithm>
#include <vector>

#include "gtest/gtest.h"

namespace lenet {
namespace {

TEST(ExitCodeTest, EveryStatusCodeHasItsExitCode) {
  using absl::StatusCode;
  const std::vector<StatusCode> invalid_input = {
      StatusCode::kInvalidArgument, StatusCode::kNotFound,
      StatusCode::kAlreadyExists,   StatusCode::kPermissionDenied,
      StatusCode::kOutOfRange,      StatusCode::kFailedPrecondition};
  for (int i = 0; i <= 16; ++i) {
    const auto code = static_cast<StatusCode>(i);
    int expected = 1;
    if (code == StatusCode::kOk) expected = 0;
    if (std::count(invalid_input.begin(), invalid_input.end(), code) > 0) {
      expected = 2;
    }
    if (code == StatusCode::kUnavailable) expected = 3;
    if (code == StatusCode::kUnimplemented) expected = 3;
    if (code == StatusCode::kAborted) expected = 4;
    EXPECT_EQ(ExitCode(absl::Status(code, "message")), expected)
        << absl::StatusCodeToString(code);
  }
}

TEST(PrintableTest, KeepsAllButControlCharacters) {
  EXPECT_EQ(Printable("a\nb\t\x1b[1m \xc3\xa9 \xff\x7f"),
            "a b  [1m \xc3\xa9 \xff ");
}

}  // namespace
}  // namespace lenet

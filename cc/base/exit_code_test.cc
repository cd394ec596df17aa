#include "cc/base/exit_code.h"

#include <map>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

TEST(ExitCodeTest, EveryCodeHasItsNumber) {
  const std::map<absl::StatusCode, int> expected = {
      {absl::StatusCode::kOk, 0},
      {absl::StatusCode::kCancelled, 1},
      {absl::StatusCode::kUnknown, 1},
      {absl::StatusCode::kInvalidArgument, 2},
      {absl::StatusCode::kDeadlineExceeded, 1},
      {absl::StatusCode::kNotFound, 2},
      {absl::StatusCode::kAlreadyExists, 2},
      {absl::StatusCode::kPermissionDenied, 2},
      {absl::StatusCode::kResourceExhausted, 1},
      {absl::StatusCode::kFailedPrecondition, 2},
      {absl::StatusCode::kAborted, 4},
      {absl::StatusCode::kOutOfRange, 2},
      {absl::StatusCode::kUnimplemented, 3},
      {absl::StatusCode::kInternal, 1},
      {absl::StatusCode::kUnavailable, 3},
      {absl::StatusCode::kDataLoss, 1},
      {absl::StatusCode::kUnauthenticated, 1},
  };
  for (const auto& [code, exit_code] : expected) {
    EXPECT_EQ(ExitCode(absl::Status(code, "message")), exit_code)
        << absl::StatusCodeToString(code);
  }
}

}  // namespace
}  // namespace lenet

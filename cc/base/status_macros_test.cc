#include "cc/base/status_macros.h"

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

absl::Status Pass(const absl::Status& status, bool* passed) {
  LENET_RETURN_IF_ERROR(status);
  *passed = true;
  return absl::OkStatus();
}

TEST(ReturnIfErrorTest, ReturnsTheErrorAndOnlyTheError) {
  bool passed = false;
  EXPECT_THAT(Pass(absl::AbortedError("why"), &passed),
              StatusIs(absl::StatusCode::kAborted, "why"));
  EXPECT_FALSE(passed);
  EXPECT_THAT(Pass(absl::OkStatus(), &passed), IsOk());
  EXPECT_TRUE(passed);
}

// Of a type that cannot be copied; twice in one function.
absl::StatusOr<int> Add(absl::StatusOr<std::unique_ptr<int>> a,
                        absl::StatusOr<std::unique_ptr<int>> b) {
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<int> left, std::move(a));
  std::unique_ptr<int> right;
  LENET_ASSIGN_OR_RETURN(right, std::move(b));
  return *left + *right;
}

TEST(AssignOrReturnTest, AssignsOrReturns) {
  const absl::StatusOr<int> sum =
      Add(std::make_unique<int>(1), std::make_unique<int>(2));
  ASSERT_THAT(sum, IsOk());
  EXPECT_EQ(*sum, 3);
  EXPECT_THAT(Add(std::make_unique<int>(1), absl::NotFoundError("b")),
              StatusIs(absl::StatusCode::kNotFound, "b"));
  EXPECT_THAT(Add(absl::NotFoundError("a"), absl::AbortedError("b")),
              StatusIs(absl::StatusCode::kNotFound, "a"));
}

}  // namespace
}  // namespace lenet

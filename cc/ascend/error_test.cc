#include "cc/ascend/error.h"

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kAborted = absl::StatusCode::kAborted;
constexpr auto kInternal = absl::StatusCode::kInternal;

TEST(ErrorTest, StatusCodeDependsOnTheStage) {
  struct Case {
    absl::StatusCode model, work;
    std::set<aclError> codes;
  };
  const Functions acl;
  for (const auto& [model, work, codes] : {
           Case{kExhausted, kExhausted, {200000, 207001, 245002}},
           Case{kInvalid, kInternal, {145000, 145002, 145099, 545002, 545005}},
           // For another chip.
           Case{kInvalid, kAborted, {507008, 507009}},
           Case{kInternal,
                kInternal,
                {100000, 107002, 145001, 145003, 500002, 999999}},
           Case{kAborted,
                kAborted,
                {507010, 507011, 507018, 507046, 507899, 107019}},
       }) {
    for (const aclError code : codes) {
      EXPECT_EQ(ToStatus(acl, code, "f", Stage::kSetup).code(), kUnavailable);
      EXPECT_EQ(ToStatus(acl, code, "f", Stage::kModel).code(), model) << code;
      EXPECT_EQ(ToStatus(acl, code, "f", Stage::kWork).code(), work) << code;
    }
  }
  EXPECT_THAT(ToStatus(acl, 0, "aclInit", Stage::kWork), IsOk());
}

TEST(ErrorTest, DeviceFailures) {
  for (const int code : {507000, 507010, 507013, 507033, 507899, 507999, 107019,
                         107022, 107023, 500004}) {
    EXPECT_TRUE(DeviceFailed(code)) << code;
  }
  for (const int code : {0, 100000, 107002, 107018, 145000, 207001, 500001,
                         506999, 508000, 545002}) {
    EXPECT_FALSE(DeviceFailed(code)) << code;
  }
}

TEST(ErrorTest, MessageHasCallNumberNameTextAndHint) {
  Functions acl;
  acl.aclGetRecentErrMsg = [] { return "EE1001: no\n\t such\x1b[  driver \n"; };
  EXPECT_THAT(
      ToStatus(acl, 507033, "aclrtSetDevice", Stage::kSetup),
      StatusIs(kUnavailable,
               StartsWith("aclrtSetDevice failed: 507033 "
                          "ACL_ERROR_RT_DEV_SETUP_ERROR: EE1001: no such [ "
                          "driver; driver, firmware and CANN do not fit")));
  EXPECT_THAT(ToStatus(acl, 999999, "f", Stage::kWork),
              StatusIs(kInternal, StartsWith("f failed: 999999 (unknown")));
}

TEST(ErrorTest, LibraryMayHaveNoText) {
  Functions acl;
  const auto status = StatusIs(
      kInternal, StartsWith("f failed: 500001 ACL_ERROR_FAILURE; see the log"));
  EXPECT_THAT(ToStatus(acl, 500001, "f", Stage::kWork), status);
  acl.aclGetRecentErrMsg = []() -> const char* { return nullptr; };
  EXPECT_THAT(ToStatus(acl, 500001, "f", Stage::kWork), status);
  acl.aclGetRecentErrMsg = [] { return " \n"; };
  EXPECT_THAT(ToStatus(acl, 500001, "f", Stage::kWork), status);
}

TEST(ErrorTest, LongTextIsCut) {
  Functions acl;
  acl.aclGetRecentErrMsg = []() -> const char* {
    static const std::string* const kText = new std::string(10000, 'x');
    return kText->c_str();
  };
  EXPECT_THAT(ToStatus(acl, 999999, "f", Stage::kWork),
              StatusIs(kInternal, AllOf(HasSubstr(std::string(400, 'x')),
                                        Not(HasSubstr(std::string(401, 'x'))),
                                        EndsWith("x..."))));
}

TEST(ErrorTest, TableIsConsistent) {
  constexpr ErrorInfo kTable[] = {
#define ACL_ERROR_CODE(code, name, hint) {code, #name, hint},
#include "cc/ascend/acl_errors.inc"
  };
  std::set<int> codes;
  for (const ErrorInfo& info : kTable) {
    EXPECT_TRUE(codes.insert(info.code).second) << info.code << " twice";
    const std::string hint = info.hint;
    EXPECT_EQ(hint, absl::StripAsciiWhitespace(hint)) << info.code;
    EXPECT_THAT(hint, Not(EndsWith("."))) << info.code;
    ASSERT_NE(FindError(info.code), nullptr);
    EXPECT_STREQ(FindError(info.code)->name, info.name);
  }
  EXPECT_EQ(FindError(999999), nullptr);
}

}  // namespace
}  // namespace lenet::ascend

#include "cc/ascend/error.h"

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The code of the status for each stage: setup, model, work.
struct Verdict {
  aclError code;
  absl::StatusCode setup, model, work;
};

class ErrorCodeTest : public testing::TestWithParam<Verdict> {};

TEST_P(ErrorCodeTest, DependsOnTheStage) {
  const Functions acl;
  const Verdict& v = GetParam();
  EXPECT_EQ(ToStatus(acl, v.code, "f", Stage::kSetup).code(), v.setup);
  EXPECT_EQ(ToStatus(acl, v.code, "f", Stage::kModel).code(), v.model);
  EXPECT_EQ(ToStatus(acl, v.code, "f", Stage::kWork).code(), v.work);
}

constexpr auto kUnavailable = absl::StatusCode::kUnavailable;
constexpr auto kExhausted = absl::StatusCode::kResourceExhausted;
constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr auto kAborted = absl::StatusCode::kAborted;
constexpr auto kInternal = absl::StatusCode::kInternal;

INSTANTIATE_TEST_SUITE_P(
    Codes, ErrorCodeTest,
    testing::Values(
        // Memory.
        Verdict{200000, kUnavailable, kExhausted, kExhausted},
        Verdict{207001, kUnavailable, kExhausted, kExhausted},
        Verdict{245002, kUnavailable, kExhausted, kExhausted},
        // Model files.
        Verdict{145000, kUnavailable, kInvalid, kInternal},
        Verdict{145002, kUnavailable, kInvalid, kInternal},
        Verdict{145099, kUnavailable, kInvalid, kInternal},
        Verdict{545002, kUnavailable, kInvalid, kInternal},
        Verdict{545005, kUnavailable, kInvalid, kInternal},
        // Another chip: refused at loading, fatal when it shows later.
        Verdict{507008, kUnavailable, kInvalid, kAborted},
        Verdict{507009, kUnavailable, kInvalid, kAborted},
        // Ours, not the file's.
        Verdict{145001, kUnavailable, kInternal, kInternal},
        Verdict{145003, kUnavailable, kInternal, kInternal},
        Verdict{100000, kUnavailable, kInternal, kInternal},
        Verdict{107002, kUnavailable, kInternal, kInternal},
        Verdict{500002, kUnavailable, kInternal, kInternal},
        // The device.
        Verdict{507010, kUnavailable, kAborted, kAborted},
        Verdict{507011, kUnavailable, kAborted, kAborted},
        Verdict{507018, kUnavailable, kAborted, kAborted},
        Verdict{507046, kUnavailable, kAborted, kAborted},
        Verdict{507899, kUnavailable, kAborted, kAborted},
        Verdict{107019, kUnavailable, kAborted, kAborted},
        // Unknown.
        Verdict{999999, kUnavailable, kInternal, kInternal}),
    [](const auto& test) { return std::to_string(test.param.code); });

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

TEST(ErrorTest, SuccessIsOk) {
  EXPECT_THAT(ToStatus(Functions(), 0, "aclInit", Stage::kWork), IsOk());
}

TEST(ErrorTest, MessageHasCallNumberNameTextAndHint) {
  Functions acl;
  acl.aclGetRecentErrMsg = [] { return "EE1001: no\n\t such  driver \n"; };
  EXPECT_THAT(
      ToStatus(acl, 507033, "aclrtSetDevice", Stage::kSetup),
      StatusIs(kUnavailable,
               StartsWith("aclrtSetDevice failed: 507033 "
                          "ACL_ERROR_RT_DEV_SETUP_ERROR: EE1001: no such "
                          "driver; driver, firmware and CANN do not fit")));
}

TEST(ErrorTest, LibraryMayHaveNoText) {
  Functions acl;
  const auto message =
      StartsWith("f failed: 500001 ACL_ERROR_FAILURE; see the log");
  EXPECT_THAT(ToStatus(acl, 500001, "f", Stage::kWork),
              StatusIs(kInternal, message));
  acl.aclGetRecentErrMsg = []() -> const char* { return nullptr; };
  EXPECT_THAT(ToStatus(acl, 500001, "f", Stage::kWork),
              StatusIs(kInternal, message));
  acl.aclGetRecentErrMsg = [] { return " \n"; };
  EXPECT_THAT(ToStatus(acl, 500001, "f", Stage::kWork),
              StatusIs(kInternal, message));
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

TEST(ErrorTest, ControlCharactersDoNotReachTheTerminal) {
  Functions acl;
  acl.aclGetRecentErrMsg = [] { return "a\x1b[31mb"; };
  EXPECT_THAT(ToStatus(acl, 999999, "f", Stage::kWork),
              StatusIs(kInternal, EndsWith("a [31mb")));
}

TEST(ErrorTest, UnknownCodeKeepsItsNumber) {
  EXPECT_EQ(FindError(999999), nullptr);
  EXPECT_THAT(ToStatus(Functions(), 999999, "f", Stage::kWork),
              StatusIs(kInternal, StartsWith("f failed: 999999 (a code")));
}

TEST(ErrorTest, TableIsUsable) {
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
}

}  // namespace
}  // namespace lenet::ascend

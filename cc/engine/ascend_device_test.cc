#include "cc/engine/ascend_device.h"

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;
constexpr char kPresentLibrary[] = "libc.so.6";
constexpr char kAbsentLibrary[] = "libno_such_acl.so";

TEST(CheckAscendTest, IsOkWithCardAndLibrary) {
  const TempFolder folder;
  folder.Write("davinci1", "");
  EXPECT_THAT(CheckAscend(1, {folder.path(), kPresentLibrary}), IsOk());
}

TEST(CheckAscendTest, NamesAllThatIsMissingAndTheRemedy) {
  const TempFolder folder;
  EXPECT_THAT(CheckAscend(0, {folder.path(), kAbsentLibrary}),
              StatusIs(kUnavailable,
                       AllOf(HasSubstr(folder.path() + "/davinci0"),
                             HasSubstr(kAbsentLibrary), HasSubstr("set_env.sh"),
                             HasSubstr("--device_target=CPU"))));
}

TEST(CheckAscendTest, NamesOnlyTheCardIfCannIsThere) {
  const TempFolder folder;
  folder.Write("davinci0", "");
  EXPECT_THAT(CheckAscend(3, {folder.path(), kPresentLibrary}),
              StatusIs(kUnavailable, AllOf(HasSubstr("davinci3"),
                                           Not(HasSubstr("CANN cannot")))));
}

TEST(CheckAscendTest, NamesOnlyCannIfTheCardIsThere) {
  const TempFolder folder;
  folder.Write("davinci0", "");
  EXPECT_THAT(CheckAscend(0, {folder.path(), kAbsentLibrary}),
              StatusIs(kUnavailable, AllOf(HasSubstr("CANN cannot"),
                                           Not(HasSubstr("davinci0")))));
}

}  // namespace
}  // namespace lenet

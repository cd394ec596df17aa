#include "cc/ascend/library.h"

#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

constexpr auto kUnavailable = absl::StatusCode::kUnavailable;

std::string OldAcl() { return SimulatorLibrary(kOldLibrary); }

TEST(LibraryTest, OptionalFunctionsMayBeMissing) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto library, Library::Open(OldAcl()));
  const Functions& acl = library->acl();
#define ACL_FUNCTION(result, name, parameters) \
  EXPECT_NE(acl.name, nullptr) << #name;
#define ACL_OPTIONAL_FUNCTION(result, name, parameters) \
  EXPECT_EQ(acl.name, nullptr) << #name;
#include "cc/ascend/acl_functions.inc"
}

TEST(LibraryTest, NamesALibraryThatCannotBeLoaded) {
  EXPECT_THAT(
      Library::Open("libno_such_acl.so"),
      StatusIs(kUnavailable, AllOf(HasSubstr("cannot load libno_such_acl.so"),
                                   HasSubstr("cannot open shared object"),
                                   HasSubstr("ascend-toolkit/set_env.sh"))));
}

TEST(LibraryTest, NamesMissingFunctions) {
  EXPECT_THAT(
      Library::Open("libm.so.6"),
      StatusIs(kUnavailable,
               AllOf(HasSubstr("libm.so.6 has no function aclInit, "
                               "aclFinalize, "),
                     HasSubstr(" more: it is not AscendCL or too old; "),
                     Not(HasSubstr("aclrtGetSocName")))));
  LENET_ASSERT_OK_AND_ASSIGN(const auto library,
                             Library::Open(OldAcl(), "libm.so.6"));
  EXPECT_THAT(
      library->Dvpp(),
      StatusIs(kUnavailable, HasSubstr("libm.so.6 has no function acldvpp")));
}

TEST(LibraryTest, OpensDvppLazily) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto library,
                             Library::Open(OldAcl(), "libno_such_dvpp.so"));
  for (int i = 0; i < 2; ++i) {
    EXPECT_THAT(library->Dvpp(),
                StatusIs(kUnavailable, HasSubstr("libno_such_dvpp.so")));
  }
}

TEST(LibraryTest, AllThreadsGetTheSameDvpp) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const auto library,
      Library::Open(OldAcl(), SimulatorLibrary("sim/libacl_dvpp.so")));
  LENET_ASSERT_OK_AND_ASSIGN(const DvppFunctions* dvpp, library->Dvpp());
#define DVPP_FUNCTION(result, name, parameters) \
  EXPECT_NE(dvpp->name, nullptr) << #name;
#include "cc/ascend/acl_functions.inc"
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&library, dvpp] {
      const auto again = library->Dvpp();
      ASSERT_THAT(again, IsOk());
      EXPECT_EQ(*again, dvpp);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace lenet::ascend

// Runs on the simulator, each case in a process of its own (session_test.cc
// says why).

#include "cc/ascend/process.h"

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "cc/ascend/library.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using testing::ExitedWithCode;

// In the child: runs `body` with the library open.
void Child(const char* faults,
           const std::function<void(std::shared_ptr<const Library>)>& body) {
  setenv("LENET_SIM_FAULTS", faults, 1);
  auto library =
      Library::Open(TestData("lenet_mindspore/cc/ascend/sim/libascendcl.so"));
  if (!library.ok()) {
    std::fprintf(stderr, "%s\n", library.status().ToString().c_str());
    std::exit(1);
  }
  body(*std::move(library));
  std::exit(0);
}

void StartAndSay(std::shared_ptr<const Library> library) {
  const auto process = Process::Start(std::move(library));
  std::fprintf(stderr, "verdict: %s\n", process.status().ToString().c_str());
}

TEST(ProcessDeathTest, StartsAndFinalizes) {
  // The simulator ends with another status if it was not finalised.
  EXPECT_EXIT(Child("", StartAndSay), ExitedWithCode(0), "^verdict: OK\n$");
}

TEST(ProcessDeathTest, ReportsThatItCannotStart) {
  EXPECT_EXIT(Child("aclInit:1=100039", StartAndSay), ExitedWithCode(0),
              "verdict: UNAVAILABLE: aclInit failed: 100039 "
              "ACL_ERROR_COMPILING_STUB_MODE.*LD_LIBRARY_PATH");
}

TEST(ProcessDeathTest, LeavesWhatOthersInitialisedToThem) {
  EXPECT_EXIT(Child("",
                    [](const std::shared_ptr<const Library>& library) {
                      const Functions& acl = library->acl();
                      std::fprintf(stderr, "init %d\n", acl.aclInit(nullptr));
                      StartAndSay(library);
                      // Were it finalised already, this would be 100037.
                      std::fprintf(stderr, "finalize %d\n", acl.aclFinalize());
                    }),
              ExitedWithCode(0), "init 0\nverdict: OK\nfinalize 0\n$");
}

TEST(ProcessDeathTest, SaysThatItCannotFinalize) {
  EXPECT_EXIT(Child("aclFinalize:1=500003", StartAndSay), ExitedWithCode(0),
              "verdict: OK\n(.|\n)*while ending: aclFinalize failed: 500003");
}

TEST(ProcessDeathTest, IsQuietAboutTheEndOfAFailedDevice) {
  EXPECT_EXIT(Child("aclFinalize:1=507010",
                    [](std::shared_ptr<const Library> library) {
                      const auto process = Process::Start(std::move(library));
                      (*process)->ExpectTeardownFailures();
                      std::fprintf(stderr, "started\n");
                    }),
              ExitedWithCode(0), "^started\n$");
}

}  // namespace
}  // namespace lenet::ascend

#include "cc/engine/crash_guard.h"

#include <signal.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::ExitedWithCode;
using ::testing::HasSubstr;
using ::testing::KilledBySignal;
using ::testing::Not;

TEST(CrashGuardDeathTest, ACrashPrintsTheLineAndIsWrongInput) {
  for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGABRT}) {
    const auto crash = [number] {
      const CrashGuard guard("infer310: error: m.mindir crashed");
      raise(number);
    };
    EXPECT_EXIT(crash(), ExitedWithCode(2), "^infer310: error: m.mindir .*\n$");
  }
}

TEST(CrashGuardDeathTest, ACrashAfterwardsHasItsUsualEffect) {
  const auto crash = [] {
    { const CrashGuard guard("m.mindir crashed"); }
    raise(SIGABRT);
  };
  EXPECT_EXIT(crash(), KilledBySignal(SIGABRT), Not(HasSubstr("m.mindir")));
}

}  // namespace
}  // namespace lenet

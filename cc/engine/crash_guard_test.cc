#include "cc/engine/crash_guard.h"

#include <signal.h>

#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::ExitedWithCode;
using ::testing::KilledBySignal;

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
  EXPECT_EXIT(crash(), KilledBySignal(SIGABRT), "^$");
}

}  // namespace
}  // namespace lenet

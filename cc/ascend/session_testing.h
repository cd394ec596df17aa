#ifndef CC_ASCEND_SESSION_TESTING_H_
#define CC_ASCEND_SESSION_TESTING_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/ascend/installation.h"
#include "cc/ascend/session.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// Tests on the simulator. Each case needs a process of its own: AscendCL is
// initialised once, and the simulator takes its settings then. It ends the
// process with status 66 if anything was left over or done out of order.

namespace lenet::ascend {

using SimSettings = std::map<std::string, std::string>;  // of the environment
using SessionWork = std::function<absl::Status(Session*)>;

// Both run modes, for tests that must hold in each.
inline constexpr const char* kRunModes[] = {"host", "device"};

// Where the shared libraries of the simulator are, and, in place of the
// driver's nodes, what the folder holds after this.
Locations SimulatorLocations(const TempFolder& folder);

// The functions called, in order, as the simulator wrote them to the file that
// LENET_SIM_TRACE names.
std::vector<std::string> TracedCalls(const std::string& trace);

// In the child of a death test: does `work`, writes "verdict: <status>" to
// stderr and exits; with 1 if an expectation of the test failed, otherwise 0.
[[noreturn]] void WorkAndExit(const SimSettings& settings,
                              const std::function<absl::Status()>& work);

// The same with device 0 open, which is closed after the work.
[[noreturn]] void WorkInSessionAndExit(const SimSettings& settings,
                                       const SessionWork& work);

// Expects `work` in a process of its own to have a result that matches the
// regular expression `verdict` ("OK"), no expectation in it to fail, and
// nothing to be left over.
#define LENET_EXPECT_IN_CHILD(settings, work, verdict)          \
  EXPECT_EXIT(::lenet::ascend::WorkAndExit((settings), (work)), \
              ::testing::ExitedWithCode(0),                     \
              ::testing::ContainsRegex(std::string("verdict: ") + (verdict)))

// The same for work in a session.
#define LENET_EXPECT_IN_SESSION(settings, work, verdict)                 \
  EXPECT_EXIT(::lenet::ascend::WorkInSessionAndExit((settings), (work)), \
              ::testing::ExitedWithCode(0),                              \
              ::testing::ContainsRegex(std::string("verdict: ") + (verdict)))

}  // namespace lenet::ascend

#endif  // CC_ASCEND_SESSION_TESTING_H_

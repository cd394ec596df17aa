#ifndef CC_ASCEND_SESSION_TESTING_H_
#define CC_ASCEND_SESSION_TESTING_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/ascend/installation.h"
#include "cc/ascend/session.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// Tests on the simulator. Each case runs in its own process, because AscendCL
// is initialised once per process and the simulator reads its settings then.
// The simulator ends the process with status 66 after leaks and order
// violations.

namespace lenet::ascend {

using SimSettings = std::map<std::string, std::string>;  // environment
using SessionWork = std::function<absl::Status(Session*)>;

inline constexpr const char* kRunModes[] = {"host", "device"};

// The simulator without optional functions, like the libraries of 2020.
inline constexpr char kOldLibrary[] = "old/libascendcl.so";

// Returns the path of a shared library below cc/ascend.
std::string SimulatorLibrary(const std::string& name);

// Returns the simulator's libraries, and `folder` with files in place of the
// driver's nodes.
Locations SimulatorLocations(const TempFolder& folder);

// Returns the called functions in order from a file named by LENET_SIM_TRACE,
// without aclGetRecentErrMsg.
std::vector<std::string> TracedCalls(const std::string& trace);

// In the child of a death test: performs `work`, writes "result: <status>" to
// stderr and exits with 1 if an expectation failed, otherwise 0.
[[noreturn]] void WorkAndExit(const SimSettings& settings,
                              const std::function<absl::Status()>& work);

// The same within a session.
[[noreturn]] void WorkInSessionAndExit(
    const SimSettings& settings, const SessionWork& work, int device_id = 0,
    const std::string& library = "sim/libascendcl.so");

// Expects that `work` in its own process gives a status matching the regular
// expression `result`, that no expectation in it fails and that nothing leaks.
#define LENET_EXPECT_IN_CHILD(settings, work, result)           \
  EXPECT_EXIT(::lenet::ascend::WorkAndExit((settings), (work)), \
              ::testing::ExitedWithCode(0),                     \
              ::testing::ContainsRegex(std::string("result: ") + (result)))

// The same for work in a session.
#define LENET_EXPECT_IN_SESSION(settings, work, result)                  \
  EXPECT_EXIT(::lenet::ascend::WorkInSessionAndExit((settings), (work)), \
              ::testing::ExitedWithCode(0),                              \
              ::testing::ContainsRegex(std::string("result: ") + (result)))

}  // namespace lenet::ascend

#endif  // CC_ASCEND_SESSION_TESTING_H_

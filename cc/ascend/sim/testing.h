#ifndef CC_ASCEND_SIM_TESTING_H_
#define CC_ASCEND_SIM_TESTING_H_

#include <functional>
#include <map>
#include <string>

#include "cc/ascend/library.h"

// Each test runs in a child process, because AscendCL is initialised once.

namespace lenet::ascend::sim {

// How a process ended.
struct Outcome {
  int status = 0;      // exit status, or minus the signal
  std::string output;  // of stdout and stderr
};

using Environment = std::map<std::string, std::string>;
using Body = std::function<void(const Functions&)>;

// Runs `body` in a child process with the variables set and the built
// libascendcl.so opened. The child ends by exit(): with status 1 if an
// expectation in it failed, otherwise 0, unless the simulator changes it.
Outcome RunInChild(const Environment& environment, const Body& body);

// The same; `body` runs between aclInit with aclrtSetDevice(0) and
// aclrtResetDevice(0) with aclFinalize.
Outcome RunInSession(const Environment& environment, const Body& body);

// Opens the built libacl_dvpp.so in a child.
const DvppFunctions& OpenDvpp();

// Expects status 0.
void ExpectClean(const Outcome& outcome);

// Expects that the simulator ended the process with status 66 and a message
// with `text`, and that no expectation in the child failed.
void ExpectViolation(const std::string& text, const Outcome& outcome);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_TESTING_H_

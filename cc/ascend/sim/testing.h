#ifndef CC_ASCEND_SIM_TESTING_H_
#define CC_ASCEND_SIM_TESTING_H_

#include <functional>
#include <map>
#include <string>

#include "cc/ascend/library.h"

// Tests run in child processes, because AscendCL is initialised once.

namespace lenet::ascend::sim {

using Environment = std::map<std::string, std::string>;
using Body = std::function<void(const Functions&)>;

// A child process that sets the variables, opens the built libascendcl.so and
// runs the body.
struct Child {
  Environment environment;
  Body body;
};

// Returns a child whose body runs between aclInit with aclrtSetDevice(0) and
// aclrtResetDevice(0) with aclFinalize.
Child InSession(const Environment& environment, const Body& body);

// Runs the child and ends it by exit(): with status 1 if an expectation in it
// failed, otherwise 0, unless the simulator changes it.
[[noreturn]] void RunAndExit(const Child& child);

// Runs the child. Expects status 0.
void ExpectClean(const Child& child);

// Runs the child. Expects that the simulator ends it with status 66 and a
// message with `text`, and that no expectation in it fails.
void ExpectViolation(const std::string& text, const Child& child);

// Opens the built libacl_dvpp.so, in a child.
const DvppFunctions& OpenDvpp();

char* Malloc(const Functions& acl, size_t size);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_TESTING_H_

#ifndef CC_ASCEND_SIM_TESTING_H_
#define CC_ASCEND_SIM_TESTING_H_

#include <functional>
#include <map>
#include <string>

#include "cc/ascend/library.h"

namespace lenet::ascend::sim {

// How a process ended.
struct Outcome {
  int status = 0;      // exit status, or minus the signal
  std::string output;  // of stdout and stderr
};

using Environment = std::map<std::string, std::string>;

// Runs `body` in a child process that has the variables set and the built
// libascendcl.so opened by dlopen, then ends the child by exit(): status 0, or
// 1 if an expectation of gtest failed in it, or what the simulator makes of it.
// Functions that the library does not have are null. The calling process must
// have no threads.
Outcome InChild(const Environment& environment,
                const std::function<void(const Functions&)>& body);

// In a child: the built libacl_dvpp.so.
DvppFunctions OpenDvpp();

// The child ended with status 0.
void ExpectClean(const Outcome& outcome);

// The child kept all its expectations, and the simulator ended it with status
// 66 and this among its complaints.
void ExpectComplaint(const Outcome& outcome, const std::string& text);

// aclInit and aclrtSetDevice(0), in a child; both must succeed.
void Begin(const Functions& acl);
// aclrtResetDevice(0) and aclFinalize, in a child; both must succeed.
void End(const Functions& acl);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_TESTING_H_

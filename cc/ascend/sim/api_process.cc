// Of libascendcl.so: process and errors.

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/report.h"
#include "cc/ascend/sim/state.h"

using lenet::ascend::sim::State;
using lenet::ascend::sim::ViolationKind;

extern "C" {

aclError aclInit(const char* json_path) {
  SIM_CALL(aclInit);
  const std::string path = json_path == nullptr ? "" : json_path;
  if (!path.empty() && !std::ifstream(path).good()) {
    return call.Result(ACL_ERROR_INVALID_FILE,
                       absl::StrCat("cannot read ", path));
  }
  const aclError code = call.state().Initialize(path);
  return call.Result(code, "aclInit was called before");
}

aclError aclFinalize() {
  SIM_CALL(aclFinalize);
  const State::Summary before = call.state().Summarize();
  const aclError code = call.state().Finalize();
  if (code != ACL_SUCCESS) {
    return call.Violation(ViolationKind::kOrder, code,
                          "called before aclInit, or a second time");
  }
  const size_t live = before.objects.size() + before.blocks.size();
  if (live != 0) {
    call.Violation(ViolationKind::kOrder, 0,
                   absl::StrCat(live, " objects and blocks of memory live"));
  }
  return call.Result(ACL_SUCCESS);
}

aclError aclrtGetVersion(int32_t* major, int32_t* minor, int32_t* patch) {
  SIM_CALL(aclrtGetVersion);
  if (major == nullptr || minor == nullptr || patch == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "a result's address is null");
  }
  // The version of the headers that the prototypes are of.
  *major = 1;
  *minor = 4;
  *patch = 0;
  return call.Result(ACL_SUCCESS);
}

const char* aclGetRecentErrMsg() {
  SIM_CALL_OR(aclGetRecentErrMsg, nullptr);
  lenet::ascend::sim::ThreadState& thread = *LenetSimThread();
  if (thread.error.empty()) return nullptr;
  // Each message is given once, and valid up to the next call.
  thread.reported = std::move(thread.error);
  thread.error.clear();
  return thread.reported.c_str();
}

const char* aclrtGetSocName() {
  SIM_CALL_OR(aclrtGetSocName, nullptr);
  if (!call.state().initialized()) return nullptr;
  return call.state().soc_name().c_str();
}

}  // extern "C"

#ifndef CC_ASCEND_SIM_SETTINGS_H_
#define CC_ASCEND_SIM_SETTINGS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/functions.h"

namespace lenet::ascend::sim {

// Libraries of 2020-22, where a process initialises AscendCL once in its life,
// or of 2024 and later, where it may do so again after aclFinalize.
enum class Profile { kLegacy, kModern };

// Call `nth` of `function` (from 1; 0: every call) does not do its work and
// returns `code`; functions that return a pointer or a number return null or 0.
struct Fault {
  Function function = Function::aclInit;
  uint64_t nth = 0;
  // For functions that put work on a stream: the call succeeds, and the
  // synchronisation of the stream returns the code.
  bool at_sync = false;
  aclError code = 0;
};

struct Latency {
  Function function = Function::aclInit;
  uint64_t nth = 0;  // as in Fault
  std::chrono::nanoseconds duration{0};
};

// What tests set by environment variables, read at the first call of the
// process. A value that cannot be understood ends the process with status 66.
//
//   LENET_SIM_DEVICES   number of devices, 0 to 16; default 1
//   LENET_SIM_RUN_MODE  host (default) | device
//   LENET_SIM_PROFILE   legacy (default) | modern
//   LENET_SIM_SOC       default Ascend310; aclrtGetSocName adds "-simulator"
//   LENET_SIM_FAULTS    comma-separated:
//                         aclrtMemcpy:3=507013            its third call fails
//                         aclrtMalloc:*=207001            each call fails
//                         aclmdlExecuteAsync:2@sync=507015
//                                       its second call's work fails when the
//                                       stream is synchronised
//                         lost:17       the device is lost after 17 calls of
//                                       whatever function
//   LENET_SIM_LATENCY   comma-separated: aclmdlExecute=5ms, or
//                       aclmdlExecuteAsync:3=1h for one call only; units us,
//                       ms, s, h. Work on a stream takes the time on the
//                       stream, beside the work of other streams.
//   LENET_SIM_MEMORY    bytes of memory of each device, for the device and DVPP
//                       heaps together; default 1 GiB
//   LENET_SIM_REPORT    file for a JSON report at exit; %p is the process id
//   LENET_SIM_TRACE     file for a line per call; %p as above
struct Settings {
  int devices = 1;
  aclrtRunMode run_mode = ACL_HOST;
  Profile profile = Profile::kLegacy;
  std::string soc = "Ascend310";
  std::vector<Fault> faults;
  std::optional<uint64_t> lost_after;
  std::vector<Latency> latencies;
  size_t memory = size_t{1} << 30;
  std::string report;
  std::string trace;
};

// `variable` gives the value of an environment variable, or null.
// InvalidArgument names the variable and what is wrong with it.
absl::StatusOr<Settings> ReadSettings(
    const std::function<const char*(const char*)>& variable);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_SETTINGS_H_

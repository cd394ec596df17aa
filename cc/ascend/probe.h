#ifndef CC_ASCEND_PROBE_H_
#define CC_ASCEND_PROBE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/ascend/installation.h"

// Whether an Ascend can be used, and if not, why and what to do.

namespace lenet::ascend {

// A thing that was looked at.
struct ProbeStep {
  // kWarning: something is missing that not every run needs.
  enum class Result { kOk, kWarning, kFailed, kNotDone };

  std::string name;  // "device nodes", "libascendcl.so", ...
  Result result = Result::kNotDone;
  std::string detail;  // what was found, or what is wrong
};

struct ProbeReport {
  int device_id = 0;
  std::vector<ProbeStep> steps;  // always all of them, in order
  // Of the first step that failed; all "" if the device can be used.
  std::string failure;  // for programs: one of those that probe.cc lists
  std::string reason;
  std::string hint;
  // What is known; "" or 0 if it is not.
  std::string acl_version;  // "1.4.0"
  std::string soc_name;     // "Ascend310"
  std::string run_mode;     // "host" (the NPU is a card) or "device"
  int device_count = 0;
  size_t free_memory = 0;  // bytes, of the device
  size_t total_memory = 0;
};

// Tries in order all that a run needs until the device is set up, and puts the
// device back. If `model_path` is an OM, its manifest is compared with the file
// and the chip; anything else is not looked at. Takes a second or so on
// hardware. To be called once in a process that uses AscendCL for nothing else:
// it is initialised and finalised here.
ProbeReport Probe(int device_id, const std::string& model_path,
                  const Locations& locations = {});

bool Usable(const ProbeReport& report);

// For people: a line a step, then the verdict.
std::string ProbeText(const ProbeReport& report);

// The same as one JSON object.
std::string ProbeJson(const ProbeReport& report);

// OK, or Unavailable with reason and hint.
absl::Status ProbeStatus(const ProbeReport& report);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_PROBE_H_

#ifndef CC_ASCEND_PROBE_H_
#define CC_ASCEND_PROBE_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cc/ascend/installation.h"

namespace lenet::ascend {

struct ProbeStep {
  // kWarning: something that only some runs need is missing.
  enum class Result { kOk, kWarning, kFailed, kNotDone };

  std::string name;  // "device nodes", "libascendcl.so", ...
  Result result = Result::kNotDone;
  std::string detail;  // what was found, or the problem
};

struct ProbeReport {
  int device_id = 0;
  std::vector<ProbeStep> steps;  // all steps in order
  // The first failed step; "" if the device can be used.
  std::string failure;  // for programs; README.md lists the values
  std::string reason;
  std::string hint;
  // "" or 0 if unknown.
  std::string acl_version;  // "1.4.0"
  std::string soc_name;     // "Ascend310"
  std::string run_mode;     // "host" (the NPU is a card) or "device"
  int device_count = 0;
  size_t free_memory = 0;  // bytes of device memory
  size_t total_memory = 0;
};

// Checks whether a device can be used: performs the steps of a run up to
// setting the device, and resets it. If `model_path` is an OM, its manifest is
// compared with the file and the chip. Takes about a second. Call it once, in a
// process that does not use AscendCL otherwise, because it is initialised and
// finalised here. Before each call that may hang, `pending` gets the report for
// the case that it does.
ProbeReport Probe(
    int device_id, const std::string& model_path,
    const Locations& locations = {},
    const std::function<void(const ProbeReport&)>& pending = nullptr);

// Calls Probe in a child process, so that a device that hangs does not keep
// this one. Returns the report as `text` formats it and the exit code for main.
// If a call takes longer than `timeout` or ends the child, the failure is
// "no-answer" and the reason names the call.
std::pair<std::string, int> GuardedProbe(
    int device_id, const std::string& model_path, const Locations& locations,
    std::string (*text)(const ProbeReport&),
    std::chrono::seconds timeout = std::chrono::seconds(30));

bool Usable(const ProbeReport& report);

// Returns a line per step and the result, for people.
std::string ProbeText(const ProbeReport& report);

// Returns the report as a JSON object.
std::string ProbeJson(const ProbeReport& report);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_PROBE_H_

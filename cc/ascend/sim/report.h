#ifndef CC_ASCEND_SIM_REPORT_H_
#define CC_ASCEND_SIM_REPORT_H_

#include <cstddef>
#include <string>

#include "cc/ascend/sim/state.h"

namespace lenet::ascend::sim {

// The exit status of a process that leaves something behind or broke a rule.
inline constexpr int kExitStatus = 66;

// What is wrong, a line for each leak and violation, of which the first
// kComplaints are spelled out; empty if nothing is.
inline constexpr size_t kComplaints = 20;
std::string Complaints(const State::Summary& summary);

// The report of LENET_SIM_REPORT:
//   {"total_calls": 12, "calls": {"aclInit": 1, ...},
//    "injected": ["#7 aclrtMemcpy:3=507013"],
//    "live_objects": [{"kind": "stream", "call": 5,
//                      "function": "aclrtCreateStream"}, ...],
//    "order_violations": [{"call": 9, "function": "...", "text": "..."}],
//    "ownership_violations": [...],
//    "peak_bytes": {"device": 4096, "host": 0, "dvpp": 0},
//    "profile": "legacy", "run_mode": "host", "devices": 1,
//    "finalized": true, "ok": true}
// live_objects has memory as kind "device memory", with "bytes".
std::string Report(const State& state, const State::Summary& summary);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_REPORT_H_

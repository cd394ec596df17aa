#ifndef CC_BASE_CORES_H_
#define CC_BASE_CORES_H_

#include <string>

namespace lenet {

// Returns the number of CPU cores that this process may use, at least 1: those
// of its affinity, but not more than the CPU quota (rounded up) of its control
// group and the groups above it, version 1 or 2. lenet/limits.py is the same
// in Python. `proc`: folder with the kernel's files "cgroup" and "mountinfo"
// about this process; tests use another.
int AvailableCores(const std::string& proc = "/proc/self");

}  // namespace lenet

#endif  // CC_BASE_CORES_H_

#include "cc/base/cores.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <limits>
#include <sstream>
#include <thread>
#include <vector>

namespace lenet {
namespace {

// Returns whether `name` is one of the names in `list`, separated by commas.
bool Lists(const std::string& list, const std::string& name) {
  return ("," + list + ",").find("," + name + ",") != std::string::npos;
}

// Returns the path of this process's group in a hierarchy, or "". The lines are
// "<id>:<controllers>:<path>"; version 2 has no controllers.
std::string GroupPath(const std::string& proc, bool is_v2) {
  std::ifstream file(proc + "/cgroup");
  for (std::string line; std::getline(file, line);) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (is_v2 ? controllers.empty() : Lists(controllers, "cpu")) {
      return line.substr(second + 1);
    }
  }
  return "";
}

// Returns the quota of one group in cores; infinity: none.
double Quota(const std::string& folder, bool is_v2) {
  std::ifstream quota_file(folder + (is_v2 ? "/cpu.max" : "/cpu.cfs_quota_us"));
  std::ifstream v1_period_file(folder + "/cpu.cfs_period_us");
  double quota = 0.0;
  double period = 0.0;
  // "max" is not a number; version 1 has -1 instead.
  if (quota_file >> quota && quota > 0.0 &&
      (is_v2 ? quota_file : v1_period_file) >> period && period > 0.0) {
    return quota / period;
  }
  return std::numeric_limits<double>::infinity();
}

// Returns the lowest quota of this process's groups below a mount point.
// `root`: path of the group that is mounted there, which is not "/" in a
// container that sees the host's paths.
double LowestQuota(const std::string& mount_point, const std::string& root,
                   std::string path, bool is_v2) {
  if (root != "/" && path.compare(0, root.size(), root) == 0) {
    path.erase(0, root.size());
  }
  double lowest = Quota(mount_point, is_v2);
  for (; path.size() > 1; path.erase(path.rfind('/'))) {
    lowest = std::min(lowest, Quota(mount_point + path, is_v2));
  }
  return lowest;
}

double LowestQuota(const std::string& proc) {
  double lowest = std::numeric_limits<double>::infinity();
  std::ifstream mounts(proc + "/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    // <id> <parent> <device> <root> <mount point> ... - <type> <source>
    // <options>
    const size_t separator = line.find(" - ");
    if (separator == std::string::npos) continue;
    std::istringstream fields(line);
    std::istringstream more(line.substr(separator + 3));
    std::string skipped, root, mount_point, type, options;
    fields >> skipped >> skipped >> skipped >> root >> mount_point;
    more >> type >> skipped >> options;
    const bool is_v2 = type == "cgroup2";
    if (is_v2 || (type == "cgroup" && Lists(options, "cpu"))) {
      lowest = std::min(lowest, LowestQuota(mount_point, root,
                                            GroupPath(proc, is_v2), is_v2));
    }
  }
  return lowest;
}

int CoresOfAffinity() {
  // The kernel rejects a set that is smaller than its own.
  for (size_t cpus = 1024; cpus <= size_t{1} << 20; cpus *= 2) {
    std::vector<cpu_set_t> set(cpus / 1024);
    const size_t bytes = set.size() * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) == 0) {
      return CPU_COUNT_S(bytes, set.data());
    }
  }
  return static_cast<int>(std::thread::hardware_concurrency());
}

}  // namespace

int AvailableCores(const std::string& proc) {
  const double cores = std::max(CoresOfAffinity(), 1);
  return static_cast<int>(std::min(cores, std::ceil(LowestQuota(proc))));
}

}  // namespace lenet

#include "cc/base/cores.h"

#include <gtest/gtest.h>
#include <sched.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

namespace lenet {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

struct Case {
  std::string cgroup;
  std::string mount;  // root, type and options of the mount, or ""
  Files files;
  int cores;
};

class CoresTest : public testing::Test {
 protected:
  // Writes the files of a process and of its control groups.
  void Write(const Case& machine) {
    std::filesystem::remove_all(folder_);
    WriteFile("cgroup", "7:pids:/\n" + machine.cgroup + "\n");
    std::string mounts = "23 1 0:20 / /proc rw - proc proc rw\n";
    if (!machine.mount.empty()) {
      const size_t space = machine.mount.find(' ');
      mounts += "30 23 0:27 " + machine.mount.substr(0, space) + " " + folder_ +
                "/fs rw shared:4 - " + machine.mount.substr(space + 1) + "\n";
    }
    WriteFile("mountinfo", mounts);
    for (const auto& [name, text] : machine.files) {
      WriteFile("fs/" + name, text);
    }
  }

  const std::string folder_ = testing::TempDir() + "/cores_test";

 private:
  void WriteFile(const std::string& name, const std::string& text) {
    const std::filesystem::path path = folder_ + "/" + name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }
};

// The same cases as in lenet/limits_test.py.
TEST_F(CoresTest, AreThoseOfTheQuota) {
  const int all = AvailableCores("/missing");
  const std::string v2 = "/ cgroup2 cgroup rw,nsdelegate";
  const std::string v1 = "/ cgroup cgroup rw,cpuacct,cpu";
  const auto v1_files = [](const std::string& quota) -> Files {
    return {{"a/cpu.cfs_quota_us", quota}, {"a/cpu.cfs_period_us", "100000\n"}};
  };
  const Case cases[] = {
      {"0::/a/b", v2, {{"a/b/cpu.max", "50000 100000\n"}}, 1},
      {"0::/a/b",
       v2,
       {{"a/b/cpu.max", "max 100000\n"}, {"a/cpu.max", "100000 100000\n"}},
       1},
      {"0::/", v2, {{"cpu.max", "100000 100000\n"}}, 1},
      {"0::/a", v2, {{"a/cpu.max", "100001 100000\n"}}, std::min(all, 2)},
      {"0::/a", v2, {{"a/cpu.max", "max 100000\n"}}, all},
      {"0::/a", v2, {{"b/cpu.max", "100000 100000\n"}}, all},
      {"4:cpu,cpuacct:/a", v1, v1_files("20000\n"), 1},
      {"4:cpu,cpuacct:/a", v1, v1_files("-1\n"), all},
      {"4:cpuset:/a", v1, v1_files("100000\n"), all},
      // A container that sees the host's paths.
      {"0::/docker/1",
       "/docker/1 cgroup2 cgroup rw",
       {{"cpu.max", "100000 100000\n"}},
       1},
      {"0::/a", "", {}, all},
  };
  for (const Case& machine : cases) {
    Write(machine);
    EXPECT_EQ(AvailableCores(folder_), machine.cores)
        << machine.cgroup << ", " << machine.mount;
  }
}

TEST_F(CoresTest, AreAtMostThoseOfTheAffinity) {
  cpu_set_t old;
  ASSERT_EQ(sched_getaffinity(0, sizeof(old), &old), 0);
  cpu_set_t one;
  CPU_ZERO(&one);
  for (size_t cpu = 0; CPU_COUNT(&one) == 0; ++cpu) {
    if (CPU_ISSET(cpu, &old)) CPU_SET(cpu, &one);
  }
  ASSERT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  const int cores = AvailableCores();
  ASSERT_EQ(sched_setaffinity(0, sizeof(old), &old), 0);
  EXPECT_EQ(cores, 1);
  EXPECT_LE(AvailableCores(), CPU_COUNT(&old));
}

}  // namespace
}  // namespace lenet

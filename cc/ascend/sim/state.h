#ifndef CC_ASCEND_SIM_STATE_H_
#define CC_ASCEND_SIM_STATE_H_

#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/heaps.h"
#include "cc/ascend/sim/objects.h"
#include "cc/ascend/sim/settings.h"
#include "cc/ascend/sim/streams.h"

namespace lenet::ascend::sim {

// What the application did against the rules, apart from what it is told by an
// error code alone. One is enough for exit status 66.
enum class ViolationKind {
  kOrder,      // calls in a wrong order, or after what was to be the end
  kOwnership,  // memory or objects of somebody else, or of nobody any more
};

struct Violation {
  ViolationKind kind = ViolationKind::kOrder;
  Site site;
  std::string text;
};

// What belongs to one thread.
struct ThreadState {
  const void* context = nullptr;  // handle of the current context, if it lives
  std::string error;              // for aclGetRecentErrMsg
  std::string reported;           // what aclGetRecentErrMsg returned last
};

struct Device {
  // How often it was set and not reset; legacy: at most 1. 0: not in use.
  int references = 0;
  const void* default_context = nullptr;  // handle
};

// "%p" in the pattern becomes the number of the process.
std::string ExpandPath(const std::string& pattern);

// Everything the simulator knows, one for the process. Thread-safe.
class State {
 public:
  explicit State(Settings settings);
  ~State();
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  const Settings& settings() const { return settings_; }
  // The process that called AscendCL first.
  pid_t process() const { return process_; }
  // What aclrtGetSocName says: "Ascend310-simulator".
  const std::string& soc_name() const { return soc_name_; }
  Objects& objects() { return objects_; }
  Heaps& heaps() { return heaps_; }
  const Heaps& heaps() const { return heaps_; }

  // --- Calls; used by Call.

  struct Entry {
    Site site;
    aclError fault = 0;       // of the fault plan, for the call itself
    aclError sync_fault = 0;  // of the fault plan, for its work on the stream
    std::chrono::nanoseconds latency{0};
    bool lost = false;    // the device is lost
    bool failed = false;  // the application knows of a failure of the device
    bool hangs = false;   // of a synchronisation that did not end in time
    bool initialized = false;
  };
  Entry Enter(Function function);
  void Leave(Site site, aclError code);

  void AddViolation(Violation violation);
  // The process is about to fork: a breach of order while it is initialised.
  void NoteFork();

  // --- Process and devices; used by the functions of these names.

  aclError Initialize(absl::string_view config);
  aclError Finalize();
  bool initialized() const;

  // False for a number that no device has.
  bool HasDevice(int device) const;
  // Counts a reference. Returns the handle of the device's default context,
  // made if need be.
  const void* SetDevice(int device, Site site);
  // Of a device that is set. True if this was the last reference.
  bool DropReference(int device);
  void RemoveDefaultContext(int device);
  Device device(int device) const;

  // The call whose work waits on some stream and uses the memory, if any.
  std::optional<Site> User(const Block& block);

  // --- Reports.

  struct Summary {
    std::map<std::string, uint64_t> calls;
    uint64_t total_calls = 0;
    std::vector<Violation> violations;
    std::vector<Object> objects;
    std::vector<Block> blocks;
    std::vector<std::string> injected;  // "#12 aclrtMalloc 207001"
    bool initialized = false;
  };
  Summary Summarize() const;

 private:
  const Settings settings_;
  const std::string soc_name_;
  const pid_t process_ = getpid();
  Objects objects_;
  Heaps heaps_;

  mutable std::mutex mutex_;
  std::FILE* trace_ = nullptr;
  uint64_t total_calls_ = 0;
  Function last_ = Function::aclInit;
  std::array<uint64_t, kFunctionCount> calls_{};
  std::vector<Violation> violations_;
  std::vector<std::string> injected_;
  bool failed_ = false;
  bool hangs_ = false;
  bool initialized_ = false;
  bool ever_initialized_ = false;
  std::string config_;
  std::map<int, Device> devices_;
};

}  // namespace lenet::ascend::sim

// libascendcl.so owns the state and exports these two for libacl_dvpp.so; not
// part of AscendCL. The first call of the process makes the state.
extern "C" {
LENET_SIM_EXPORT lenet::ascend::sim::State* LenetSimState();
LENET_SIM_EXPORT lenet::ascend::sim::ThreadState* LenetSimThread();
}

#endif  // CC_ASCEND_SIM_STATE_H_

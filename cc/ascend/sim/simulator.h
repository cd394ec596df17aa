#ifndef CC_ASCEND_SIM_SIMULATOR_H_
#define CC_ASCEND_SIM_SIMULATOR_H_

#include <sys/types.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/memory.h"

// The state of the simulator and the checks that every call makes. README.md
// describes the settings and the rules.

#define SIM_RETURN_IF_ERROR(expression)                                  \
  if (const aclError lenet_sim_code = (expression); lenet_sim_code != 0) \
  return lenet_sim_code

namespace lenet::ascend::sim {

// The C functions of both libraries. A definition with another signature does
// not compile.
extern "C" {
#define ACL_FUNCTION(result, name, parameters) result name parameters;
#define ACL_OPTIONAL_FUNCTION ACL_FUNCTION
#define DVPP_FUNCTION ACL_FUNCTION
#include "cc/ascend/acl_functions.inc"
}

// When queued work runs.
enum class Schedule {
  kSynchronize,  // when its stream is synchronised
  kEager,        // in the call that queues it
  kRandom,       // at the end of a random later call, or at synchronisation
};

struct Fault {
  std::string function;
  uint64_t nth = 0;      // 1: first call; 0: every call
  bool at_sync = false;  // the call succeeds, its work on the stream fails
  bool hangs =
      false;  // the call, or the work of one that is ...Async, never ends
  aclError code = 0;
  std::string text;  // as in LENET_SIM_FAULTS, without the function
};

struct Settings {
  int devices = 1;
  aclrtRunMode run_mode = ACL_HOST;
  std::string soc = "Ascend310";
  size_t memory = size_t{1} << 30;  // bytes per device
  std::vector<Fault> faults;
  std::optional<uint64_t> lost_after;  // number of calls
  Schedule schedule = Schedule::kSynchronize;
  uint32_t seed = 0;
  std::string trace;  // path
};

// Reads the LENET_SIM_ variables of the environment. Ends the process with
// status 66 if a value is invalid.
Settings ReadSettings();

// An object of the application. The structs that represent objects name their
// kind, such as "stream", in a constant kKind.
struct Object {
  absl::string_view kind;
  Site site;                      // the call that created it
  const void* context = nullptr;  // handle of the context that owns it, or null
  std::shared_ptr<void> value;
};

// The objects that the application has to destroy. Handles are invalid
// addresses that are never used again, so a stale handle is recognised.
class Objects {
 public:
  // Returns the handle.
  template <typename T>
  void* Add(std::shared_ptr<T> value, Site site,
            const void* context = nullptr) {
    next_ += 16;
    void* const handle = reinterpret_cast<void*>(next_);
    live_[handle] = Object{T::kKind, site, context, std::move(value)};
    return handle;
  }

  // Returns null unless the handle is that of a live T.
  template <typename T>
  std::shared_ptr<T> Find(const void* handle) const {
    const auto it = live_.find(handle);
    if (it == live_.end() || it->second.kind != T::kKind) return nullptr;
    return std::static_pointer_cast<T>(it->second.value);
  }

  void Remove(const void* handle) { live_.erase(handle); }

  // Returns the live objects by handle, which is the order of creation.
  const std::map<const void*, Object>& live() const { return live_; }

 private:
  uintptr_t next_ = uintptr_t{0xACC} << 48;  // beyond the address space
  std::map<const void*, Object> live_;
};

// Work queued on a stream.
struct Task {
  Site site;
  // Returns ACL_SUCCESS or the code for the synchronisation. Null: never ends.
  std::function<aclError()> work;
  // Addresses of memory that must not be freed before the synchronisation.
  std::vector<const void*> uses;
};

// A queue of work, done in order. After a failure, work is dropped until the
// next synchronisation.
class Stream {
 public:
  static constexpr absl::string_view kKind = "stream";

  explicit Stream(const void* context) : context_(context) {}

  const void* context() const { return context_; }
  void Add(Task task) { tasks_.push_back(std::move(task)); }

  // Does up to `count` tasks that are not done.
  void Run(size_t count);
  // Returns whether the next task never ends.
  bool hangs() const;
  // Forgets all tasks. Returns the code of the first one that failed.
  aclError Clear();
  // Returns whether there are tasks that were not synchronised.
  bool busy() const { return !tasks_.empty(); }
  // Returns the call whose task uses memory of the block, if any.
  std::optional<Site> User(const Block& block) const;

 private:
  const void* const context_;
  std::deque<Task> tasks_;  // since the last synchronisation
  size_t done_ = 0;
  aclError error_ = ACL_SUCCESS;
};

struct Context {
  static constexpr absl::string_view kKind = "context";
  int device = 0;
  bool is_default = false;
  std::shared_ptr<Stream> default_stream;
};

struct DataBuffer {
  static constexpr absl::string_view kKind = "data buffer";
  void* data = nullptr;
  size_t size = 0;
};

struct Dataset {
  static constexpr absl::string_view kKind = "dataset";
  std::vector<aclDataBuffer*> buffers;
};

struct ThreadState {
  const void* context = nullptr;  // handle of the current context
  std::string error;              // for aclGetRecentErrMsg
  std::string reported;           // last result of aclGetRecentErrMsg
};

// The state of the process. The mutex guards all of it; a Call holds it.
struct State {
  explicit State(Settings read);

  // All streams, default streams of contexts included.
  std::vector<std::shared_ptr<Stream>> Streams() const;
  // Creates a context with its default stream. Returns its handle.
  void* AddContext(int device, bool is_default, Site site);
  void AddViolation(Site site, absl::string_view text);
  // Returns the violations and leaks, one per line; empty if there are none.
  std::string Complaints() const;

  const Settings settings;
  const pid_t process = getpid();
  const std::string soc_name = settings.soc + "-simulator";
  std::mutex mutex;
  Memory memory;
  Objects objects;
  std::FILE* trace = nullptr;
  uint64_t call_count = 0;
  Site last_call;
  std::map<std::string, uint64_t> calls;  // number of calls by function
  std::vector<std::string> violations;
  bool failed = false;  // a call has reported a failure of the device
  bool hangs = false;   // a synchronisation has timed out
  bool initialized = false;
  bool ever_initialized = false;
  // The devices that are set, with the handles of their default contexts.
  std::map<int, const void*> devices;
  std::mt19937 random;
};

// libascendcl.so owns the state and exports these functions for
// libacl_dvpp.so.
extern "C" {
State* LenetSimState();
ThreadState* LenetSimThread();
}

// Properties of a function, combined with |.
enum Rule : unsigned {
  kAnyTime = 1,        // may be called before aclInit and after aclFinalize
  kNeedsContext = 2,   // the thread needs a current context, or 107002
  kUsesDevice = 4,     // 507010 on a lost device; forbidden after a failure
  kReleases = 8,       // an injected fault is returned after the effect
  kSynchronizes = 16,  // the function itself handles injected faults
  // The graph engine: 145001 before aclInit; 507xxx means an unsuitable model,
  // not a failed device.
  kLoadsModel = 32,
  kDeviceWork = kNeedsContext | kUsesDevice,
};

// One call of an API function: counts and traces it, and checks its rules, the
// injected faults and the state of the device.
class Call {
 public:
  Call(const char* function, unsigned rules);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Unless it is 0, the function returns it (or null, or 0) at once.
  aclError refusal() const { return refusal_; }

  State& state() const { return state_; }
  ThreadState& thread() const { return thread_; }
  Memory& memory() const { return state_.memory; }
  Objects& objects() const { return state_.objects; }
  Site site() const { return site_; }
  const void* context_handle() const { return thread_.context; }
  int device() const { return context_ == nullptr ? 0 : context_->device; }

  // Sets the result and the text for aclGetRecentErrMsg. Returns `code`, or the
  // injected fault if `code` is 0 and the function releases something.
  aclError Result(aclError code, const std::string& text = "");

  // The same, and records a broken rule.
  aclError Violation(aclError code, const std::string& text);

  // Returns 100000 if a pointer is null.
  aclError CheckPointers(std::initializer_list<const void*> pointers);

  // Returns the code with which a synchronisation fails at once, or 0.
  aclError device_error() const;
  // Returns whether the device failed or is lost.
  bool device_failed() const { return state_.failed || lost_; }

  // Finds an object. Returns 100000 for null; the same, and records a
  // violation, for a handle that is not that of a live T.
  template <typename T>
  aclError Get(const void* handle, std::shared_ptr<T>* object) {
    SIM_RETURN_IF_ERROR(CheckPointers({handle}));
    *object = objects().template Find<T>(handle);
    if (*object != nullptr) return ACL_SUCCESS;
    return Violation(
        ACL_ERROR_INVALID_PARAM,
        absl::StrCat("this is no ", T::kKind, ", or it was destroyed before"));
  }

  // Finds a stream; null stands for the default stream of the current context.
  // Returns 107003 and records a violation if it belongs to another context.
  aclError GetStream(aclrtStream handle, std::shared_ptr<Stream>* stream);

  // Queues work. `uses`: memory that must not be freed before the
  // synchronisation.
  void Enqueue(Stream* stream, std::function<aclError()> work,
               std::vector<const void*> uses);

  // Allocates and frees memory as aclrtMalloc and aclrtFree do.
  aclError Allocate(HeapKind heap, void** pointer, size_t size);
  aclError Free(HeapKind heap, void* pointer);

 private:
  aclError CheckRules();

  State& state_;
  ThreadState& thread_;
  std::unique_lock<std::mutex> lock_;
  const unsigned rules_;
  const Site site_;
  std::shared_ptr<Context> context_;
  bool lost_ = false;
  Fault fault_;       // of the call itself, if it has a code
  Fault sync_fault_;  // of its work on the stream, if it has a code or hangs
  aclError result_ = 0;
  aclError refusal_ = 0;
};

// Implements a function that creates a T without arguments.
template <typename T>
void* Create(const char* function) {
  Call call(function, 0);
  if (call.refusal() != 0) return nullptr;
  return call.objects().Add(std::make_shared<T>(), call.site());
}

// Implements a function that destroys a T.
template <typename T>
aclError Destroy(const char* function, const void* handle,
                 bool accepts_null = false) {
  Call call(function, kReleases);
  if (call.refusal() != 0) return call.refusal();
  if (handle == nullptr && accepts_null) return call.Result(ACL_SUCCESS);
  std::shared_ptr<T> object;
  SIM_RETURN_IF_ERROR(call.Get(handle, &object));
  call.objects().Remove(handle);
  return call.Result(ACL_SUCCESS);
}

}  // namespace lenet::ascend::sim

// First line of an API function that returns an aclError.
#define SIM_CALL(rules)       \
  Call call(__func__, rules); \
  if (call.refusal() != 0) return call.refusal()

// First line of an API function that returns `value` on failure.
#define SIM_CALL_OR(rules, value) \
  Call call(__func__, rules);     \
  if (call.refusal() != 0) return value

// Defines `object`, the live object of a handle, or returns the error.
#define SIM_GET(object, T, handle) \
  std::shared_ptr<T> object;       \
  SIM_RETURN_IF_ERROR(call.Get(handle, &object))
#define SIM_GET_STREAM(stream, handle) \
  std::shared_ptr<Stream> stream;      \
  SIM_RETURN_IF_ERROR(call.GetStream(handle, &stream))

#endif  // CC_ASCEND_SIM_SIMULATOR_H_

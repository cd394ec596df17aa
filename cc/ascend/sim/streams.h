#ifndef CC_ASCEND_SIM_STREAMS_H_
#define CC_ASCEND_SIM_STREAMS_H_

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/objects.h"

namespace lenet::ascend::sim {

// Returns ACL_SUCCESS or what the synchronisation is to return.
using Work = std::function<aclError()>;

struct Task {
  Site site;
  Work work;
  // Addresses of memory that must not be freed before the work is done.
  std::vector<const void*> uses;
};

// A queue of work that is done only when somebody synchronises it, by that
// thread. Thread-safe.
class Stream {
 public:
  static constexpr ObjectKind kKind = ObjectKind::kStream;

  explicit Stream(const void* context) : context_(context) {}

  const void* context() const { return context_; }

  // `latency`: time that the work takes on the stream, after what was put there
  // before.
  void Add(Task task, std::chrono::nanoseconds latency);

  // Waits for the latencies, then does the work in order up to the first
  // failure, whose code it returns; the work after it is dropped. `timeout`
  // over: 507046, and nothing is done.
  aclError Synchronize(std::optional<std::chrono::milliseconds> timeout);

  // Forgets all work.
  void Drop();

  // True if there is work that nobody has synchronised.
  bool busy() const;
  // The call whose work waits and uses memory in [begin, end), if any.
  std::optional<Site> User(const char* begin, const char* end) const;

 private:
  const void* const context_;
  mutable std::mutex mutex_;
  std::mutex running_;  // held while work is done, so that it is done in order
  std::deque<Task> tasks_;
  std::chrono::steady_clock::time_point ready_;
};

// A context, explicit or the default one of a device.
struct Context {
  static constexpr ObjectKind kKind = ObjectKind::kContext;
  int device = 0;
  bool is_default = false;
  std::shared_ptr<Stream> default_stream;
};

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_STREAMS_H_

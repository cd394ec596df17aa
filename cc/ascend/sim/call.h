#ifndef CC_ASCEND_SIM_CALL_H_
#define CC_ASCEND_SIM_CALL_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/state.h"

namespace lenet::ascend::sim {

// One call of an API function, from its first line to its end: counts and
// traces it, and checks what RulesOf(function) says, the fault plan and the
// device's health. On the stack only.
//
//   aclError aclmdlDestroyDesc(aclmdlDesc* handle) {
//     SIM_CALL(aclmdlDestroyDesc);
//     std::shared_ptr<ModelDesc> desc;
//     SIM_RETURN_IF_ERROR(call.Get(handle, &desc));
//     call.state().objects().Remove<ModelDesc>(handle);
//     return call.Result(ACL_SUCCESS);
//   }
class Call {
 public:
  explicit Call(Function function);
  ~Call();
  Call(const Call&) = delete;
  Call& operator=(const Call&) = delete;

  // Not 0: the function has to return it (or null, or 0) at once.
  aclError refusal() const { return refusal_; }

  State& state() const { return *state_; }
  Heaps& heaps() const { return state_->heaps(); }
  Objects& objects() const { return state_->objects(); }
  Site site() const { return entry_.site; }

  // What the function returns: `code`, or, if that is 0, the injected fault of
  // a function that releases something. `text`: for aclGetRecentErrMsg.
  aclError Result(aclError code, std::string text = "");

  // The same, and puts the breach of rules on record.
  aclError Violation(ViolationKind kind, aclError code, std::string text);

  // The current context of this thread and its handle. Null only in functions
  // that need none.
  std::shared_ptr<Context> context() const { return context_; }
  const void* context_handle() const { return context_handle_; }
  int device() const { return context_ == nullptr ? 0 : context_->device; }

  // For functions that synchronise: 507010 if the device is lost, the fault of
  // the plan, or 0.
  aclError device_error() const;
  // True once the application was told of a failure of the device.
  bool device_failed() const { return entry_.failed || entry_.lost; }
  // True once the application waited in vain for a stream. Nobody can bring
  // that to rest, so what it uses may be freed.
  bool device_hangs() const { return entry_.hangs; }

  // The live object of a handle. 100000 for null; for a handle that is not, or
  // no longer, one of a T, also a violation of ownership.
  template <typename T>
  aclError Get(const void* handle, std::shared_ptr<T>* object);

  // The stream of a handle, null being the default stream of the current
  // context; 107003 and a violation of order if it is of another context.
  aclError GetStream(aclrtStream handle, std::shared_ptr<Stream>* stream);

  // Puts work on the stream, with the latency and the fault that the plan has
  // for this call. Addresses in `uses` must not be freed before it is done.
  void Enqueue(const std::shared_ptr<Stream>& stream, Work work,
               std::vector<const void*> uses);

  // aclrtMalloc and its kin: 100000 for null or 0, 207001 without memory.
  aclError Allocate(HeapKind heap, void** pointer, size_t size);
  // aclrtFree and its kin: 100000 for null.
  aclError Free(HeapKind heap, void* pointer);

 private:
  aclError CheckRules();

  State* const state_;
  const Rules rules_;
  const State::Entry entry_;
  std::shared_ptr<Context> context_;
  const void* context_handle_ = nullptr;
  bool delayed_ = false;
  aclError result_ = 0;
  aclError refusal_ = 0;
};

template <typename T>
aclError Call::Get(const void* handle, std::shared_ptr<T>* object) {
  if (handle == nullptr) {
    return Result(ACL_ERROR_INVALID_PARAM,
                  absl::StrCat("the ", Name(T::kKind), " is null"));
  }
  *object = objects().template Find<T>(handle);
  if (*object != nullptr) return ACL_SUCCESS;
  return Violation(ViolationKind::kOwnership, ACL_ERROR_INVALID_PARAM,
                   absl::StrCat("this is no ", Name(T::kKind),
                                ", or it was destroyed before"));
}

}  // namespace lenet::ascend::sim

// First line of an API function that returns an aclError.
#define SIM_CALL(name)                                                   \
  ::lenet::ascend::sim::Call call(::lenet::ascend::sim::Function::name); \
  if (call.refusal() != 0) return call.refusal()

// The same where something else is returned: `value` after a refusal.
#define SIM_CALL_OR(name, value)                                         \
  ::lenet::ascend::sim::Call call(::lenet::ascend::sim::Function::name); \
  if (call.refusal() != 0) return value

#define SIM_RETURN_IF_ERROR(expression)                                  \
  if (const aclError lenet_sim_code = (expression); lenet_sim_code != 0) \
  return lenet_sim_code

#endif  // CC_ASCEND_SIM_CALL_H_

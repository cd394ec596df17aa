#include "cc/ascend/sim/call.h"

#include <chrono>
#include <optional>
#include <thread>

namespace lenet::ascend::sim {

Call::Call(Function function)
    : state_(LenetSimState()),
      rules_(RulesOf(function)),
      entry_(state_->Enter(function)) {
  context_handle_ = LenetSimThread()->context;
  context_ = objects().Find<Context>(context_handle_);
  if (context_ == nullptr) context_handle_ = nullptr;
  refusal_ = CheckRules();
}

Call::~Call() {
  // A refused call has done nothing that could take time.
  if (!delayed_ && refusal_ == 0 && entry_.latency.count() > 0) {
    std::this_thread::sleep_for(entry_.latency);
  }
  state_->Leave(entry_.site, result_);
}

aclError Call::CheckRules() {
  if (rules_.needs_init && !entry_.initialized) {
    return Violation(ViolationKind::kOrder, rules_.without_init,
                     "called before aclInit or after aclFinalize");
  }
  if (rules_.needs_context && context_ == nullptr) {
    return Violation(ViolationKind::kOrder, ACL_ERROR_RT_CONTEXT_NULL,
                     "this thread has no current context, or it was destroyed");
  }
  if (rules_.uses_device && entry_.failed) {
    Violation(ViolationKind::kOrder, 0,
              "the device is used although a call before said that it failed");
  }
  if (rules_.uses_device && entry_.lost) {
    return Result(ACL_ERROR_RT_LOST_HEARTBEAT, "the device is lost");
  }
  if (entry_.fault != 0 && !rules_.releases && !rules_.synchronizes) {
    return Result(entry_.fault, "a fault that the test has planned");
  }
  return ACL_SUCCESS;
}

aclError Call::device_error() const {
  return entry_.lost ? ACL_ERROR_RT_LOST_HEARTBEAT : entry_.fault;
}

aclError Call::Result(aclError code, std::string text) {
  if (code == ACL_SUCCESS && rules_.releases) {
    code = entry_.fault;
    text = "a fault that the test has planned";
  }
  result_ = code;
  if (code != ACL_SUCCESS) {
    LenetSimThread()->error =
        absl::StrCat("simulator: ", Name(entry_.site.function), ", call #",
                     entry_.site.number, ": ", text);
  }
  return code;
}

aclError Call::Violation(ViolationKind kind, aclError code, std::string text) {
  state_->AddViolation({kind, entry_.site, text});
  return Result(code, std::move(text));
}

aclError Call::GetStream(aclrtStream handle, std::shared_ptr<Stream>* stream) {
  if (handle == nullptr) {
    *stream = context_->default_stream;
    return ACL_SUCCESS;
  }
  SIM_RETURN_IF_ERROR(Get(handle, stream));
  if ((*stream)->context() == context_handle_) return ACL_SUCCESS;
  return Violation(ViolationKind::kOrder, ACL_ERROR_RT_STREAM_CONTEXT,
                   "the stream is not of the current context");
}

void Call::Enqueue(const std::shared_ptr<Stream>& stream, Work work,
                   std::vector<const void*> uses) {
  delayed_ = true;
  if (entry_.sync_fault != 0) {
    work = [code = entry_.sync_fault] { return code; };
  }
  stream->Add(Task{entry_.site, std::move(work), std::move(uses)},
              entry_.latency);
}

}  // namespace lenet::ascend::sim

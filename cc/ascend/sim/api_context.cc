// Of libascendcl.so: contexts and streams.

#include <chrono>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/objects.h"
#include "cc/ascend/sim/state.h"
#include "cc/ascend/sim/streams.h"

namespace lenet::ascend::sim {
namespace {

aclError CreateContext(Call& call, aclrtContext* handle, int32_t device) {
  if (handle == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "the result's address is null");
  }
  if (!call.state().HasDevice(device)) {
    return call.Result(ACL_ERROR_RT_INVALID_DEVICEID,
                       absl::StrCat("there is no device ", device));
  }
  if (call.state().device(device).references == 0) {
    return call.Violation(ViolationKind::kOrder, ACL_ERROR_RT_PARAM_INVALID,
                          absl::StrCat("device ", device, " was not set"));
  }
  auto context = std::make_shared<Context>();
  context->device = device;
  *handle = call.objects().Add(context, call.site());
  context->default_stream = std::make_shared<Stream>(*handle);
  LenetSimThread()->context = *handle;
  return call.Result(ACL_SUCCESS);
}

aclError DestroyContext(Call& call, aclrtContext handle) {
  std::shared_ptr<Context> context;
  SIM_RETURN_IF_ERROR(call.Get(handle, &context));
  if (context->is_default) {
    return call.Violation(ViolationKind::kOrder, ACL_ERROR_RT_PARAM_INVALID,
                          "the default context is not to be destroyed by hand");
  }
  for (const Object& object : call.objects().LiveOf(handle)) {
    call.Violation(ViolationKind::kOrder, 0,
                   absl::StrCat("a ", Name(object.kind), " of call #",
                                object.site.number, " lives in the context"));
  }
  if (context->default_stream->busy() && !call.device_failed()) {
    call.Violation(ViolationKind::kOrder, 0,
                   "the context's default stream has work that was not "
                   "synchronised");
  }
  call.objects().Remove<Context>(handle);
  return call.Result(ACL_SUCCESS);
}

aclError DestroyStream(Call& call, aclrtStream handle) {
  if (handle == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "the stream is null");
  }
  std::shared_ptr<Stream> stream;
  SIM_RETURN_IF_ERROR(call.GetStream(handle, &stream));
  // Work that a dead device never did can only be forgotten.
  if (stream->busy() && !call.device_failed()) {
    call.Violation(ViolationKind::kOrder, 0,
                   "the stream has work that was not synchronised");
  }
  stream->Drop();
  call.objects().Remove<Stream>(handle);
  return call.Result(ACL_SUCCESS);
}

aclError Synchronize(Call& call, aclrtStream handle,
                     std::optional<std::chrono::milliseconds> timeout) {
  std::shared_ptr<Stream> stream;
  SIM_RETURN_IF_ERROR(call.GetStream(handle, &stream));
  const aclError error = call.device_error();
  if (error != ACL_SUCCESS) {
    stream->Drop();
    return call.Result(error, "the device failed, by the plan of the test");
  }
  return call.Result(stream->Synchronize(timeout),
                     "work on the stream failed, or it did not end in time");
}

}  // namespace
}  // namespace lenet::ascend::sim

using lenet::ascend::sim::Stream;

extern "C" {

aclError aclrtCreateContext(aclrtContext* context, int32_t device) {
  SIM_CALL(aclrtCreateContext);
  return lenet::ascend::sim::CreateContext(call, context, device);
}

aclError aclrtDestroyContext(aclrtContext context) {
  SIM_CALL(aclrtDestroyContext);
  return lenet::ascend::sim::DestroyContext(call, context);
}

aclError aclrtCreateStream(aclrtStream* stream) {
  SIM_CALL(aclrtCreateStream);
  if (stream == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "the result's address is null");
  }
  const void* const context = call.context_handle();
  *stream = call.objects().Add(std::make_shared<Stream>(context), call.site(),
                               context);
  return call.Result(ACL_SUCCESS);
}

aclError aclrtDestroyStream(aclrtStream stream) {
  SIM_CALL(aclrtDestroyStream);
  return lenet::ascend::sim::DestroyStream(call, stream);
}

aclError aclrtSynchronizeStream(aclrtStream stream) {
  SIM_CALL(aclrtSynchronizeStream);
  return lenet::ascend::sim::Synchronize(call, stream, std::nullopt);
}

aclError aclrtSynchronizeStreamWithTimeout(aclrtStream stream,
                                           int32_t milliseconds) {
  SIM_CALL(aclrtSynchronizeStreamWithTimeout);
  // -1 is to wait without end; 0 and less than -1 are not allowed.
  if (milliseconds < -1 || milliseconds == 0) {
    return call.Result(ACL_ERROR_RT_PARAM_INVALID,
                       "the timeout must be positive, or -1");
  }
  std::optional<std::chrono::milliseconds> timeout;
  if (milliseconds > 0) timeout.emplace(milliseconds);
  return lenet::ascend::sim::Synchronize(call, stream, timeout);
}

}  // extern "C"

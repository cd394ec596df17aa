// Of libascendcl.so: devices.

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/state.h"

namespace lenet::ascend::sim {
namespace {

aclError NoSuchDevice(Call& call, int32_t device) {
  return call.Result(ACL_ERROR_RT_INVALID_DEVICEID,
                     absl::StrCat("there is no device ", device, " among ",
                                  call.state().settings().devices));
}

// What of the device lives but should have been released before it is reset:
// "2 contexts, ...". The default context is not the application's.
size_t CountLive(Call& call, int32_t device, const void* default_context) {
  size_t live = call.objects().LiveOf(default_context).size();
  for (const Object& object : call.objects().Live()) {
    if (object.kind != ObjectKind::kContext) continue;
    if (object.handle == default_context) continue;
    const auto context = std::static_pointer_cast<Context>(object.value);
    if (context->device == device) ++live;
  }
  for (const Block& block : call.heaps().LiveBlocks()) {
    if (block.device == device) ++live;
  }
  return live;
}

aclError Reset(Call& call, int32_t device) {
  const Device before = call.state().device(device);
  if (before.references == 0) {
    return call.Violation(
        ViolationKind::kOrder, ACL_ERROR_RT_INVALID_DEVICEID,
        absl::StrCat("device ", device, " was not set, or was reset before"));
  }
  if (!call.state().DropReference(device)) return call.Result(ACL_SUCCESS);
  const auto context = call.objects().Find<Context>(before.default_context);
  // The reset waits for the default stream, and for no other.
  if (!call.device_failed()) {
    context->default_stream->Synchronize(std::nullopt);
  }
  context->default_stream->Drop();
  const size_t live = CountLive(call, device, before.default_context);
  if (live != 0) {
    call.Violation(ViolationKind::kOrder, 0,
                   absl::StrCat(live,
                                " contexts, streams, models, channels and "
                                "blocks of memory of device ",
                                device, " live"));
  }
  call.state().RemoveDefaultContext(device);
  return call.Result(ACL_SUCCESS);
}

}  // namespace
}  // namespace lenet::ascend::sim

using lenet::ascend::sim::NoSuchDevice;
using lenet::ascend::sim::Profile;

extern "C" {

aclError aclrtGetDeviceCount(uint32_t* count) {
  SIM_CALL(aclrtGetDeviceCount);
  if (count == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "the result's address is null");
  }
  const lenet::ascend::sim::Settings& settings = call.state().settings();
  *count = static_cast<uint32_t>(settings.devices);
  // Newer libraries say so at once; older ones count none.
  if (settings.devices == 0 && settings.profile == Profile::kModern) {
    return call.Result(ACL_ERROR_RT_NO_DEVICE, "there is no device");
  }
  return call.Result(ACL_SUCCESS);
}

aclError aclrtSetDevice(int32_t device) {
  SIM_CALL(aclrtSetDevice);
  if (!call.state().HasDevice(device)) return NoSuchDevice(call, device);
  LenetSimThread()->context = call.state().SetDevice(device, call.site());
  return call.Result(ACL_SUCCESS);
}

aclError aclrtResetDevice(int32_t device) {
  SIM_CALL(aclrtResetDevice);
  if (!call.state().HasDevice(device)) return NoSuchDevice(call, device);
  return lenet::ascend::sim::Reset(call, device);
}

aclError aclrtGetRunMode(aclrtRunMode* mode) {
  SIM_CALL(aclrtGetRunMode);
  if (mode == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "the result's address is null");
  }
  *mode = call.state().settings().run_mode;
  return call.Result(ACL_SUCCESS);
}

// An Ascend 310 has DDR memory and no HBM.
aclError aclrtGetMemInfo(aclrtMemAttr kind, size_t* free, size_t* total) {
  SIM_CALL(aclrtGetMemInfo);
  if (free == nullptr || total == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "a result's address is null");
  }
  const size_t memory = kind == ACL_HBM_MEM ? 0 : call.heaps().memory();
  *total = memory;
  *free = memory == 0 ? 0 : memory - call.heaps().used(call.device());
  return call.Result(ACL_SUCCESS);
}

}  // extern "C"

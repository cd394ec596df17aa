// Of libacl_dvpp.so: channels and descriptions of pictures.

#include <memory>

#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/pictures.h"

using lenet::ascend::sim::Channel;
using lenet::ascend::sim::ChannelDesc;
using lenet::ascend::sim::PicDesc;
using lenet::ascend::sim::ResizeConfig;
using lenet::ascend::sim::ViolationKind;

extern "C" {

acldvppChannelDesc* acldvppCreateChannelDesc() {
  SIM_CALL_OR(acldvppCreateChannelDesc, nullptr);
  return static_cast<acldvppChannelDesc*>(
      call.objects().Add(std::make_shared<ChannelDesc>(), call.site()));
}

// Null is fine for the three functions that destroy descriptions.
aclError acldvppDestroyChannelDesc(acldvppChannelDesc* handle) {
  SIM_CALL(acldvppDestroyChannelDesc);
  if (handle == nullptr) return call.Result(ACL_SUCCESS);
  std::shared_ptr<ChannelDesc> desc;
  SIM_RETURN_IF_ERROR(call.Get(handle, &desc));
  if (desc->channel != nullptr) {
    return call.Violation(ViolationKind::kOrder,
                          ACL_ERROR_RELATIVE_RESOURCE_NOT_CLEARED,
                          "the channel of the description lives");
  }
  call.objects().Remove<ChannelDesc>(handle);
  return call.Result(ACL_SUCCESS);
}

aclError acldvppCreateChannel(acldvppChannelDesc* handle) {
  SIM_CALL(acldvppCreateChannel);
  std::shared_ptr<ChannelDesc> desc;
  SIM_RETURN_IF_ERROR(call.Get(handle, &desc));
  if (desc->channel != nullptr) {
    return call.Violation(ViolationKind::kOrder, ACL_ERROR_INVALID_PARAM,
                          "the description has a channel already");
  }
  desc->channel = call.objects().Add(std::make_shared<Channel>(), call.site(),
                                     call.context_handle());
  return call.Result(ACL_SUCCESS);
}

aclError acldvppDestroyChannel(acldvppChannelDesc* handle) {
  SIM_CALL(acldvppDestroyChannel);
  std::shared_ptr<ChannelDesc> desc;
  SIM_RETURN_IF_ERROR(call.Get(handle, &desc));
  if (desc->channel == nullptr) {
    return call.Violation(ViolationKind::kOrder, ACL_ERROR_INVALID_PARAM,
                          "the description has no channel");
  }
  call.objects().Remove<Channel>(desc->channel);
  desc->channel = nullptr;
  return call.Result(ACL_SUCCESS);
}

acldvppPicDesc* acldvppCreatePicDesc() {
  SIM_CALL_OR(acldvppCreatePicDesc, nullptr);
  return static_cast<acldvppPicDesc*>(
      call.objects().Add(std::make_shared<PicDesc>(), call.site()));
}

aclError acldvppDestroyPicDesc(acldvppPicDesc* handle) {
  SIM_CALL(acldvppDestroyPicDesc);
  if (handle == nullptr) return call.Result(ACL_SUCCESS);
  std::shared_ptr<PicDesc> picture;
  SIM_RETURN_IF_ERROR(call.Get(handle, &picture));
  call.objects().Remove<PicDesc>(handle);
  return call.Result(ACL_SUCCESS);
}

acldvppResizeConfig* acldvppCreateResizeConfig() {
  SIM_CALL_OR(acldvppCreateResizeConfig, nullptr);
  return static_cast<acldvppResizeConfig*>(
      call.objects().Add(std::make_shared<ResizeConfig>(), call.site()));
}

aclError acldvppDestroyResizeConfig(acldvppResizeConfig* handle) {
  SIM_CALL(acldvppDestroyResizeConfig);
  if (handle == nullptr) return call.Result(ACL_SUCCESS);
  std::shared_ptr<ResizeConfig> config;
  SIM_RETURN_IF_ERROR(call.Get(handle, &config));
  call.objects().Remove<ResizeConfig>(handle);
  return call.Result(ACL_SUCCESS);
}

aclError acldvppSetResizeConfigInterpolation(acldvppResizeConfig* handle,
                                             uint32_t interpolation) {
  SIM_CALL(acldvppSetResizeConfigInterpolation);
  std::shared_ptr<ResizeConfig> config;
  SIM_RETURN_IF_ERROR(call.Get(handle, &config));
  constexpr uint32_t kLast = 4;
  if (interpolation > kLast) {
    return call.Result(ACL_ERROR_FEATURE_UNSUPPORTED, "unknown interpolation");
  }
  config->interpolation = interpolation;
  return call.Result(ACL_SUCCESS);
}

// Setters look at nothing but the description; getters give 0 for null.
#define LENET_SIM_PIC_DESC_SET(Name, type, member)                       \
  aclError acldvppSetPicDesc##Name(acldvppPicDesc* handle, type value) { \
    SIM_CALL(acldvppSetPicDesc##Name);                                   \
    std::shared_ptr<PicDesc> picture;                                    \
    SIM_RETURN_IF_ERROR(call.Get(handle, &picture));                     \
    picture->member = value;                                             \
    return call.Result(ACL_SUCCESS);                                     \
  }
#define LENET_SIM_PIC_DESC(Name, member)                           \
  LENET_SIM_PIC_DESC_SET(Name, uint32_t, member)                   \
  uint32_t acldvppGetPicDesc##Name(const acldvppPicDesc* handle) { \
    SIM_CALL_OR(acldvppGetPicDesc##Name, 0);                       \
    std::shared_ptr<PicDesc> picture;                              \
    if (call.Get(handle, &picture) != ACL_SUCCESS) return 0;       \
    return picture->member;                                        \
  }

LENET_SIM_PIC_DESC_SET(Data, void*, data)
LENET_SIM_PIC_DESC_SET(Size, uint32_t, size)
LENET_SIM_PIC_DESC_SET(Format, acldvppPixelFormat, format)
LENET_SIM_PIC_DESC(Width, width)
LENET_SIM_PIC_DESC(Height, height)
LENET_SIM_PIC_DESC(WidthStride, width_stride)
LENET_SIM_PIC_DESC(HeightStride, height_stride)

#undef LENET_SIM_PIC_DESC_SET
#undef LENET_SIM_PIC_DESC

uint32_t acldvppGetPicDescRetCode(const acldvppPicDesc* handle) {
  SIM_CALL_OR(acldvppGetPicDescRetCode, 0);
  std::shared_ptr<PicDesc> picture;
  if (call.Get(handle, &picture) != ACL_SUCCESS) return 0;
  return picture->ret_code;
}

}  // extern "C"

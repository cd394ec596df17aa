#include "cc/ascend/sim/functions.h"

#include <array>

namespace lenet::ascend::sim {
namespace {

constexpr std::array<const char*, kFunctionCount> kNames = {
#define ACL_FUNCTION(result, name, parameters) #name,
#define ACL_OPTIONAL_FUNCTION ACL_FUNCTION
#define DVPP_FUNCTION ACL_FUNCTION
#include "cc/ascend/acl_functions.inc"
};

Rules WithoutInit() {
  Rules rules;
  rules.needs_init = false;
  return rules;
}

// Works with the device by way of the current context.
Rules DeviceWork() {
  Rules rules;
  rules.needs_context = true;
  rules.uses_device = true;
  return rules;
}

Rules DeviceStart() {
  Rules rules;
  rules.uses_device = true;
  return rules;
}

Rules ModelLoad() {
  Rules rules = DeviceWork();
  rules.without_init = ACL_ERROR_GE_EXEC_NOT_INIT;
  rules.failure_is_of_device = false;
  return rules;
}

Rules Release() {
  Rules rules;
  rules.releases = true;
  return rules;
}

Rules ReleaseInContext() {
  Rules rules = Release();
  rules.needs_context = true;
  return rules;
}

Rules Synchronization() {
  Rules rules;
  rules.needs_context = true;
  rules.synchronizes = true;
  return rules;
}

Rules FinalRelease() {
  Rules rules = Release();
  rules.needs_init = false;  // aclFinalize has a code of its own for it
  return rules;
}

}  // namespace

const char* Name(Function function) {
  return kNames[static_cast<size_t>(function)];
}

std::optional<Function> FindFunction(absl::string_view name) {
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (kNames[i] == name) return static_cast<Function>(i);
  }
  return std::nullopt;
}

Rules RulesOf(Function function) {
  switch (function) {
    case Function::aclInit:
    case Function::aclrtGetVersion:
    case Function::aclGetRecentErrMsg:
    case Function::aclrtGetSocName:
      return WithoutInit();
    case Function::aclFinalize:
      return FinalRelease();
    case Function::aclrtSetDevice:
    case Function::aclrtCreateContext:
      return DeviceStart();
    case Function::aclrtCreateStream:
    case Function::aclrtGetMemInfo:
    case Function::aclrtMalloc:
    case Function::aclrtMallocHost:
    case Function::aclrtMemset:
    case Function::aclrtMemcpy:
    case Function::aclrtMemcpyAsync:
    case Function::aclmdlSetDynamicBatchSize:
    case Function::aclmdlExecute:
    case Function::aclmdlExecuteAsync:
    case Function::acldvppMalloc:
    case Function::acldvppCreateChannel:
    case Function::acldvppJpegDecodeAsync:
    case Function::acldvppVpcResizeAsync:
      return DeviceWork();
    case Function::aclmdlLoadFromFile:
      return ModelLoad();
    case Function::aclrtResetDevice:
    case Function::aclrtDestroyContext:
    case Function::aclDestroyDataBuffer:
    case Function::aclmdlDestroyDataset:
    case Function::aclmdlDestroyDesc:
    case Function::acldvppDestroyChannelDesc:
    case Function::acldvppDestroyPicDesc:
    case Function::acldvppDestroyResizeConfig:
      return Release();
    case Function::aclrtDestroyStream:
    case Function::aclrtFree:
    case Function::aclrtFreeHost:
    case Function::aclmdlUnload:
    case Function::acldvppFree:
    case Function::acldvppDestroyChannel:
      return ReleaseInContext();
    case Function::aclrtSynchronizeStream:
    case Function::aclrtSynchronizeStreamWithTimeout:
      return Synchronization();
    default:
      return Rules();
  }
}

}  // namespace lenet::ascend::sim

#include "cc/engine/lite_plugin.h"

#include <dlfcn.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/ascend/installation.h"
#include "cc/base/status_macros.h"
#include "cc/engine/registry.h"

namespace lenet {
namespace {

absl::Status NotLoaded(const std::string& reason) {
  return absl::UnavailableError(absl::StrCat(
      "the engine lite cannot be loaded: ", reason,
      "; start the program by `bazel run //cc:infer310`, or lay ",
      "infer310_lite.so and the libraries of MindSpore Lite beside it; or ",
      "run on the CPU by --engine=native"));
}

std::string LoadError() {
  const char* const reason = dlerror();
  return reason == nullptr ? "unknown reason" : reason;
}

const EngineRegistration kRegistration("lite", /*priority=*/0,
                                       &CreatePluginEngine);

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> CreatePluginEngine(
    const EngineOptions& options) {
  if (options.device_target == DeviceTarget::kAscend310) {
    LENET_RETURN_IF_ERROR(ascend::CheckInstallation(options.device_id));
  }
  if (options.lite_plugin.empty()) {
    return NotLoaded("there is no infer310_lite.so beside this program");
  }
  // Never closed: the engine's code is in it.
  void* const library =
      dlopen(options.lite_plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return NotLoaded(LoadError());
  auto* const create = reinterpret_cast<decltype(&LenetCreateLiteEngine2)>(
      dlsym(library, kLitePluginFunction));
  if (create == nullptr) {
    return NotLoaded(absl::StrCat(LoadError(), " (it is of another build)"));
  }
  absl::StatusOr<std::unique_ptr<Engine>> engine =
      absl::InternalError("the plug-in did nothing");
  create(options, &engine);
  return engine;
}

}  // namespace lenet

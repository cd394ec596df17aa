#include "cc/engine/lite_plugin.h"

#include <dlfcn.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lenet {
namespace {

absl::Status NotLoaded(const std::string& reason) {
  return absl::UnavailableError(absl::StrCat(
      "the engine lite cannot be loaded: ", reason,
      "; add MindSpore Lite as the README beside this program says, or use "
      "--engine=native on the CPU"));
}

std::string LoadError() {
  const char* const reason = dlerror();
  return reason == nullptr ? "unknown reason" : reason;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> CreateLiteEngine(
    const EngineOptions& options) {
  if (options.lite_plugin.empty()) {
    return NotLoaded("there is no infer310_lite.so here, see //cc:deploy");
  }
  // Never closed, because the code of the engine is in the library.
  void* const library =
      dlopen(options.lite_plugin.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return NotLoaded(LoadError());
  auto* const create = reinterpret_cast<decltype(&LenetCreateLiteEngine3)>(
      dlsym(library, "LenetCreateLiteEngine3"));
  if (create == nullptr) {
    return NotLoaded(absl::StrCat(LoadError(), " (it is of another build)"));
  }
  absl::StatusOr<std::unique_ptr<Engine>> engine =
      absl::InternalError("the plug-in returned nothing");
  create(options, &engine);
  return engine;
}

}  // namespace lenet

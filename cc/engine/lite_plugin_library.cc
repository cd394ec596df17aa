// What the shared library of engine lite exports.

#include "cc/engine/lite_engine.h"
#include "cc/engine/lite_plugin.h"

namespace lenet {

extern "C" __attribute__((visibility("default"))) void LenetCreateLiteEngine2(
    const EngineOptions& options,
    absl::StatusOr<std::unique_ptr<Engine>>* result) {
  *result = CreateLiteEngine(options);
}

}  // namespace lenet

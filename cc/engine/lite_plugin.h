#ifndef CC_ENGINE_LITE_PLUGIN_H_
#define CC_ENGINE_LITE_PLUGIN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cc/engine/engine.h"

// The engine lite, and with it MindSpore Lite, is in a shared library of its
// own, so that a program needs neither unless it is asked for.

namespace lenet {

// Of the shared library, by a build of the same sources: the types are those of
// C++. The number changes with them.
extern "C" void LenetCreateLiteEngine2(
    const EngineOptions& options,
    absl::StatusOr<std::unique_ptr<Engine>>* result);

inline constexpr char kLitePluginFunction[] = "LenetCreateLiteEngine2";

// Loads options.lite_plugin and creates its engine: see CreateLiteEngine.
// Registered as "lite". Unavailable, with the remedy, if the library is not
// there or cannot be loaded, and without loading it for an Ascend that is not
// there. The library stays loaded.
absl::StatusOr<std::unique_ptr<Engine>> CreatePluginEngine(
    const EngineOptions& options);

}  // namespace lenet

#endif  // CC_ENGINE_LITE_PLUGIN_H_

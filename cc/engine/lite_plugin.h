#ifndef CC_ENGINE_LITE_PLUGIN_H_
#define CC_ENGINE_LITE_PLUGIN_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cc/engine/engine.h"

// The engine lite is a shared library, so that a program needs MindSpore Lite
// only when it uses this engine.

namespace lenet {

// Function that the shared library exports. The arguments are C++ types, so
// both sides must be built from the same sources; a change of these types
// changes the number in the name.
extern "C" void LenetCreateLiteEngine3(
    const EngineOptions& options,
    absl::StatusOr<std::unique_ptr<Engine>>* result);

// Loads options.lite_plugin and returns its engine: MindSpore Lite 2.0 on the
// Ascend 310 for kAscend310, else on the CPU. It reads MindIR of version 1
// to 3. The library stays loaded. Errors:
//   Unavailable      the library is missing or cannot be loaded (the message
//                    says how to get it), or the Ascend cannot run the model
//   InvalidArgument  an aipp_path is given for the CPU, or the model is damaged
//                    or is not a classifier of one-channel images
//   NotFound, ...    the model cannot be read
absl::StatusOr<std::unique_ptr<Engine>> CreateLiteEngine(
    const EngineOptions& options);

}  // namespace lenet

#endif  // CC_ENGINE_LITE_PLUGIN_H_

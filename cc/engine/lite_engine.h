#ifndef CC_ENGINE_LITE_ENGINE_H_
#define CC_ENGINE_LITE_ENGINE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cc/engine/engine.h"

namespace lenet {

// MindSpore Lite 2.0 on a CPU, or on an Ascend 310 where its driver and CANN
// are installed. Reads MindIR of version 1 to 3. Programs have it as a shared
// library: see lite_plugin.h.
//
// kAuto takes the Ascend if it is there, otherwise the CPU. kAscend310 is
// Unavailable, with the reason, where it is not. An aipp_path is refused
// (InvalidArgument) on a CPU.
absl::StatusOr<std::unique_ptr<Engine>> CreateLiteEngine(
    const EngineOptions& options);

}  // namespace lenet

#endif  // CC_ENGINE_LITE_ENGINE_H_

#ifndef CC_ENGINE_NATIVE_ENGINE_H_
#define CC_ENGINE_NATIVE_ENGINE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cc/engine/engine.h"

namespace lenet {

// Returns an engine that runs a MindIR (version 1 to 3) with this project's own
// kernels on the CPU. The images of a batch are divided among the threads; a
// batch of 1 uses one thread. Running a batch allocates no memory. If the model
// ends with an argmax, the engine returns the logits that the argmax takes.
// Errors:
//   Unavailable      the device target is kAscend310
//   InvalidArgument  an aipp_path is given, or the model is damaged, is not a
//                    classifier of one-channel images or has an unsupported
//                    operator, which is named
//   NotFound, ...    the model cannot be read
absl::StatusOr<std::unique_ptr<Engine>> CreateNativeEngine(
    const EngineOptions& options);

}  // namespace lenet

#endif  // CC_ENGINE_NATIVE_ENGINE_H_

#ifndef CC_ENGINE_NATIVE_ENGINE_H_
#define CC_ENGINE_NATIVE_ENGINE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cc/engine/engine.h"

namespace lenet {

// Own kernels on the CPU, nothing else needed. Reads MindIR of version 1 to 3.
// Registered as "native"; `auto` takes it unless there is an Ascend to run on.
//
// A batch is shared out among the threads, images stay whole: a batch of 1
// takes one thread. Running one allocates nothing.
//
// kAscend310 is Unavailable. An aipp_path is refused (InvalidArgument), as is a
// model with an operator that is not implemented: the message names it.
absl::StatusOr<std::unique_ptr<Engine>> CreateNativeEngine(
    const EngineOptions& options);

}  // namespace lenet

#endif  // CC_ENGINE_NATIVE_ENGINE_H_

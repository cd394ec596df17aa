#ifndef CC_INFERENCE_ENGINE_CHOICE_H_
#define CC_INFERENCE_ENGINE_CHOICE_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/engine/registry.h"
#include "cc/inference/options.h"

namespace lenet {

// Whether model, engine, device and --cpu_dvpp go together, as far as the
// engine does not check it itself. InvalidArgument, or Unavailable for DVPP
// without an Ascend; messages name the flag to change. Fast; of the model only
// the kind is looked at.
absl::Status CheckChoice(const Infer310Options& options);

// Creates the engine and checks batch and image size against the model. Says on
// stderr where it runs; where `auto` found an Ascend that cannot be used, and
// runs on the CPU, why. Errors: those of CreateEngine; InvalidArgument.
absl::StatusOr<CreatedEngine> OpenEngine(const Infer310Options& options);

}  // namespace lenet

#endif  // CC_INFERENCE_ENGINE_CHOICE_H_

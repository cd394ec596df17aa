#ifndef CC_INFERENCE_ENGINE_CHOICE_H_
#define CC_INFERENCE_ENGINE_CHOICE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/acl_engine.h"
#include "cc/ascend/installation.h"
#include "cc/engine/engine.h"
#include "cc/engine/lite_plugin.h"
#include "cc/engine/native_engine.h"
#include "cc/inference/options.h"

namespace lenet {

using EngineFactory =
    absl::StatusOr<std::unique_ptr<Engine>> (*)(const EngineOptions& options);

// One function per engine that opens it, and the check for a usable Ascend.
// Tests replace them.
struct EngineFactories {
  EngineFactory native = &CreateNativeEngine;
  EngineFactory lite = &CreateLiteEngine;
  EngineFactory acl = [](const EngineOptions& options) {
    return CreateAclEngine(options);
  };
  absl::Status (*check_ascend)(int device_id) = [](int device_id) {
    return ascend::CheckInstallation(device_id);
  };
};

// Returns whether model, engine, device and --cpu_dvpp can be used together, as
// far as no engine checks it. InvalidArgument, or Unavailable for DVPP without
// an Ascend; the message names the flag to change. Reads only the model's type.
absl::Status CheckChoice(const Infer310Options& options);

struct CreatedEngine {
  std::string name;
  std::unique_ptr<Engine> engine;
};

// Opens the engine options.engine and checks batch and image size against the
// model. "auto" opens acl for an OM; for a MindIR it opens lite if the Ascend
// is to be used and usable, else native. If lite is Unavailable and the device
// target is kAuto, "auto" opens native instead. Prints engine and device to
// stderr, with a warning if "auto" did not use an Ascend that is present.
// Errors: those of the engine; Unavailable, with the reason, if the Ascend is
// asked for and not usable; InvalidArgument for a wrong size.
absl::StatusOr<CreatedEngine> OpenEngine(const Infer310Options& options,
                                         const EngineFactories& factories = {});

}  // namespace lenet

#endif  // CC_INFERENCE_ENGINE_CHOICE_H_

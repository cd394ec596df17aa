#include "cc/inference/engine_choice.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cc/ascend/manifest.h"
#include "cc/base/error.h"

namespace lenet {
namespace {

absl::Status CheckDvpp(const Infer310Options& options, bool om) {
  if (options.device_target == DeviceTarget::kCpu) {
    return InvalidArgument(
        "cpu_dvpp=DVPP needs an Ascend 310, but device_target is CPU; give "
        "--cpu_dvpp=CPU, or no --device_target");
  }
  const absl::Status ascend = ascend::CheckInstallation(options.device_id);
  if (!ascend.ok()) {
    return absl::UnavailableError(absl::StrCat(
        "cpu_dvpp=DVPP needs an Ascend 310; give --cpu_dvpp=CPU to "
        "decode on the CPU. ",
        ascend.message()));
  }
  if (om) return absl::OkStatus();
  return InvalidArgument(
      "cpu_dvpp=DVPP needs an OM with AIPP, and ", options.model_path,
      " is not an OM; convert the model's ONNX (bazel run //tools:to_om -- ",
      "--aipp), or give --cpu_dvpp=CPU");
}

absl::Status CheckModelFits(const Infer310Options& options,
                            const Engine& engine) {
  const std::vector<int64_t>& shape = engine.input().shape;
  const bool gears = engine.dynamic_batch();
  if (gears ? options.batch_size > shape[0] : options.batch_size != shape[0]) {
    return InvalidArgument(
        options.model_path, ": the model takes batches of ",
        gears ? "up to " : "", shape[0], ", --batch_size is ",
        options.batch_size, "; give --batch_size=", shape[0],
        gears ? " or less, or convert the model with --dynamic_batch"
              : ", or export the model with another batch_size");
  }
  if (shape[2] != options.image_height || shape[3] != options.image_width) {
    return InvalidArgument(options.model_path, ": the model takes images of ",
                           shape[2], "x", shape[3],
                           ", --image_height and --image_width are ",
                           options.image_height, "x", options.image_width);
  }
  return absl::OkStatus();
}

// `ascend` is the error of an Ascend that is present.
void PrintEngine(const Infer310Options& options, const CreatedEngine& created,
                 const absl::Status& ascend) {
  if (!ascend.ok()) {
    std::fprintf(stderr,
                 "infer310: warning: there is an Ascend, but it cannot be "
                 "used: %s\n",
                 std::string(ascend.message()).c_str());
  }
  if (options.device_id != 0 && created.engine->device() == "CPU") {
    std::fprintf(stderr, "infer310: --device_id has no effect on the CPU\n");
  }
  const std::string soc = created.engine->counters().soc_name;
  std::fprintf(stderr, "infer310: engine %s on %s%s%s\n", created.name.c_str(),
               created.engine->device().c_str(),
               soc.empty() ? "" : absl::StrCat(", chip ", soc).c_str(),
               options.device_target == DeviceTarget::kAuto
                   ? " (--device_target=auto)"
                   : "");
}

}  // namespace

absl::Status CheckChoice(const Infer310Options& options) {
  const bool om = ascend::IsOmFile(options.model_path);
  if (om && (options.engine == "native" || options.engine == "lite")) {
    return InvalidArgument(
        options.model_path, " is an OM, which the engine ", options.engine,
        " does not read; give --engine=acl, or the MindIR of the model");
  }
  return options.dvpp ? CheckDvpp(options, om) : absl::OkStatus();
}

absl::StatusOr<CreatedEngine> OpenEngine(const Infer310Options& options,
                                         const EngineFactories& factories) {
  EngineOptions engine_options = options;
  const bool any_device = options.device_target == DeviceTarget::kAuto;
  const bool automatic = options.engine == "auto";
  const bool om = ascend::IsOmFile(options.model_path);
  CreatedEngine created;
  created.name = automatic && om ? "acl" : options.engine;
  absl::Status ascend;
  if (created.name == "auto" || created.name == "lite") {
    // No library is loaded if the driver shows no card.
    const bool present = any_device && !ascend::ShownDevices().empty();
    if (present || options.device_target == DeviceTarget::kAscend310) {
      ascend = factories.check_ascend(options.device_id);
      if (!ascend.ok() && !any_device) return ascend;
      if (ascend.ok()) engine_options.device_target = DeviceTarget::kAscend310;
    }
    if (automatic) {
      created.name = engine_options.device_target == DeviceTarget::kAscend310
                         ? "lite"
                         : "native";
    }
  }
  const EngineFactory factory = created.name == "acl"    ? factories.acl
                                : created.name == "lite" ? factories.lite
                                                         : factories.native;
  absl::StatusOr<std::unique_ptr<Engine>> engine = factory(engine_options);
  if (automatic && any_device && created.name == "lite" &&
      absl::IsUnavailable(engine.status())) {
    ascend = engine.status();
    created.name = "native";
    engine_options.device_target = DeviceTarget::kCpu;
    engine = factories.native(engine_options);
  }
  LENET_ASSIGN_OR_RETURN(created.engine, std::move(engine));
  LENET_RETURN_IF_ERROR(CheckModelFits(options, *created.engine));
  PrintEngine(options, created, ascend);
  return created;
}

}  // namespace lenet

#include "cc/inference/engine_choice.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cc/ascend/manifest.h"
#include "cc/base/status_macros.h"

namespace lenet {
namespace {

absl::Status CheckDvpp(const Infer310Options& options, bool om) {
  constexpr char kOtherwise[] = "; or decode on the CPU by --cpu_dvpp=CPU";
  if (options.device_target == DeviceTarget::kCpu) {
    return absl::InvalidArgumentError(absl::StrCat(
        "cpu_dvpp=DVPP is a part of an Ascend 310, and device_target is CPU; "
        "leave one of them out",
        kOtherwise));
  }
  const absl::Status ascend = ascend::CheckInstallation(options.device_id);
  if (!ascend.ok()) {
    return absl::UnavailableError(
        absl::StrCat("cpu_dvpp=DVPP needs an Ascend 310; decode on the CPU by "
                     "--cpu_dvpp=CPU. ",
                     ascend.message()));
  }
  if (om) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "cpu_dvpp=DVPP needs an OM with AIPP, and ", options.mindir_path,
      " is none; convert the model: bazel run //tools:to_om -- --model ",
      "<model>.onnx --aipp", kOtherwise));
}

absl::Status CheckModelFits(const Infer310Options& options,
                            const Engine& engine) {
  const std::vector<int64_t>& shape = engine.input().shape;
  if (engine.dynamic_batch() && options.batch_size > shape[0]) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.mindir_path, ": the model takes batches of up to ", shape[0],
        ", --batch_size is ", options.batch_size, "; give --batch_size=",
        shape[0], " or less, or convert the model with --dynamic_batch"));
  }
  if (!engine.dynamic_batch() && shape[0] != options.batch_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.mindir_path, ": the model takes batches of ", shape[0],
        ", --batch_size is ", options.batch_size, "; give --batch_size=",
        shape[0], " or export the model with batch_size ", options.batch_size));
  }
  if (shape[2] != options.image_height || shape[3] != options.image_width) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.mindir_path, ": the model takes images of ", shape[2], "x",
        shape[3], ", --image_height and --image_width are ",
        options.image_height, "x", options.image_width));
  }
  return absl::OkStatus();
}

// Returns whether kAuto means the Ascend. Loads no library where the driver
// shows no card.
bool HasUsableAscend(const EngineOptions& options,
                     const EngineFactories& factories) {
  return options.device_target == DeviceTarget::kAuto &&
         !ascend::ShownDevices().empty() &&
         factories.check_ascend(options.device_id).ok();
}

// Returns the name of the engine that "auto" opens.
std::string BestEngine(const EngineOptions& options,
                       const EngineFactories& factories) {
  if (ascend::IsOmFile(options.model_path)) return "acl";
  const bool on_ascend = options.device_target == DeviceTarget::kAscend310 ||
                         HasUsableAscend(options, factories);
  return on_ascend ? "lite" : "native";
}

absl::StatusOr<std::unique_ptr<Engine>> Create(
    const std::string& name, EngineOptions options,
    const EngineFactories& factories) {
  if (name == "acl") return factories.acl(options);
  if (name == "native") return factories.native(options);
  if (options.device_target == DeviceTarget::kAscend310) {
    LENET_RETURN_IF_ERROR(factories.check_ascend(options.device_id));
  } else if (HasUsableAscend(options, factories)) {
    options.device_target = DeviceTarget::kAscend310;
  }
  return factories.lite(options);
}

void PrintEngine(const Infer310Options& options, const CreatedEngine& created,
                 const std::string& warning) {
  if (!warning.empty()) {
    std::fprintf(stderr,
                 "infer310: warning: there is an Ascend, but it cannot be "
                 "used: %s\n",
                 warning.c_str());
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
  const bool om = ascend::IsOmFile(options.mindir_path);
  if (om && (options.engine == "native" || options.engine == "lite")) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.mindir_path, " is an OM, which the engine ", options.engine,
        " does not read; give --engine=acl, or the MindIR of the model"));
  }
  return options.dvpp ? CheckDvpp(options, om) : absl::OkStatus();
}

absl::StatusOr<CreatedEngine> OpenEngine(const Infer310Options& options,
                                         const EngineFactories& factories) {
  EngineOptions engine_options;
  engine_options.model_path = options.mindir_path;
  engine_options.device_target = options.device_target;
  engine_options.device_id = options.device_id;
  engine_options.threads = options.threads;
  engine_options.aipp_path = options.aipp_path;
  engine_options.lite_plugin = options.lite_plugin;
  engine_options.dvpp = options.dvpp;
  engine_options.self_test = options.self_test;
  const bool automatic = options.engine == "auto";
  const bool any_device = options.device_target == DeviceTarget::kAuto;
  CreatedEngine created;
  created.name =
      automatic ? BestEngine(engine_options, factories) : options.engine;
  absl::StatusOr<std::unique_ptr<Engine>> engine =
      Create(created.name, engine_options, factories);
  std::string warning;
  if (automatic && any_device && created.name == "lite" &&
      absl::IsUnavailable(engine.status())) {
    warning = std::string(engine.status().message());
    created.name = "native";
    engine = factories.native(engine_options);
  }
  LENET_ASSIGN_OR_RETURN(created.engine, std::move(engine));
  LENET_RETURN_IF_ERROR(CheckModelFits(options, *created.engine));
  if (any_device && options.engine != "native" && warning.empty() &&
      created.engine->device() == "CPU" && !ascend::ShownDevices().empty()) {
    warning = std::string(factories.check_ascend(options.device_id).message());
  }
  PrintEngine(options, created, warning);
  return created;
}

}  // namespace lenet

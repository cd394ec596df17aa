// The shared library of the engine lite: MindSpore Lite 2.0.

#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/base/sha256.h"
#include "cc/base/shape.h"
#include "cc/engine/crash_guard.h"
#include "cc/engine/engine.h"
#include "cc/engine/lite_plugin.h"
#include "cc/kernels/thread_pool.h"
#include "cc/mindir/model.h"
#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/status.h"
#include "include/api/types.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

// The lowest log level of the SDK's libmindspore_glog.
namespace fLI {
extern int32_t FLAGS_v;
}

namespace lenet {
namespace {

// Switches off the log of MindSpore Lite, which reports harmless facts such as
// a missing libnuma, and prints a hundred lines for an unknown operator. Errors
// are returned as a status anyway.
void SilenceLog() {
  if (std::getenv("GLOG_v") != nullptr) return;
  // Without GLOG_v, each Model sets FLAGS_v to "warning". The value of GLOG_v
  // itself is only read when the process starts.
  setenv("GLOG_v", "4", /*overwrite=*/1);
  fLI::FLAGS_v = 4;  // above "error"
}

// Excludes allocations from the leak check: the SDK keeps memory of a model
// until the process ends.
class LeakCheckPause {
 public:
#ifdef __SANITIZE_ADDRESS__
  LeakCheckPause() { __lsan_disable(); }
  ~LeakCheckPause() { __lsan_enable(); }
#else
  LeakCheckPause() {}
#endif
  LeakCheckPause(const LeakCheckPause&) = delete;
  LeakCheckPause& operator=(const LeakCheckPause&) = delete;
};

class LiteEngine final : public SynchronousEngine {
 public:
  LiteEngine(TensorInfo input, TensorInfo output, std::string device,
             std::string sha256)
      : SynchronousEngine(std::move(input), std::move(output)),
        device_(std::move(device)),
        sha256_(std::move(sha256)) {}

  // Builds the model on the device of `context`.
  absl::Status Build(const std::string& mindir,
                     const std::shared_ptr<mindspore::Context>& context) {
    const LeakCheckPause pause;
    const mindspore::Status status =
        model_.Build(mindir.data(), mindir.size(), mindspore::kMindIR, context);
    if (status.IsError()) return BuildError(status.ToString());
    inputs_ = model_.GetInputs();
    if (inputs_.size() != 1 || !HasShape(inputs_[0], input())) {
      return absl::UnimplementedError(
          "the input of the built model is not the float32 input of its "
          "MindIR; an AIPP configuration must keep it");
    }
    return absl::OkStatus();
  }

  std::string device() const override { return device_; }

  std::string model_sha256() const override { return sha256_; }

 protected:
  absl::Status Run(absl::Span<const float> in, absl::Span<float> out) override {
    void* const destination = inputs_[0].MutableData();
    if (destination == nullptr) return RunError("no memory for the input");
    std::memcpy(destination, in.data(), in.size() * sizeof(float));
    const mindspore::Status status = model_.Predict(inputs_, &outputs_);
    if (status.IsError()) return RunError(status.ToString());
    if (outputs_.size() != 1 || !HasShape(outputs_[0], output())) {
      return RunError("the output has another type or size than the MindIR's");
    }
    const void* const source = outputs_[0].MutableData();
    if (source == nullptr) return RunError("the output has no data");
    std::memcpy(out.data(), source, out.size() * sizeof(float));
    return absl::OkStatus();
  }

 private:
  static bool HasShape(const mindspore::MSTensor& tensor,
                       const TensorInfo& info) {
    return tensor.DataType() == mindspore::DataType::kNumberTypeFloat32 &&
           tensor.DataSize() == ElementCount(info.shape) * sizeof(float);
  }

  // The MindIR was read without error before, so the cause on an Ascend is the
  // device or CANN, which compiles the model.
  absl::Status BuildError(const std::string& reason) const {
    const std::string message =
        absl::StrCat("MindSpore Lite cannot build this model: ", reason,
                     " (GLOG_v=2 shows its log)");
    if (device_ == "CPU") {
      return InvalidArgument(message, "; --engine=native may run it");
    }
    return absl::UnavailableError(absl::StrCat(
        message, "; `infer310 --probe` checks the device, and an OM (bazel ",
        "run //tools:to_om) needs no MindSpore Lite"));
  }

  absl::Status RunError(const std::string& reason) const {
    const std::string message =
        absl::StrCat("MindSpore Lite failed on ", device_, ": ", reason);
    if (device_ == "CPU") {
      return absl::InternalError(
          message + " (GLOG_v=2 shows its log); --engine=native may run it");
    }
    return absl::AbortedError(message);
  }

  const std::string device_;
  const std::string sha256_;
  mindspore::Model model_;
  std::vector<mindspore::MSTensor> inputs_;
  std::vector<mindspore::MSTensor> outputs_;
};

std::shared_ptr<mindspore::Context> MakeContext(const EngineOptions& options) {
  auto context = std::make_shared<mindspore::Context>();
  if (options.device_target == DeviceTarget::kAscend310) {
    auto ascend = std::make_shared<mindspore::AscendDeviceInfo>();
    ascend->SetDeviceID(static_cast<uint32_t>(options.device_id));
    if (!options.aipp_path.empty()) {
      ascend->SetInsertOpConfigPath(options.aipp_path);
    }
    context->MutableDeviceInfo().push_back(std::move(ascend));
    return context;
  }
  context->SetThreadNum(kernels::ThreadCount(options.threads));
  context->MutableDeviceInfo().push_back(
      std::make_shared<mindspore::CPUDeviceInfo>());
  return context;
}

absl::StatusOr<std::unique_ptr<Engine>> Create(const EngineOptions& options) {
  const bool ascend = options.device_target == DeviceTarget::kAscend310;
  if (!ascend) LENET_RETURN_IF_ERROR(CheckNoAipp(options));
  LENET_ASSIGN_OR_RETURN(const std::string mindir,
                         ReadFile(options.model_path, kMaxModelBytes));
  LENET_ASSIGN_OR_RETURN(
      const LiteModel lite,
      WithLocation(options.model_path, ToLiteForm(mindir, options.batch_size)));
  LENET_RETURN_IF_ERROR(
      CheckClassifierShapes(options.model_path, lite.inputs, lite.outputs));
  SilenceLog();
  auto engine = std::make_unique<LiteEngine>(
      lite.inputs[0], lite.outputs[0],
      ascend ? absl::StrCat("Ascend310:", options.device_id) : "CPU",
      Sha256Hex(mindir));
  const CrashGuard guard(absl::StrCat(
      "infer310: error: ", Printable(options.model_path),
      ": MindSpore Lite crashed while it built this model, which may be "
      "damaged; export it again, or give --engine=native"));
  LENET_RETURN_IF_ERROR(WithLocation(
      options.model_path, engine->Build(lite.mindir, MakeContext(options))));
  return engine;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void LenetCreateLiteEngine3(
    const EngineOptions& options,
    absl::StatusOr<std::unique_ptr<Engine>>* result) {
  *result = Create(options);
}

}  // namespace lenet

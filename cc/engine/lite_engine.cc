// The shared library of the engine lite: MindSpore Lite 2.0.

#include <stdlib.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/file.h"
#include "cc/base/shape.h"
#include "cc/base/status_macros.h"
#include "cc/engine/engine.h"
#include "cc/engine/lite_plugin.h"
#include "cc/mindir/lite_form.h"
#include "include/api/context.h"
#include "include/api/model.h"
#include "include/api/status.h"
#include "include/api/types.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

// Of the SDK's libmindspore_glog: the lowest level that is logged.
namespace fLI {
extern int32_t FLAGS_v;
}

namespace lenet {
namespace {

// MindSpore Lite logs to stderr what is harmless, such as a missing libnuma,
// and a hundred lines for an operator that it does not know. What matters comes
// back as a status.
void QuietLog() {
  if (std::getenv("GLOG_v") != nullptr) return;
  // Each Model sets FLAGS_v to "warning" anew if GLOG_v is not set, but only
  // the start of the process reads a number from it.
  setenv("GLOG_v", "4", /*overwrite=*/1);
  fLI::FLAGS_v = 4;  // above "error"
}

// What the SDK allocates to build a model, and keeps until the process ends, is
// not reported as our leak.
class SdkScope {
 public:
#ifdef __SANITIZE_ADDRESS__
  SdkScope() { __lsan_disable(); }
  ~SdkScope() { __lsan_enable(); }
#else
  SdkScope() {}
#endif
  SdkScope(const SdkScope&) = delete;
  SdkScope& operator=(const SdkScope&) = delete;
};

class LiteEngine final : public SynchronousEngine {
 public:
  LiteEngine(TensorInfo input, TensorInfo output, std::string device)
      : SynchronousEngine(std::move(input), std::move(output)),
        device_(std::move(device)) {}

  // Builds the model on the device of `context`.
  absl::Status Build(const std::string& model,
                     const std::shared_ptr<mindspore::Context>& context) {
    const SdkScope scope;
    const mindspore::Status status =
        model_.Build(model.data(), model.size(), mindspore::kMindIR, context);
    if (status.IsError()) return BuildFailure(status.ToString());
    inputs_ = model_.GetInputs();
    if (inputs_.size() != 1 || !Fits(inputs_[0], input())) {
      return absl::UnimplementedError(
          "the input of the built model is not the float32 input of its "
          "MindIR; an AIPP configuration must keep it");
    }
    return absl::OkStatus();
  }

  std::string device() const override { return device_; }

 protected:
  absl::Status Run(absl::Span<const float> in, absl::Span<float> out) override {
    void* const destination = inputs_[0].MutableData();
    if (destination == nullptr) return Failure("no memory for the input");
    std::memcpy(destination, in.data(), in.size() * sizeof(float));
    const mindspore::Status status = model_.Predict(inputs_, &outputs_);
    if (status.IsError()) return Failure(status.ToString());
    if (outputs_.size() != 1 || !Fits(outputs_[0], output())) {
      return Failure("the output has another type or size than the MindIR's");
    }
    const void* const source = outputs_[0].MutableData();
    if (source == nullptr) return Failure("the output has no data");
    std::memcpy(out.data(), source, out.size() * sizeof(float));
    return absl::OkStatus();
  }

 private:
  static bool Fits(const mindspore::MSTensor& tensor, const TensorInfo& info) {
    return tensor.DataType() == mindspore::DataType::kNumberTypeFloat32 &&
           tensor.DataSize() == ElementCount(info.shape) * sizeof(float);
  }

  // Our own readers understood the model, so on an Ascend it is the device, or
  // the CANN that compiles the model for it.
  absl::Status BuildFailure(const std::string& reason) const {
    const std::string message =
        absl::StrCat("MindSpore Lite cannot build this model: ", reason,
                     " (GLOG_v=2 shows its log)");
    if (device_ == "CPU") return absl::InvalidArgumentError(message);
    return absl::UnavailableError(absl::StrCat(
        message, "; `infer310 --probe` looks at the device, and an OM (bazel ",
        "run //tools:to_om) needs no MindSpore Lite"));
  }

  absl::Status Failure(const std::string& reason) const {
    const std::string message =
        absl::StrCat("MindSpore Lite failed on ", device_, ": ", reason);
    if (device_ == "CPU") return absl::InternalError(message);
    return absl::AbortedError(message);
  }

  const std::string device_;
  mindspore::Model model_;
  std::vector<mindspore::MSTensor> inputs_;
  std::vector<mindspore::MSTensor> outputs_;
};

std::vector<TensorInfo> ToInfos(const std::vector<MindIrTensor>& tensors) {
  std::vector<TensorInfo> infos;
  for (const MindIrTensor& tensor : tensors) {
    infos.push_back({tensor.name, tensor.shape});
  }
  return infos;
}

absl::Status WithPath(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

absl::StatusOr<MindIrSignature> ReadLeNetSignature(const std::string& path,
                                                   const std::string& mindir) {
  absl::StatusOr<MindIrSignature> signature = ReadSignature(mindir);
  LENET_RETURN_IF_ERROR(WithPath(path, signature.status()));
  LENET_RETURN_IF_ERROR(CheckLeNetShapes(path, ToInfos(signature->inputs),
                                         ToInfos(signature->outputs)));
  if (!signature->inputs[0].is_float32 || !signature->outputs[0].is_float32) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expected a model with input and output of float32"));
  }
  return signature;
}

std::shared_ptr<mindspore::Context> CpuContext(int threads) {
  if (threads == 0) {
    threads =
        std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
  }
  auto context = std::make_shared<mindspore::Context>();
  context->SetThreadNum(threads);
  context->MutableDeviceInfo().push_back(
      std::make_shared<mindspore::CPUDeviceInfo>());
  return context;
}

std::shared_ptr<mindspore::Context> AscendContext(
    const EngineOptions& options) {
  auto device = std::make_shared<mindspore::AscendDeviceInfo>();
  device->SetDeviceID(static_cast<uint32_t>(options.device_id));
  if (!options.aipp_path.empty()) {
    device->SetInsertOpConfigPath(options.aipp_path);
  }
  auto context = std::make_shared<mindspore::Context>();
  context->MutableDeviceInfo().push_back(std::move(device));
  return context;
}

absl::StatusOr<std::unique_ptr<Engine>> Create(const EngineOptions& options) {
  const bool ascend = options.device_target == DeviceTarget::kAscend310;
  if (!ascend && !options.aipp_path.empty()) {
    return absl::InvalidArgumentError(
        "aipp_path is for an Ascend 310 only, and this runs on the CPU; leave "
        "it out");
  }
  const std::string& path = options.model_path;
  LENET_ASSIGN_OR_RETURN(const std::string mindir,
                         ReadFile(path, kMaxModelBytes));
  LENET_ASSIGN_OR_RETURN(const MindIrSignature signature,
                         ReadLeNetSignature(path, mindir));
  const absl::StatusOr<std::string> lite_form = ToLiteForm(mindir);
  LENET_RETURN_IF_ERROR(WithPath(path, lite_form.status()));

  QuietLog();
  auto engine = std::make_unique<LiteEngine>(
      ToInfos(signature.inputs)[0], ToInfos(signature.outputs)[0],
      ascend ? absl::StrCat("Ascend310:", options.device_id) : "CPU");
  LENET_RETURN_IF_ERROR(WithPath(
      path, engine->Build(*lite_form, ascend ? AscendContext(options)
                                             : CpuContext(options.threads))));
  return engine;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) void LenetCreateLiteEngine2(
    const EngineOptions& options,
    absl::StatusOr<std::unique_ptr<Engine>>* result) {
  *result = Create(options);
}

}  // namespace lenet

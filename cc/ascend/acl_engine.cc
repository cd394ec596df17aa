#include "cc/ascend/acl_engine.h"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/ascend/dvpp.h"
#include "cc/ascend/library.h"
#include "cc/ascend/manifest.h"
#include "cc/ascend/model.h"
#include "cc/ascend/pipeline.h"
#include "cc/ascend/session.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/base/sha256.h"
#include "cc/engine/engine.h"
#include "cc/engine/self_test.h"
#include "cc/image/transform.h"

namespace lenet {
namespace {

// Tolerance of a normalised pixel, whose range is 3.2. float16 causes errors up
// to 0.005; the AIPP of another data set differs by much more.
constexpr float kAippTolerance = 0.01f;

// Checks that the AIPP normalises black and white, and thus all pixels, as in
// training.
absl::Status CheckNormalization(const std::string& path,
                                const ascend::Normalization& aipp) {
  const std::vector<uint8_t> ends = {0, 255};
  std::vector<float> expected(ends.size());
  Normalize(ends, absl::MakeSpan(expected));
  for (size_t i = 0; i < ends.size(); ++i) {
    const float found = (static_cast<float>(ends[i]) - aipp.mean) * aipp.scale;
    // NaN is refused too.
    if (std::fabs(found - expected[i]) <= kAippTolerance) continue;
    return InvalidArgument(
        path, ": the AIPP of this model maps a pixel of ", ends[i], " to ",
        found, ", expected ", expected[i],
        "; convert it with configs/aipp.cfg (bazel run //tools:to_om -- "
        "--aipp), or skip this check with --self_test=false");
  }
  return absl::OkStatus();
}

class AclEngine final : public Engine {
 public:
  AclEngine(std::unique_ptr<ascend::Session> session, std::string sha256)
      : session_(std::move(session)), sha256_(std::move(sha256)) {}

  absl::Status Open(const EngineOptions& options) {
    LENET_ASSIGN_OR_RETURN(
        model_, ascend::Model::Load(session_.get(), options.model_path));
    const ascend::ModelInfo& info = model_->info();
    input_ = {info.input_name, {info.batch, 1, info.height, info.width}};
    output_ = {info.output_name, {info.batch, info.classes}};
    if (options.dvpp) LENET_RETURN_IF_ERROR(OpenDvpp(options.model_path));
    LENET_ASSIGN_OR_RETURN(
        pipeline_,
        ascend::Pipeline::Create(session_.get(), model_.get(), dvpp_.get()));
    if (!options.self_test) return absl::OkStatus();
    if (info.aipp.has_value()) {
      LENET_RETURN_IF_ERROR(CheckNormalization(options.model_path, *info.aipp));
    }
    LENET_RETURN_IF_ERROR(RunSelfTest(this));
    pipeline_->ResetCounts();
    return absl::OkStatus();
  }

  const TensorInfo& input() const override { return input_; }
  const TensorInfo& output() const override { return output_; }

  std::string device() const override {
    return absl::StrCat("Ascend310:", session_->device_id());
  }

  InputForm form() const override {
    return dvpp_ != nullptr ? InputForm::kFile : model_->info().form;
  }

  std::string model_sha256() const override { return sha256_; }

  bool dynamic_batch() const override { return !model_->info().gears.empty(); }

  size_t depth() const override { return pipeline_->depth(); }

  absl::Status Start(const Batch& batch) override {
    return pipeline_->Start(batch);
  }

  absl::Status Finish(absl::Span<float> out) override {
    return pipeline_->Finish(out);
  }

  absl::Status ImageStatus(size_t i) const override {
    return pipeline_->ImageStatus(i);
  }

  EngineCounters counters() const override {
    EngineCounters counters;
    counters.decoded_on_device = pipeline_->decoded_on_device();
    counters.decoded_on_host = pipeline_->decoded_on_host();
    counters.soc_name = session_->soc_name();
    counters.pipelined = pipeline_->depth() > 1;
    return counters;
  }

 private:
  absl::Status OpenDvpp(const std::string& path) {
    const ascend::ModelInfo& info = model_->info();
    if (info.form != InputForm::kLuma) {
      return InvalidArgument(
          path,
          ": cpu_dvpp=DVPP delivers bytes, and this model takes normalised "
          "floats; convert it with an AIPP (bazel run //tools:to_om -- "
          "--aipp), or decode on the host with --cpu_dvpp=CPU");
    }
    const auto pixels = static_cast<size_t>(info.height * info.width);
    ascend::DvppOptions options;
    options.height = static_cast<int>(info.height);
    options.width = static_cast<int>(info.width);
    options.batch = static_cast<size_t>(info.batch);
    options.slots = 2;
    options.nv12 = info.image_bytes > pixels;
    LENET_ASSIGN_OR_RETURN(dvpp_, ascend::Dvpp::Open(session_.get(), options));
    return absl::OkStatus();
  }

  // Destroyed in the documented order, from the last to the first: buffers and
  // datasets, model, DVPP channel, then streams, context, device.
  const std::unique_ptr<ascend::Session> session_;
  std::unique_ptr<ascend::Dvpp> dvpp_;
  std::unique_ptr<ascend::Model> model_;
  std::unique_ptr<ascend::Pipeline> pipeline_;
  TensorInfo input_;
  TensorInfo output_;
  const std::string sha256_;
};

absl::Status CheckOptions(const EngineOptions& options) {
  const std::string& path = options.model_path;
  if (!ascend::IsOmFile(path)) {
    return InvalidArgument(
        path,
        ": the engine acl runs OM files; convert the model (bazel run "
        "//tools:to_om), or choose another engine with --engine=auto");
  }
  if (options.device_target == DeviceTarget::kCpu) {
    return InvalidArgument(
        path,
        ": an OM runs on an Ascend 310 only; omit --device_target=CPU, or "
        "use the MindIR of the model");
  }
  if (!options.aipp_path.empty()) {
    return InvalidArgument(
        path,
        ": aipp_path is for MindIR; an OM contains its AIPP from the "
        "conversion (bazel run //tools:to_om -- --aipp)");
  }
  return absl::OkStatus();
}

// Compares the model with its manifest, if it has one. `soc_name` is "" while
// the chip is unknown.
absl::Status CheckManifestOf(const std::string& path, const std::string& sha256,
                             const std::string& soc_name) {
  LENET_ASSIGN_OR_RETURN(const std::optional<ascend::Manifest> manifest,
                         ascend::ReadManifest(path));
  if (!manifest.has_value()) return absl::OkStatus();
  return ascend::CheckManifest(*manifest, path, sha256, soc_name);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> CreateAclEngine(
    const EngineOptions& options, const ascend::Locations& locations) {
  const std::string& path = options.model_path;
  LENET_RETURN_IF_ERROR(CheckOptions(options));
  LENET_ASSIGN_OR_RETURN(const std::string model,
                         ReadFile(path, kMaxModelBytes));
  const std::string sha256 = Sha256Hex(model);
  // Checks without the device come first: its start takes a second or two.
  LENET_RETURN_IF_ERROR(CheckManifestOf(path, sha256, ""));
  LENET_RETURN_IF_ERROR(
      ascend::CheckInstallation(options.device_id, locations));

  LENET_ASSIGN_OR_RETURN(std::shared_ptr<const ascend::Library> library,
                         ascend::Library::Open(locations.acl, locations.dvpp));
  LENET_ASSIGN_OR_RETURN(std::shared_ptr<ascend::Process> process,
                         ascend::Process::Start(std::move(library)));
  LENET_ASSIGN_OR_RETURN(
      std::unique_ptr<ascend::Session> session,
      ascend::Session::Open(std::move(process), options.device_id));
  LENET_RETURN_IF_ERROR(CheckManifestOf(path, sha256, session->soc_name()));
  auto engine = std::make_unique<AclEngine>(std::move(session), sha256);
  LENET_RETURN_IF_ERROR(engine->Open(options));
  // AscendCL reads the file itself.
  LENET_ASSIGN_OR_RETURN(const std::string loaded,
                         ReadFile(path, kMaxModelBytes));
  if (loaded == model) return engine;
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": the file was changed while it was loaded; run infer310 again"));
}

}  // namespace lenet

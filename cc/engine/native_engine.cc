#include "cc/engine/native_engine.h"

#include <algorithm>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/file.h"
#include "cc/base/status_macros.h"
#include "cc/engine/graph/graph.h"
#include "cc/mindir/model.h"
#include "cc/mindir/reader.h"

namespace lenet {
namespace {

class NativeEngine final : public SynchronousEngine {
 public:
  NativeEngine(TensorInfo input, TensorInfo output,
               std::unique_ptr<graph::Graph> graph)
      : SynchronousEngine(std::move(input), std::move(output)),
        graph_(std::move(graph)) {}

  std::string device() const override { return "CPU"; }

 protected:
  absl::Status Run(absl::Span<const float> in, absl::Span<float> out) override {
    graph_->Run(in.data(), out.data());
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<graph::Graph> graph_;
};

std::vector<TensorInfo> ToInfos(const std::vector<MindIrInput>& tensors) {
  std::vector<TensorInfo> infos;
  for (const MindIrInput& tensor : tensors) {
    infos.push_back({tensor.name, tensor.shape});
  }
  return infos;
}

absl::Status WithPath(const std::string& path, const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(path, ": ", status.message()));
}

int ThreadCount(int threads) {
  if (threads > 0) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> CreateNativeEngine(
    const EngineOptions& options) {
  if (options.device_target == DeviceTarget::kAscend310) {
    return absl::UnavailableError(
        "the engine native runs on the CPU only; give --device_target=CPU, or "
        "--engine=lite for an Ascend 310");
  }
  if (!options.aipp_path.empty()) {
    return absl::InvalidArgumentError(
        "aipp_path is for an Ascend 310 only, and this runs on the CPU; leave "
        "it out");
  }
  const std::string& path = options.model_path;
  LENET_ASSIGN_OR_RETURN(const std::string mindir,
                         ReadFile(path, kMaxModelBytes));
  const absl::StatusOr<MindIrModel> model = ReadMindIr(mindir);
  LENET_RETURN_IF_ERROR(WithPath(path, model.status()));
  const std::vector<TensorInfo> inputs = ToInfos(model->inputs);
  const std::vector<TensorInfo> outputs = ToInfos(model->outputs);
  LENET_RETURN_IF_ERROR(CheckLeNetShapes(path, inputs, outputs));
  absl::StatusOr<std::unique_ptr<graph::Graph>> graph =
      graph::Graph::Create(*model, ThreadCount(options.threads));
  LENET_RETURN_IF_ERROR(WithPath(path, graph.status()));
  return std::make_unique<NativeEngine>(inputs[0], outputs[0],
                                        *std::move(graph));
}

}  // namespace lenet

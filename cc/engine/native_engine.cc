#include "cc/engine/native_engine.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/base/sha256.h"
#include "cc/engine/graph/graph.h"
#include "cc/kernels/thread_pool.h"
#include "cc/mindir/model.h"

namespace lenet {
namespace {

class NativeEngine final : public SynchronousEngine {
 public:
  NativeEngine(TensorInfo input, TensorInfo output,
               std::unique_ptr<graph::Graph> graph, std::string sha256)
      : SynchronousEngine(std::move(input), std::move(output)),
        graph_(std::move(graph)),
        sha256_(std::move(sha256)) {}

  std::string device() const override { return "CPU"; }

  std::string model_sha256() const override { return sha256_; }

 protected:
  absl::Status Run(absl::Span<const float> in, absl::Span<float> out) override {
    graph_->Run(in.data(), out.data());
    return absl::OkStatus();
  }

 private:
  const std::unique_ptr<graph::Graph> graph_;
  const std::string sha256_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Engine>> CreateNativeEngine(
    const EngineOptions& options) {
  if (options.device_target == DeviceTarget::kAscend310) {
    return absl::UnavailableError(
        "the engine native runs on the CPU only; give --device_target=CPU, or "
        "--engine=lite for an Ascend 310");
  }
  LENET_RETURN_IF_ERROR(CheckNoAipp(options));
  LENET_ASSIGN_OR_RETURN(const std::string mindir,
                         ReadFile(options.model_path, kMaxModelBytes));
  LENET_ASSIGN_OR_RETURN(
      const MindIrModel model,
      WithLocation(options.model_path, ReadMindIr(mindir, options.batch_size)));
  LENET_ASSIGN_OR_RETURN(
      std::unique_ptr<graph::Graph> graph,
      WithLocation(
          options.model_path,
          graph::Graph::Create(model, kernels::ThreadCount(options.threads))));
  TensorInfo output = {model.outputs[0].name, graph->output_shape()};
  LENET_RETURN_IF_ERROR(
      CheckClassifierShapes(options.model_path, model.inputs, {output}));
  return std::make_unique<NativeEngine>(model.inputs[0], std::move(output),
                                        std::move(graph), Sha256Hex(mindir));
}

}  // namespace lenet

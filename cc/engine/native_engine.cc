#include "cc/engine/native_engine.h"

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/engine/graph/graph.h"
#include "cc/kernels/thread_pool.h"
#include "cc/mindir/model.h"

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
  LENET_ASSIGN_OR_RETURN(const MindIrModel model,
                         WithLocation(options.model_path, ReadMindIr(mindir)));
  LENET_RETURN_IF_ERROR(
      CheckLeNetShapes(options.model_path, model.inputs, model.outputs));
  LENET_ASSIGN_OR_RETURN(
      std::unique_ptr<graph::Graph> graph,
      WithLocation(
          options.model_path,
          graph::Graph::Create(model, kernels::ThreadCount(options.threads))));
  return std::make_unique<NativeEngine>(model.inputs[0], model.outputs[0],
                                        std::move(graph));
}

}  // namespace lenet

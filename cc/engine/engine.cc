#include "cc/engine/engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"

namespace lenet {
namespace {

std::string ShapesText(const std::vector<TensorInfo>& tensors) {
  if (tensors.empty()) return "none";
  return absl::StrJoin(tensors, " and ",
                       [](std::string* out, const TensorInfo& tensor) {
                         out->append(ShapeText(tensor.shape));
                       });
}

bool IsClassifier(const std::vector<TensorInfo>& inputs,
                  const std::vector<TensorInfo>& outputs) {
  if (inputs.size() != 1 || outputs.size() != 1) return false;
  const std::vector<int64_t>& in = inputs[0].shape;
  const std::vector<int64_t>& out = outputs[0].shape;
  return in.size() == 4 && in[1] == 1 &&
         std::all_of(in.begin(), in.end(), [](int64_t d) { return d > 0; }) &&
         out.size() >= 2 && out[0] == in[0] && out[1] >= 2 &&
         std::all_of(out.begin() + 2, out.end(),
                     [](int64_t d) { return d == 1; });
}

}  // namespace

SynchronousEngine::SynchronousEngine(TensorInfo input, TensorInfo output)
    : input_(std::move(input)),
      output_(std::move(output)),
      capacity_(static_cast<size_t>(input_.shape[0])),
      input_size_(ElementCount(input_.shape)),
      logits_(ElementCount(output_.shape)) {}

absl::Status SynchronousEngine::Start(const Batch& batch) {
  if (batch_.size != 0) {
    return absl::FailedPreconditionError("a batch is started already");
  }
  if (batch.size == 0 || batch.size > capacity_) {
    return InvalidArgument("expected a batch of 1 to ", capacity_,
                           " images, found ", batch.size);
  }
  if (batch.tensors.size() != input_size_) {
    return InvalidArgument("expected a batch of ", input_size_,
                           " floats, found ", batch.tensors.size());
  }
  batch_ = batch;
  return absl::OkStatus();
}

absl::Status SynchronousEngine::Finish(absl::Span<float> out) {
  if (batch_.size == 0) {
    return absl::FailedPreconditionError("no batch is started");
  }
  const size_t expected = logits_.size() / capacity_ * batch_.size;
  if (out.size() != expected) {
    return InvalidArgument("expected room for ", expected, " logits, found ",
                           out.size());
  }
  const Batch batch = std::exchange(batch_, Batch());
  if (batch.size == capacity_) return Run(batch.tensors, out);
  LENET_RETURN_IF_ERROR(Run(batch.tensors, absl::MakeSpan(logits_)));
  std::copy_n(logits_.begin(), expected, out.begin());
  return absl::OkStatus();
}

absl::Status CheckClassifierShapes(absl::string_view model_path,
                                   const std::vector<TensorInfo>& inputs,
                                   const std::vector<TensorInfo>& outputs) {
  if (IsClassifier(inputs, outputs)) return absl::OkStatus();
  return InvalidArgument(
      model_path,
      ": expected a classifier with input [N, 1, H, W] and output [N, C], with "
      "two or more classes C, found input ",
      ShapesText(inputs), " and output ", ShapesText(outputs));
}

absl::Status CheckNoAipp(const EngineOptions& options) {
  if (options.aipp_path.empty()) return absl::OkStatus();
  return InvalidArgument(
      "aipp_path is for an Ascend 310 only, and this runs on the CPU; leave it "
      "out");
}

}  // namespace lenet

#include "cc/engine/synchronous_engine.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cc/base/status_macros.h"
#include "cc/engine/lenet_shapes.h"

namespace lenet {

SynchronousEngine::SynchronousEngine(TensorInfo input, TensorInfo output)
    : input_(std::move(input)),
      output_(std::move(output)),
      capacity_(static_cast<size_t>(input_.shape[0])),
      input_size_(ElementCount(input_.shape)),
      classes_(ElementCount(output_.shape) / capacity_),
      logits_(ElementCount(output_.shape)) {}

absl::Status SynchronousEngine::Start(const Batch& batch) {
  if (batch_.size != 0) {
    return absl::FailedPreconditionError("a batch is started already");
  }
  if (batch.size == 0 || batch.size > capacity_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected a batch of 1 to ", capacity_, " images, found ", batch.size));
  }
  if (batch.tensors.size() != input_size_) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a batch of ", input_size_, " floats, found ",
                     batch.tensors.size()));
  }
  batch_ = batch;
  return absl::OkStatus();
}

absl::Status SynchronousEngine::Finish(absl::Span<float> out) {
  if (batch_.size == 0) {
    return absl::FailedPreconditionError("no batch is started");
  }
  const size_t expected = batch_.size * classes_;
  if (out.size() != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected room for ", expected, " logits, found ", out.size()));
  }
  const Batch batch = std::exchange(batch_, Batch());
  if (batch.size == capacity_) return Run(batch.tensors, out);
  LENET_RETURN_IF_ERROR(Run(batch.tensors, absl::MakeSpan(logits_)));
  std::copy_n(logits_.begin(), expected, out.begin());
  return absl::OkStatus();
}

}  // namespace lenet

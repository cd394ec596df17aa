#ifndef CC_ENGINE_SYNCHRONOUS_ENGINE_H_
#define CC_ENGINE_SYNCHRONOUS_ENGINE_H_

#include <cstddef>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/engine/engine.h"

namespace lenet {

// For engines that take tensors and run a batch at once: Start keeps the batch,
// Finish runs it. Allocates nothing after construction.
class SynchronousEngine : public Engine {
 public:
  SynchronousEngine(TensorInfo input, TensorInfo output);

  const TensorInfo& input() const final { return input_; }
  const TensorInfo& output() const final { return output_; }

  absl::Status Start(const Batch& batch) final;
  absl::Status Finish(absl::Span<float> out) final;

 protected:
  // Runs a full batch: the spans have the floats of input() and output().
  // Aborted if the device fails, Internal if the work does.
  virtual absl::Status Run(absl::Span<const float> in,
                           absl::Span<float> out) = 0;

 private:
  const TensorInfo input_;
  const TensorInfo output_;
  const size_t capacity_;    // images of a full batch
  const size_t input_size_;  // floats of a full batch
  const size_t classes_;
  Batch batch_;  // what is started; of size 0 if nothing is
  // A full batch of logits, for a batch that is not full.
  std::vector<float> logits_;
};

}  // namespace lenet

#endif  // CC_ENGINE_SYNCHRONOUS_ENGINE_H_

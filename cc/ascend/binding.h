#ifndef CC_ASCEND_BINDING_H_
#define CC_ASCEND_BINDING_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/memory.h"
#include "cc/ascend/model.h"
#include "cc/ascend/session.h"

namespace lenet::ascend {

// Device memory for one batch of a model, its logits and, with gears, its size,
// as the datasets that AscendCL executes. Must be gone before the model, and no
// work with it may be under way then.
class Binding {
 public:
  // `input`, if not null, is memory of the device that becomes the input
  // instead of own memory. It has model.info().input_bytes and outlives this.
  static absl::StatusOr<std::unique_ptr<Binding>> Create(Session* session,
                                                         const Model& model,
                                                         void* input = nullptr);

  // Destroys the data buffers, frees their memory, destroys the datasets.
  ~Binding();

  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;

  // Of the device: info().input_bytes and info().output_bytes.
  void* input() const { return input_; }
  void* output() const { return output_memory_.data(); }

  // The batch size of the executions to come, one of the model's gears. Writes
  // to the device at once. Does nothing for a model without gears.
  absl::Status SetGear(size_t images);

  // Runs the model and waits for it.
  absl::Status Execute();

  // Gives the execution to the stream.
  absl::Status ExecuteAsync(aclrtStream stream);

 private:
  Binding(Session* session, const Model& model)
      : session_(session), model_(model) {}

  absl::Status Allocate(void* input);
  absl::StatusOr<aclmdlDataset*> CreateDataset();
  absl::Status AddBuffer(aclmdlDataset* dataset, void* data, size_t size);

  Session* const session_;
  const Model& model_;
  void* input_ = nullptr;
  Memory input_memory_;  // empty if the input is somebody else's
  Memory gear_memory_;
  Memory output_memory_;
  // Of the inputs in the model's order, then of the output.
  std::vector<aclDataBuffer*> buffers_;
  aclmdlDataset* inputs_ = nullptr;
  aclmdlDataset* outputs_ = nullptr;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_BINDING_H_

#ifndef CC_ASCEND_PIPELINE_H_
#define CC_ASCEND_PIPELINE_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cc/ascend/dvpp.h"
#include "cc/ascend/memory.h"
#include "cc/ascend/model.h"
#include "cc/ascend/session.h"
#include "cc/engine/engine.h"

namespace lenet::ascend {

// Runs batches through a model; implements Engine::Start and Finish.
//
// If the program runs on the host or DVPP decodes, two batches overlap: one is
// copied or decoded on the transfer stream while the other executes on the
// execute stream. There are no events between the streams; this thread waits
// for one stream before it gives work to the other:
//
//   Start(0)   transfer 0
//   Start(1)   wait for transfer 0; execute 0; transfer 1
//   Finish()   wait for execute 0; wait for transfer 1; execute 1; results of 0
//   Start(2)   transfer 2
//   Finish()   wait for execute 1; ...
//
// On the NPU's own cores without DVPP there is nothing to overlap: Start writes
// the images to the model's input, and Finish runs the model.
class Pipeline {
 public:
  // `dvpp`, if not null, has two slots of info().batch pictures each in the
  // layout of the model's input; batches are then of InputForm::kFile,
  // otherwise of the model's form. All arguments must outlive this object.
  static absl::StatusOr<std::unique_ptr<Pipeline>> Create(Session* session,
                                                          const Model* model,
                                                          Dvpp* dvpp);

  // Waits for the started batches, unless the device failed.
  ~Pipeline();

  Pipeline(const Pipeline&) = delete;
  Pipeline& operator=(const Pipeline&) = delete;

  size_t depth() const { return slots_.size(); }

  // The functions of Engine. After an error other than invalid arguments, every
  // call returns this error.
  absl::Status Start(const Batch& batch);
  absl::Status Finish(absl::Span<float> out);
  absl::Status ImageStatus(size_t i) const;

  size_t decoded_on_device() const { return decoded_on_device_; }
  size_t decoded_on_host() const { return decoded_on_host_; }
  void ResetCounts() { decoded_on_device_ = decoded_on_host_ = 0; }

 private:
  // Memory of one started batch.
  struct Slot {
    size_t index = 0;
    std::unique_ptr<Binding> binding;
    Memory input;   // for copies on a stream; empty with ACL_DEVICE
    Memory output;  // the same
    size_t images = 0;
    absl::Span<const SourceImage> files;  // with DVPP
    std::vector<absl::Status> statuses;   // of the files
    bool executing = false;
  };

  Pipeline(Session* session, const Model* model, Dvpp* dvpp)
      : session_(session), model_(*model), dvpp_(dvpp) {}

  absl::Status Allocate();
  absl::Status AllocateSlot(Slot* slot);
  absl::Status CheckBatch(const Batch& batch) const;
  absl::Status StartChecked(const Batch& batch);
  absl::Status FinishChecked(absl::Span<float> out);

  absl::Status Transfer(const Batch& batch, Slot* slot);
  void WriteImages(const Batch& batch, size_t images, uint8_t* to) const;
  absl::Status TransferFile(size_t index, Slot* slot);
  absl::Status PutFile(size_t index, Slot* slot);
  absl::Status FinishFiles(Slot* slot);
  absl::Status Execute(Slot* slot);
  void Read(const Slot& slot, absl::Span<float> out) const;

  bool pipelined() const { return slots_.size() > 1; }
  bool on_host() const { return session_->run_mode() == ACL_HOST; }
  size_t classes() const { return static_cast<size_t>(model_.info().classes); }
  size_t logit_bytes() const { return model_.info().half_output ? 2 : 4; }

  Session* const session_;
  const Model& model_;
  Dvpp* const dvpp_;
  std::vector<Slot> slots_;
  std::deque<Slot*> started_;           // oldest first
  size_t next_ = 0;                     // slot of the next batch
  std::vector<absl::Status> statuses_;  // of the batch that was finished last
  absl::Status error_;                  // the first error
  size_t decoded_on_device_ = 0;
  size_t decoded_on_host_ = 0;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_PIPELINE_H_

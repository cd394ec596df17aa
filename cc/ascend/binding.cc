#include "cc/ascend/binding.h"

#include "absl/strings/str_cat.h"
#include "cc/ascend/library.h"
#include "cc/base/status_macros.h"

namespace lenet::ascend {

absl::StatusOr<std::unique_ptr<Binding>> Binding::Create(Session* session,
                                                         const Model& model,
                                                         void* input) {
  // Of what Allocate has made when it fails, the destructor disposes.
  std::unique_ptr<Binding> binding(new Binding(session, model));
  LENET_RETURN_IF_ERROR(binding->Allocate(input));
  return binding;
}

absl::Status Binding::Allocate(void* input) {
  const ModelInfo& info = model_.info();
  if (input == nullptr) {
    LENET_ASSIGN_OR_RETURN(
        input_memory_,
        Memory::Allocate(session_, Heap::kDevice, info.input_bytes));
  }
  input_ = input == nullptr ? input_memory_.data() : input;
  if (!info.gears.empty()) {
    LENET_ASSIGN_OR_RETURN(
        gear_memory_,
        Memory::Allocate(session_, Heap::kDevice, info.gear_bytes));
  }
  LENET_ASSIGN_OR_RETURN(
      output_memory_,
      Memory::Allocate(session_, Heap::kDevice, info.output_bytes));

  LENET_ASSIGN_OR_RETURN(inputs_, CreateDataset());
  const size_t input_count = info.gears.empty() ? 1 : 2;
  for (size_t i = 0; i < input_count; ++i) {
    LENET_RETURN_IF_ERROR(
        i == info.input_index
            ? AddBuffer(inputs_, input_, info.input_bytes)
            : AddBuffer(inputs_, gear_memory_.data(), info.gear_bytes));
  }
  LENET_ASSIGN_OR_RETURN(outputs_, CreateDataset());
  return AddBuffer(outputs_, output_memory_.data(), info.output_bytes);
}

absl::StatusOr<aclmdlDataset*> Binding::CreateDataset() {
  aclmdlDataset* const dataset = session_->acl().aclmdlCreateDataset();
  if (dataset != nullptr) return dataset;
  return absl::ResourceExhaustedError("aclmdlCreateDataset failed");
}

absl::Status Binding::AddBuffer(aclmdlDataset* dataset, void* data,
                                size_t size) {
  const Functions& acl = session_->acl();
  aclDataBuffer* const buffer = acl.aclCreateDataBuffer(data, size);
  if (buffer == nullptr) {
    return absl::ResourceExhaustedError("aclCreateDataBuffer failed");
  }
  buffers_.push_back(buffer);  // before it can fail: it is ours either way
  return session_->Check(acl.aclmdlAddDatasetBuffer(dataset, buffer),
                         "aclmdlAddDatasetBuffer");
}

Binding::~Binding() {
  const Functions& acl = session_->acl();
  // Only what was created is there to destroy. A buffer goes before its memory,
  // and a dataset, which owns neither, after both.
  for (aclDataBuffer* const buffer : buffers_) {
    session_->CheckTeardown(acl.aclDestroyDataBuffer(buffer),
                            "aclDestroyDataBuffer");
  }
  input_memory_.Free();
  gear_memory_.Free();
  output_memory_.Free();
  for (aclmdlDataset* const dataset : {inputs_, outputs_}) {
    if (dataset == nullptr) continue;
    session_->CheckTeardown(acl.aclmdlDestroyDataset(dataset),
                            "aclmdlDestroyDataset");
  }
}

absl::Status Binding::SetGear(size_t images) {
  const ModelInfo& info = model_.info();
  if (info.gears.empty()) return absl::OkStatus();
  return session_->Check(
      session_->acl().aclmdlSetDynamicBatchSize(
          model_.id(), inputs_, info.gear_index, uint64_t{images}),
      "aclmdlSetDynamicBatchSize");
}

absl::Status Binding::Execute() {
  return session_->Check(
      session_->acl().aclmdlExecute(model_.id(), inputs_, outputs_),
      "aclmdlExecute");
}

absl::Status Binding::ExecuteAsync(aclrtStream stream) {
  return session_->Check(session_->acl().aclmdlExecuteAsync(
                             model_.id(), inputs_, outputs_, stream),
                         "aclmdlExecuteAsync");
}

}  // namespace lenet::ascend

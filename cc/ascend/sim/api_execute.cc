// Of libascendcl.so: models are executed.

#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/float16.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/model_file.h"
#include "cc/ascend/sim/models.h"

namespace lenet::ascend::sim {
namespace {

// A buffer may be that much shorter than the model says.
constexpr size_t kTolerated = 64;
// What is left behind in the gear's buffer: the gear holds for one execution.
constexpr uint64_t kNoGear = ~uint64_t{0};

// What one execution reads and writes: addresses of the application.
struct Addresses {
  const void* images = nullptr;
  void* logits = nullptr;
  uint64_t batch = 0;
};

// The buffer at `index`; 100000 for one that was destroyed, 145000 for null, or
// memory of the wrong size.
aclError GetBuffer(Call* call, const std::vector<aclDataBuffer*>& buffers,
                   size_t index, size_t bytes,
                   std::shared_ptr<DataBuffer>* buffer) {
  SIM_RETURN_IF_ERROR(call->Get(buffers[index], buffer));
  if ((*buffer)->data == nullptr) {
    return call->Result(ACL_ERROR_GE_PARAM_INVALID, "a buffer is null");
  }
  if ((*buffer)->size + kTolerated < bytes) {
    return call->Result(ACL_ERROR_GE_PARAM_INVALID,
                        absl::StrCat("a buffer has ", (*buffer)->size,
                                     " bytes, ", bytes, " are needed"));
  }
  return ACL_SUCCESS;
}

// The device's view of memory that the model works with, which must be the
// device's own.
aclError GetView(Call* call, const void* address, size_t bytes, char** view) {
  *view = call->heaps().DeviceView(address, bytes);
  if (*view != nullptr) return ACL_SUCCESS;
  return call->Violation(
      ViolationKind::kOwnership, ACL_ERROR_RT_MODEL_EXECUTE,
      absl::StrCat(bytes, " bytes of a buffer are not memory of the device"));
}

// The gear that aclmdlSetDynamicBatchSize wrote for this execution.
aclError TakeGear(Call* call, const std::vector<aclDataBuffer*>& inputs,
                  uint64_t* gear) {
  std::shared_ptr<DataBuffer> buffer;
  SIM_RETURN_IF_ERROR(GetBuffer(call, inputs, kGearInput, kGearBytes, &buffer));
  char* view = nullptr;
  SIM_RETURN_IF_ERROR(GetView(call, buffer->data, kGearBytes, &view));
  std::memcpy(gear, view, kGearBytes);
  std::memcpy(view, &kNoGear, kGearBytes);
  return ACL_SUCCESS;
}

aclError GetAddresses(Call* call, const ModelFile& file,
                      const aclmdlDataset* inputs, aclmdlDataset* outputs,
                      Addresses* addresses) {
  std::shared_ptr<Dataset> in;
  std::shared_ptr<Dataset> out;
  SIM_RETURN_IF_ERROR(call->Get(inputs, &in));
  SIM_RETURN_IF_ERROR(call->Get(outputs, &out));
  if (in->buffers.size() != InputCount(file) || out->buffers.size() != 1) {
    return call->Result(ACL_ERROR_GE_PARAM_INVALID,
                        "the data sets have another number of buffers");
  }
  addresses->batch = file.batch;
  if (!file.gears.empty()) {
    SIM_RETURN_IF_ERROR(TakeGear(call, in->buffers, &addresses->batch));
    bool known = false;
    for (const uint32_t gear : file.gears) known |= gear == addresses->batch;
    if (!known) {
      return call->Violation(
          ViolationKind::kOrder, ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID,
          "aclmdlSetDynamicBatchSize was not called for this execution");
    }
  }
  std::shared_ptr<DataBuffer> buffer;
  SIM_RETURN_IF_ERROR(GetBuffer(
      call, in->buffers, 0, addresses->batch * file.image_bytes(), &buffer));
  addresses->images = buffer->data;
  SIM_RETURN_IF_ERROR(GetBuffer(
      call, out->buffers, 0, addresses->batch * file.output_bytes(), &buffer));
  addresses->logits = buffer->data;
  return ACL_SUCCESS;
}

bool HasNan(const std::vector<float>& tensor) {
  for (const float value : tensor) {
    if (std::isnan(value)) return true;
  }
  return false;
}

void StoreLogits(const ModelFile& file, const std::vector<float>& logits,
                 char* to) {
  if (!file.half_output) {
    std::memcpy(to, logits.data(), file.output_bytes());
    return;
  }
  for (const float logit : logits) {
    const uint16_t half = FloatToHalf(logit);
    std::memcpy(to, &half, sizeof(half));
    to += sizeof(half);
  }
}

// Runs the images one after the other. What was never written counts as NaN,
// and is a breach of ownership.
aclError Execute(State* state, Site site, LoadedModel* model,
                 const Addresses& addresses) {
  const ModelFile& file = model->file;
  const Heaps& heaps = state->heaps();
  const char* in =
      heaps.DeviceView(addresses.images, addresses.batch * file.image_bytes());
  char* out =
      heaps.DeviceView(addresses.logits, addresses.batch * file.output_bytes());
  const auto violate = [&](const char* text) {
    state->AddViolation({ViolationKind::kOwnership, site, text});
    return ACL_ERROR_RT_MODEL_EXECUTE;
  };
  if (in == nullptr || out == nullptr) {
    return violate("a buffer is not, or no longer, memory of the device");
  }
  const std::lock_guard<std::mutex> lock(model->mutex);
  std::vector<float> tensor(file.pixels());
  std::vector<float> logits(file.graph->output_size());
  for (uint64_t i = 0; i < addresses.batch; ++i) {
    PrepareImage(file, in, tensor.data());
    if (HasNan(tensor)) return violate("the input was not written, or is NaN");
    file.graph->Run(tensor.data(), logits.data());
    StoreLogits(file, logits, out);
    in += file.image_bytes();
    out += file.output_bytes();
  }
  return ACL_SUCCESS;
}

aclError ExecuteOnStream(Call* call, uint32_t id, const aclmdlDataset* inputs,
                         aclmdlDataset* outputs, aclrtStream handle) {
  FoundModel found;
  SIM_RETURN_IF_ERROR(FindModelOfContext(call, id, &found));
  std::shared_ptr<Stream> stream;
  SIM_RETURN_IF_ERROR(call->GetStream(handle, &stream));
  const std::shared_ptr<LoadedModel> model = found.model;
  if (model->waiting > 0 && model->stream != stream.get()) {
    call->Violation(ViolationKind::kOrder, ACL_SUCCESS,
                    "the model is on two streams at once");
  }
  Addresses addresses;
  SIM_RETURN_IF_ERROR(
      GetAddresses(call, model->file, inputs, outputs, &addresses));
  model->stream = stream.get();
  ++model->waiting;
  // Dropped work is over too.
  const std::shared_ptr<void> waiting(nullptr,
                                      [model](void*) { --model->waiting; });
  State* const state = &call->state();
  const Site site = call->site();
  call->Enqueue(stream,
                [state, site, model, addresses, waiting] {
                  return Execute(state, site, model.get(), addresses);
                },
                {addresses.images, addresses.logits});
  return call->Result(ACL_SUCCESS);
}

}  // namespace
}  // namespace lenet::ascend::sim

using lenet::ascend::sim::Addresses;
using lenet::ascend::sim::DataBuffer;
using lenet::ascend::sim::Dataset;
using lenet::ascend::sim::Execute;
using lenet::ascend::sim::ExecuteOnStream;
using lenet::ascend::sim::FindModel;
using lenet::ascend::sim::FindModelOfContext;
using lenet::ascend::sim::FoundModel;
using lenet::ascend::sim::GetAddresses;
using lenet::ascend::sim::GetView;
using lenet::ascend::sim::kGearBytes;
using lenet::ascend::sim::kGearInput;
using lenet::ascend::sim::ViolationKind;

extern "C" {

aclError aclmdlSetDynamicBatchSize(uint32_t id, aclmdlDataset* handle,
                                   size_t index, uint64_t size) {
  SIM_CALL(aclmdlSetDynamicBatchSize);
  FoundModel found;
  SIM_RETURN_IF_ERROR(FindModel(&call, id, &found));
  std::shared_ptr<Dataset> dataset;
  SIM_RETURN_IF_ERROR(call.Get(handle, &dataset));
  if (size == 0) return call.Result(ACL_ERROR_INVALID_PARAM, "the size is 0");
  if (found.model->file.gears.empty()) {
    return call.Result(ACL_ERROR_MODEL_NOT_DYNAMIC, "the batch is static");
  }
  std::shared_ptr<DataBuffer> buffer;
  if (index != kGearInput || index >= dataset->buffers.size()) {
    return call.Result(ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID,
                       "this input does not hold the batch");
  }
  SIM_RETURN_IF_ERROR(call.Get(dataset->buffers[index], &buffer));
  if (buffer->data == nullptr) {
    return call.Result(ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID, "null");
  }
  if (buffer->size < kGearBytes) {
    return call.Result(ACL_ERROR_GE_DYNAMIC_INPUT_LENGTH_INVALID, "too short");
  }
  for (const uint32_t gear : found.model->file.gears) {
    if (gear != size) continue;
    char* view = nullptr;
    SIM_RETURN_IF_ERROR(GetView(&call, buffer->data, kGearBytes, &view));
    std::memcpy(view, &size, kGearBytes);
    return call.Result(ACL_SUCCESS);
  }
  return call.Result(ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID,
                     absl::StrCat(size, " is not one of the batch sizes"));
}

aclError aclmdlExecute(uint32_t id, const aclmdlDataset* inputs,
                       aclmdlDataset* outputs) {
  SIM_CALL(aclmdlExecute);
  FoundModel found;
  SIM_RETURN_IF_ERROR(FindModelOfContext(&call, id, &found));
  if (found.model->waiting > 0) {
    call.Violation(ViolationKind::kOrder, ACL_SUCCESS,
                   "an execution of the model waits on a stream");
  }
  Addresses addresses;
  SIM_RETURN_IF_ERROR(
      GetAddresses(&call, found.model->file, inputs, outputs, &addresses));
  return call.Result(
      Execute(&call.state(), call.site(), found.model.get(), addresses),
      "the execution failed");
}

aclError aclmdlExecuteAsync(uint32_t id, const aclmdlDataset* inputs,
                            aclmdlDataset* outputs, aclrtStream stream) {
  SIM_CALL(aclmdlExecuteAsync);
  return ExecuteOnStream(&call, id, inputs, outputs, stream);
}

}  // extern "C"

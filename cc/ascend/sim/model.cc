// libascendcl.so: models.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/ascend/sim/model_file.h"
#include "cc/ascend/sim/simulator.h"

namespace lenet::ascend::sim {
namespace {

constexpr size_t kGearInput = 1;  // index of the input with the batch size
constexpr size_t kGearBytes = sizeof(uint64_t);
// Value of that input after an execution, which takes the batch size away.
constexpr uint64_t kNoGear = ~uint64_t{0};
// A buffer may be shorter than the model says by this number of bytes.
constexpr size_t kBufferTolerance = 64;

struct LoadedModel {
  static constexpr absl::string_view kKind = "model";
  uint32_t id = 0;  // never used again
  ModelFile file;
  void* weights = nullptr;  // the device memory that the model takes
  const void* handle = nullptr;
  const void* context = nullptr;
  int waiting = 0;                 // executions that were not synchronised
  const Stream* stream = nullptr;  // of the last of them
};

// Model description, which is empty until aclmdlGetDesc sets the model.
struct ModelDesc {
  static constexpr absl::string_view kKind = "model description";
  std::shared_ptr<LoadedModel> model;
};

// The buffers of one execution, as addresses of the application.
struct Execution {
  void* images = nullptr;
  void* logits = nullptr;
  uint64_t batch = 0;
};

bool HasGear(const ModelFile& file, uint64_t gear) {
  return std::find(file.gears.begin(), file.gears.end(), gear) !=
         file.gears.end();
}

// Finds a model. Returns 145003 and records a violation for an unknown id.
aclError FindModel(Call& call, uint32_t id,
                   std::shared_ptr<LoadedModel>* found) {
  for (const auto& [handle, object] : call.objects().live()) {
    if (object.kind != LoadedModel::kKind) continue;
    *found = std::static_pointer_cast<LoadedModel>(object.value);
    if ((*found)->id == id) return ACL_SUCCESS;
  }
  return call.Violation(ACL_ERROR_GE_EXEC_MODEL_ID_INVALID,
                        absl::StrCat("no model has the id ", id));
}

// The same; returns 107004 and records a violation if the model was loaded in
// another context.
aclError FindModelOfContext(Call& call, uint32_t id,
                            std::shared_ptr<LoadedModel>* found) {
  SIM_RETURN_IF_ERROR(FindModel(call, id, found));
  if ((*found)->context == call.context_handle()) return ACL_SUCCESS;
  return call.Violation(ACL_ERROR_RT_MODEL_CONTEXT,
                        "the model was loaded in another context");
}

// Returns the model of a description; null, and sets the result, if there is
// none.
const ModelFile* Described(Call& call, const aclmdlDesc* handle) {
  std::shared_ptr<ModelDesc> desc;
  if (call.Get(handle, &desc) != ACL_SUCCESS) return nullptr;
  if (desc->model != nullptr) return &desc->model->file;
  call.Result(ACL_ERROR_INVALID_PARAM, "the description is empty");
  return nullptr;
}

// Finds the buffer at `index`. Returns 145000 for null or too small memory.
aclError GetBuffer(Call& call, const Dataset& dataset, size_t index,
                   size_t bytes, void** data) {
  SIM_GET(buffer, DataBuffer, dataset.buffers[index]);
  if (buffer->data == nullptr || buffer->size + kBufferTolerance < bytes) {
    return call.Result(ACL_ERROR_GE_PARAM_INVALID,
                       absl::StrCat("a buffer is null or has ", buffer->size,
                                    " bytes instead of ", bytes));
  }
  *data = buffer->data;
  return ACL_SUCCESS;
}

// Finds the simulator's address of the batch size of a dynamic model.
aclError GetGear(Call& call, const Dataset& inputs, char** view) {
  void* data = nullptr;
  SIM_RETURN_IF_ERROR(GetBuffer(call, inputs, kGearInput, kGearBytes, &data));
  *view = call.memory().View(Side::kDevice, data, kGearBytes);
  if (*view != nullptr) return ACL_SUCCESS;
  return call.Violation(ACL_ERROR_RT_MODEL_EXECUTE,
                        "the buffer of the batch size is not device memory");
}

aclError Prepare(Call& call, const ModelFile& file,
                 const aclmdlDataset* input_handle,
                 aclmdlDataset* output_handle, Execution* execution) {
  SIM_GET(inputs, Dataset, input_handle);
  SIM_GET(outputs, Dataset, output_handle);
  if (inputs->buffers.size() != file.input_count() ||
      outputs->buffers.size() != 1) {
    return call.Result(ACL_ERROR_GE_PARAM_INVALID,
                       "a dataset has another number of buffers");
  }
  execution->batch = file.batch;
  if (!file.gears.empty()) {
    char* view = nullptr;
    SIM_RETURN_IF_ERROR(GetGear(call, *inputs, &view));
    std::memcpy(&execution->batch, view, kGearBytes);
    std::memcpy(view, &kNoGear, kGearBytes);
    if (!HasGear(file, execution->batch)) {
      return call.Violation(
          ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID,
          "aclmdlSetDynamicBatchSize was not called for this execution");
    }
  }
  SIM_RETURN_IF_ERROR(GetBuffer(call, *inputs, 0,
                                execution->batch * file.image_bytes(),
                                &execution->images));
  return GetBuffer(call, *outputs, 0, execution->batch * file.output_bytes(),
                   &execution->logits);
}

// NaN in an image is a violation: memory that was never written is NaN.
aclError Execute(State* state, Site site, const ModelFile& file,
                 const Execution& execution) {
  const Memory& memory = state->memory;
  const char* in = memory.View(Side::kDevice, execution.images,
                               execution.batch * file.image_bytes());
  char* out = memory.View(Side::kDevice, execution.logits,
                          execution.batch * file.output_bytes());
  const auto violation = [&](const char* text) {
    state->AddViolation(site, text);
    return ACL_ERROR_RT_MODEL_EXECUTE;
  };
  if (in == nullptr || out == nullptr) {
    return violation("a buffer is not, or no longer, memory of the device");
  }
  if (RunModel(file, execution.batch, in, out)) return ACL_SUCCESS;
  return violation("the input was not written, or is NaN");
}

aclError FillDims(Call& call, absl::string_view name,
                  std::initializer_list<int64_t> shape, aclmdlIODims* dims) {
  SIM_RETURN_IF_ERROR(call.CheckPointers({dims}));
  *dims = {};
  name = name.substr(0, sizeof(dims->name) - 1);
  std::copy(name.begin(), name.end(), dims->name);
  dims->dimCount = shape.size();
  std::copy(shape.begin(), shape.end(), dims->dims);
  return call.Result(ACL_SUCCESS);
}

// Returns the first dimension; -1 for a dynamic batch, as ATC does.
int64_t BatchDim(const ModelFile& file) {
  return file.gears.empty() ? int64_t{file.batch} : -1;
}

}  // namespace

extern "C" {

aclError aclmdlLoadFromFile(const char* path, uint32_t* id) {
  SIM_CALL(kDeviceWork | kLoadsModel);
  SIM_RETURN_IF_ERROR(call.CheckPointers({path, id}));
  std::ifstream file(path, std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(file), {});
  if (!file) {
    return call.Result(ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID,
                       absl::StrCat("cannot read ", path));
  }
  const auto model = std::make_shared<LoadedModel>();
  std::string error;
  const aclError code = ReadModelFile(content, &model->file, &error);
  if (code != ACL_SUCCESS) return call.Result(code, error);
  const std::string& soc = call.state().settings.soc;
  if (model->file.soc != soc) {
    return call.Result(
        ACL_ERROR_RT_SOC_VERSION,
        absl::StrCat("the model is for ", model->file.soc, ", this is ", soc));
  }
  model->weights = call.memory().Allocate(HeapKind::kDevice, call.device(),
                                          model->file.body_bytes, call.site());
  if (model->weights == nullptr) {
    return call.Result(ACL_ERROR_GE_DEVICE_MEMORY_ALLOCATION_FAILED,
                       "no room for the weights");
  }
  model->id = static_cast<uint32_t>(call.site().number);
  model->context = call.context_handle();
  model->handle = call.objects().Add(model, call.site(), model->context);
  *id = model->id;
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlUnload(uint32_t id) {
  SIM_CALL(kNeedsContext | kReleases);
  std::shared_ptr<LoadedModel> model;
  SIM_RETURN_IF_ERROR(FindModelOfContext(call, id, &model));
  if (model->waiting > 0 && !call.state().hangs) {
    call.Violation(0, "an execution of the model was not synchronised");
  }
  call.objects().Remove(model->handle);
  call.memory().Free(HeapKind::kDevice, model->weights);
  return call.Result(ACL_SUCCESS);
}

aclmdlDesc* aclmdlCreateDesc() {
  return static_cast<aclmdlDesc*>(Create<ModelDesc>(__func__));
}

aclError aclmdlDestroyDesc(aclmdlDesc* handle) {
  return Destroy<ModelDesc>(__func__, handle);
}

aclError aclmdlGetDesc(aclmdlDesc* handle, uint32_t id) {
  SIM_CALL(0);
  SIM_GET(desc, ModelDesc, handle);
  std::shared_ptr<LoadedModel> model;
  SIM_RETURN_IF_ERROR(FindModel(call, id, &model));
  desc->model = std::move(model);
  return call.Result(ACL_SUCCESS);
}

// Functions that return a number or a type return 0 or "undefined" on failure.

size_t aclmdlGetNumInputs(aclmdlDesc* desc) {
  SIM_CALL_OR(0, 0);
  const ModelFile* const file = Described(call, desc);
  return file == nullptr ? 0 : file->input_count();
}

size_t aclmdlGetNumOutputs(aclmdlDesc* desc) {
  SIM_CALL_OR(0, 0);
  return Described(call, desc) == nullptr ? 0 : 1;
}

size_t aclmdlGetInputSizeByIndex(aclmdlDesc* desc, size_t index) {
  SIM_CALL_OR(0, 0);
  const ModelFile* const file = Described(call, desc);
  if (file == nullptr || index >= file->input_count()) return 0;
  return index == kGearInput ? kGearBytes : file->batch * file->image_bytes();
}

size_t aclmdlGetOutputSizeByIndex(aclmdlDesc* desc, size_t index) {
  SIM_CALL_OR(0, 0);
  const ModelFile* const file = Described(call, desc);
  if (file == nullptr || index > 0) return 0;
  return file->batch * file->output_bytes();
}

aclError aclmdlGetInputDims(const aclmdlDesc* desc, size_t index,
                            aclmdlIODims* dims) {
  SIM_CALL(0);
  const ModelFile* const file = Described(call, desc);
  if (file == nullptr) return ACL_ERROR_INVALID_PARAM;
  if (index >= file->input_count()) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "there is no such input");
  }
  if (index == kGearInput) {
    return FillDims(call, kAclDynamicTensorName, {1}, dims);
  }
  const int64_t batch = BatchDim(*file);
  const int64_t height = file->height;
  const int64_t width = file->width;
  if (file->aipp == AippFormat::kNone) {
    return FillDims(call, file->input_name, {batch, 1, height, width}, dims);
  }
  // ATC turns an input with AIPP to NHWC.
  return FillDims(call, file->input_name, {batch, height, width, 1}, dims);
}

aclError aclmdlGetOutputDims(const aclmdlDesc* desc, size_t index,
                             aclmdlIODims* dims) {
  SIM_CALL(0);
  const ModelFile* const file = Described(call, desc);
  if (file == nullptr) return ACL_ERROR_INVALID_PARAM;
  if (index > 0) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "there is no such output");
  }
  const auto classes = static_cast<int64_t>(file->graph->output_size());
  return FillDims(call, file->output_name, {BatchDim(*file), classes}, dims);
}

aclDataType aclmdlGetInputDataType(const aclmdlDesc* desc, size_t index) {
  SIM_CALL_OR(0, ACL_DT_UNDEFINED);
  const ModelFile* const file = Described(call, desc);
  if (file == nullptr || index >= file->input_count()) return ACL_DT_UNDEFINED;
  if (index == kGearInput) return ACL_UINT64;
  return file->aipp == AippFormat::kNone ? ACL_FLOAT : ACL_UINT8;
}

aclDataType aclmdlGetOutputDataType(const aclmdlDesc* desc, size_t index) {
  SIM_CALL_OR(0, ACL_DT_UNDEFINED);
  const ModelFile* const file = Described(call, desc);
  if (file == nullptr || index > 0) return ACL_DT_UNDEFINED;
  return file->half_output ? ACL_FLOAT16 : ACL_FLOAT;
}

aclError aclmdlGetInputIndexByName(const aclmdlDesc* desc, const char* name,
                                   size_t* index) {
  SIM_CALL(0);
  const ModelFile* const file = Described(call, desc);
  if (file == nullptr) return ACL_ERROR_INVALID_PARAM;
  SIM_RETURN_IF_ERROR(call.CheckPointers({name, index}));
  if (name == file->input_name) {
    *index = 0;
  } else if (name == absl::string_view(kAclDynamicTensorName) &&
             file->input_count() > kGearInput) {
    *index = kGearInput;
  } else {
    return call.Result(ACL_ERROR_INVALID_PARAM, "no input has this name");
  }
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlGetDynamicBatch(const aclmdlDesc* desc, aclmdlBatch* batch) {
  SIM_CALL(0);
  const ModelFile* const file = Described(call, desc);
  if (file == nullptr) return ACL_ERROR_INVALID_PARAM;
  SIM_RETURN_IF_ERROR(call.CheckPointers({batch}));
  *batch = {};
  batch->batchCount = file->gears.size();
  std::copy(file->gears.begin(), file->gears.end(), batch->batch);
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlGetAippType(uint32_t id, size_t index, aclmdlInputAippType* type,
                           size_t* attached) {
  SIM_CALL(0);
  std::shared_ptr<LoadedModel> model;
  SIM_RETURN_IF_ERROR(FindModel(call, id, &model));
  SIM_RETURN_IF_ERROR(call.CheckPointers({type, attached}));
  if (index >= model->file.input_count()) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "there is no such input");
  }
  const bool aipp = index == 0 && model->file.aipp != AippFormat::kNone;
  *type = aipp ? ACL_DATA_WITH_STATIC_AIPP : ACL_DATA_WITHOUT_AIPP;
  *attached = SIZE_MAX;  // only a dynamic AIPP has an attached input
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlGetFirstAippInfo(uint32_t id, size_t index, aclAippInfo* info) {
  SIM_CALL(0);
  std::shared_ptr<LoadedModel> model;
  SIM_RETURN_IF_ERROR(FindModel(call, id, &model));
  SIM_RETURN_IF_ERROR(call.CheckPointers({info}));
  const ModelFile& file = model->file;
  if (index > 0 || file.aipp == AippFormat::kNone) {
    return call.Result(ACL_ERROR_GE_AIPP_NOT_EXIST, "this input has no AIPP");
  }
  std::memset(info, 0, sizeof(*info));
  info->inputFormat =
      file.aipp == AippFormat::kYuv400 ? ACL_YUV400_U8 : ACL_YUV420SP_U8;
  info->srcImageSizeW = static_cast<int32_t>(file.width);
  info->srcImageSizeH = static_cast<int32_t>(file.height);
  info->meanChn0 = static_cast<int32_t>(file.aipp_mean);
  info->minChn0 = file.aipp_min;
  info->varReciChn0 = file.aipp_var_reci;
  return call.Result(ACL_SUCCESS);
}

// Execution.

aclError aclmdlSetDynamicBatchSize(uint32_t id, aclmdlDataset* handle,
                                   size_t index, uint64_t size) {
  SIM_CALL(kDeviceWork);
  std::shared_ptr<LoadedModel> model;
  SIM_RETURN_IF_ERROR(FindModel(call, id, &model));
  SIM_GET(dataset, Dataset, handle);
  if (size == 0) return call.Result(ACL_ERROR_INVALID_PARAM, "the size is 0");
  if (model->file.gears.empty()) {
    return call.Result(ACL_ERROR_MODEL_NOT_DYNAMIC, "the batch is static");
  }
  if (index != kGearInput || index >= dataset->buffers.size()) {
    return call.Result(ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID,
                       "this input does not hold the batch size");
  }
  if (!HasGear(model->file, size)) {
    return call.Result(ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID,
                       absl::StrCat(size, " is not one of the batch sizes"));
  }
  char* view = nullptr;
  SIM_RETURN_IF_ERROR(GetGear(call, *dataset, &view));
  std::memcpy(view, &size, kGearBytes);
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlExecute(uint32_t id, const aclmdlDataset* inputs,
                       aclmdlDataset* outputs) {
  SIM_CALL(kDeviceWork);
  std::shared_ptr<LoadedModel> model;
  SIM_RETURN_IF_ERROR(FindModelOfContext(call, id, &model));
  if (model->waiting > 0) {
    call.Violation(0, "an execution of the model was not synchronised");
  }
  Execution execution;
  SIM_RETURN_IF_ERROR(Prepare(call, model->file, inputs, outputs, &execution));
  return call.Result(
      Execute(&call.state(), call.site(), model->file, execution),
      "the execution failed");
}

aclError aclmdlExecuteAsync(uint32_t id, const aclmdlDataset* inputs,
                            aclmdlDataset* outputs, aclrtStream handle) {
  SIM_CALL(kDeviceWork);
  std::shared_ptr<LoadedModel> model;
  SIM_RETURN_IF_ERROR(FindModelOfContext(call, id, &model));
  SIM_GET_STREAM(stream, handle);
  if (model->waiting > 0 && model->stream != stream.get()) {
    call.Violation(0, "the model is on two streams at once");
  }
  Execution execution;
  SIM_RETURN_IF_ERROR(Prepare(call, model->file, inputs, outputs, &execution));
  model->stream = stream.get();
  ++model->waiting;
  // Its deleter runs when the stream forgets the task.
  const std::shared_ptr<void> waiting(nullptr,
                                      [model](void*) { --model->waiting; });
  State* const state = &call.state();
  const auto work = [state, site = call.site(), model, execution, waiting] {
    return Execute(state, site, model->file, execution);
  };
  call.Enqueue(stream.get(), work, {execution.images, execution.logits});
  return call.Result(ACL_SUCCESS);
}

}  // extern "C"
}  // namespace lenet::ascend::sim

// Of libascendcl.so: what a description tells of its model. Numbers and types
// have no way to report an error: 0, or "undefined".

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/model_file.h"
#include "cc/ascend/sim/models.h"

namespace lenet::ascend::sim {
namespace {

// The model of a description; null, and a result that is no success, if there
// is none.
std::shared_ptr<LoadedModel> Described(Call* call, const aclmdlDesc* handle) {
  std::shared_ptr<ModelDesc> desc;
  if (call->Get(handle, &desc) != ACL_SUCCESS) return nullptr;
  if (desc->model == nullptr) {
    call->Result(ACL_ERROR_INVALID_PARAM, "the description is of no model");
  }
  return desc->model;
}

aclError SetDims(Call* call, absl::string_view name,
                 std::initializer_list<int64_t> shape, aclmdlIODims* dims) {
  if (dims == nullptr) {
    return call->Result(ACL_ERROR_INVALID_PARAM, "dims is null");
  }
  *dims = {};
  name = name.substr(0, sizeof(dims->name) - 1);
  std::copy(name.begin(), name.end(), dims->name);
  dims->dimCount = shape.size();
  std::copy(shape.begin(), shape.end(), dims->dims);
  return call->Result(ACL_SUCCESS);
}

// -1 where the batch is dynamic, as ATC has it.
int64_t BatchDim(const ModelFile& file) {
  return file.gears.empty() ? int64_t{file.batch} : -1;
}

aclError InputDims(Call* call, const aclmdlDesc* desc, size_t index,
                   aclmdlIODims* dims) {
  const auto model = Described(call, desc);
  if (model == nullptr) return ACL_ERROR_INVALID_PARAM;
  const ModelFile& file = model->file;
  if (index >= InputCount(file)) {
    return call->Result(ACL_ERROR_INVALID_PARAM, "there is no such input");
  }
  if (index == kGearInput) {
    return SetDims(call, kAclDynamicTensorName, {1}, dims);
  }
  const int64_t batch = BatchDim(file);
  const int64_t height = file.height;
  const int64_t width = file.width;
  if (file.aipp == AippFormat::kNone) {
    return SetDims(call, file.input_name, {batch, 1, height, width}, dims);
  }
  // ATC turns an input with AIPP to NHWC.
  return SetDims(call, file.input_name, {batch, height, width, 1}, dims);
}

}  // namespace
}  // namespace lenet::ascend::sim

using lenet::ascend::sim::AippFormat;
using lenet::ascend::sim::BatchDim;
using lenet::ascend::sim::Described;
using lenet::ascend::sim::FindModel;
using lenet::ascend::sim::FoundModel;
using lenet::ascend::sim::InputBytes;
using lenet::ascend::sim::InputCount;
using lenet::ascend::sim::InputDims;
using lenet::ascend::sim::kGearInput;
using lenet::ascend::sim::ModelFile;
using lenet::ascend::sim::OutputBytes;
using lenet::ascend::sim::SetDims;

extern "C" {

size_t aclmdlGetNumInputs(aclmdlDesc* desc) {
  SIM_CALL_OR(aclmdlGetNumInputs, 0);
  const auto model = Described(&call, desc);
  return model == nullptr ? 0 : InputCount(model->file);
}

size_t aclmdlGetNumOutputs(aclmdlDesc* desc) {
  SIM_CALL_OR(aclmdlGetNumOutputs, 0);
  return Described(&call, desc) == nullptr ? 0 : 1;
}

size_t aclmdlGetInputSizeByIndex(aclmdlDesc* desc, size_t index) {
  SIM_CALL_OR(aclmdlGetInputSizeByIndex, 0);
  const auto model = Described(&call, desc);
  return model == nullptr ? 0 : InputBytes(model->file, index);
}

size_t aclmdlGetOutputSizeByIndex(aclmdlDesc* desc, size_t index) {
  SIM_CALL_OR(aclmdlGetOutputSizeByIndex, 0);
  const auto model = Described(&call, desc);
  return model == nullptr || index > 0 ? 0 : OutputBytes(model->file);
}

aclError aclmdlGetInputDims(const aclmdlDesc* desc, size_t index,
                            aclmdlIODims* dims) {
  SIM_CALL(aclmdlGetInputDims);
  return InputDims(&call, desc, index, dims);
}

aclError aclmdlGetOutputDims(const aclmdlDesc* desc, size_t index,
                             aclmdlIODims* dims) {
  SIM_CALL(aclmdlGetOutputDims);
  const auto model = Described(&call, desc);
  if (model == nullptr) return ACL_ERROR_INVALID_PARAM;
  const ModelFile& file = model->file;
  if (index > 0) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "there is no such output");
  }
  return SetDims(
      &call, file.output_name,
      {BatchDim(file), static_cast<int64_t>(file.graph->output_size())}, dims);
}

aclDataType aclmdlGetInputDataType(const aclmdlDesc* desc, size_t index) {
  SIM_CALL_OR(aclmdlGetInputDataType, ACL_DT_UNDEFINED);
  const auto model = Described(&call, desc);
  if (model == nullptr || index >= InputCount(model->file)) {
    return ACL_DT_UNDEFINED;
  }
  if (index == kGearInput) return ACL_UINT64;
  return model->file.aipp == AippFormat::kNone ? ACL_FLOAT : ACL_UINT8;
}

aclDataType aclmdlGetOutputDataType(const aclmdlDesc* desc, size_t index) {
  SIM_CALL_OR(aclmdlGetOutputDataType, ACL_DT_UNDEFINED);
  const auto model = Described(&call, desc);
  if (model == nullptr || index > 0) return ACL_DT_UNDEFINED;
  return model->file.half_output ? ACL_FLOAT16 : ACL_FLOAT;
}

aclError aclmdlGetInputIndexByName(const aclmdlDesc* desc, const char* name,
                                   size_t* index) {
  SIM_CALL(aclmdlGetInputIndexByName);
  const auto model = Described(&call, desc);
  if (model == nullptr) return ACL_ERROR_INVALID_PARAM;
  if (name == nullptr || index == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "name or index is null");
  }
  if (name == model->file.input_name) {
    *index = 0;
  } else if (name == absl::string_view(kAclDynamicTensorName) &&
             InputCount(model->file) > kGearInput) {
    *index = kGearInput;
  } else {
    return call.Result(ACL_ERROR_INVALID_PARAM, "no input has this name");
  }
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlGetDynamicBatch(const aclmdlDesc* desc, aclmdlBatch* batch) {
  SIM_CALL(aclmdlGetDynamicBatch);
  const auto model = Described(&call, desc);
  if (model == nullptr) return ACL_ERROR_INVALID_PARAM;
  if (batch == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "batch is null");
  }
  *batch = {};
  batch->batchCount = model->file.gears.size();
  std::copy(model->file.gears.begin(), model->file.gears.end(), batch->batch);
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlGetAippType(uint32_t id, size_t index, aclmdlInputAippType* type,
                           size_t* attached) {
  SIM_CALL(aclmdlGetAippType);
  FoundModel found;
  SIM_RETURN_IF_ERROR(FindModel(&call, id, &found));
  if (type == nullptr || attached == nullptr ||
      index >= InputCount(found.model->file)) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "null, or no such input");
  }
  const bool aipp = index == 0 && found.model->file.aipp != AippFormat::kNone;
  *type = aipp ? ACL_DATA_WITH_STATIC_AIPP : ACL_DATA_WITHOUT_AIPP;
  *attached = SIZE_MAX;  // of a dynamic AIPP only
  return call.Result(ACL_SUCCESS);
}

aclError aclmdlGetFirstAippInfo(uint32_t id, size_t index, aclAippInfo* info) {
  SIM_CALL(aclmdlGetFirstAippInfo);
  FoundModel found;
  SIM_RETURN_IF_ERROR(FindModel(&call, id, &found));
  if (info == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "info is null");
  }
  const ModelFile& file = found.model->file;
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
  info->srcFormat = ACL_FORMAT_NCHW;
  info->srcDatatype = ACL_FLOAT;
  info->srcDimNum = 4;
  return call.Result(ACL_SUCCESS);
}

}  // extern "C"

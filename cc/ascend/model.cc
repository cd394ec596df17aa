#include "cc/ascend/model.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "cc/ascend/error.h"
#include "cc/ascend/library.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"
#include "cc/engine/engine.h"

namespace lenet::ascend {
namespace {

// Larger sizes are rejected, so that the products below cannot overflow.
constexpr int64_t kMaxSide = 4096;
constexpr uint64_t kMaxBatch = 65536;
constexpr int64_t kMaxClasses = 65536;

std::vector<int64_t> Shape(const aclmdlIODims& dims) {
  const size_t count = std::min(dims.dimCount, std::size(dims.dims));
  return std::vector<int64_t>(dims.dims, dims.dims + count);
}

std::string Name(const aclmdlIODims& dims) {
  return std::string(dims.name, strnlen(dims.name, sizeof(dims.name)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Model>> Model::Load(Session* session,
                                                   const std::string& path) {
  // If Open fails, the destructor releases what Open created.
  std::unique_ptr<Model> model(new Model(session, path));
  LENET_RETURN_IF_ERROR(model->Open());
  return model;
}

Model::~Model() {
  const Functions& acl = session_->acl();
  if (loaded_) session_->CheckTeardown(acl.aclmdlUnload(id_), "aclmdlUnload");
  if (desc_ != nullptr) {
    session_->CheckTeardown(acl.aclmdlDestroyDesc(desc_), "aclmdlDestroyDesc");
  }
}

absl::Status Model::Check(aclError code, absl::string_view call) const {
  return WithLocation(path_, session_->Check(code, call, Stage::kModel));
}

absl::Status Model::InvalidModel(absl::string_view reason) const {
  return InvalidArgument(path_, ": ", reason,
                         "; convert an image classifier, such as the LeNet of "
                         "//python:export (bazel run //tools:to_om)");
}

absl::Status Model::Open() {
  const Functions& acl = session_->acl();
  LENET_RETURN_IF_ERROR(
      Check(acl.aclmdlLoadFromFile(path_.c_str(), &id_), "aclmdlLoadFromFile"));
  loaded_ = true;
  desc_ = acl.aclmdlCreateDesc();
  if (desc_ == nullptr) {
    return absl::ResourceExhaustedError("aclmdlCreateDesc failed");
  }
  LENET_RETURN_IF_ERROR(Check(acl.aclmdlGetDesc(desc_, id_), "aclmdlGetDesc"));
  const size_t inputs = acl.aclmdlGetNumInputs(desc_);
  const size_t outputs = acl.aclmdlGetNumOutputs(desc_);
  if (inputs == 0 || inputs > 2 || outputs != 1) {
    return InvalidModel(absl::StrCat(
        "expected a classifier with one input and one output, found ", inputs,
        " and ", outputs));
  }
  if (inputs == 2) LENET_RETURN_IF_ERROR(ReadGears());
  LENET_RETURN_IF_ERROR(ReadInput());
  if (info_.form == InputForm::kLuma) LENET_RETURN_IF_ERROR(ReadAipp());
  return ReadOutput();
}

// Reads the second input, which must be the batch size.
absl::Status Model::ReadGears() {
  const Functions& acl = session_->acl();
  absl::Status named =
      Check(acl.aclmdlGetInputIndexByName(desc_, kAclDynamicTensorName,
                                          &info_.gear_index),
            "aclmdlGetInputIndexByName");
  if (absl::IsAborted(named)) return named;
  if (!named.ok() || info_.gear_index > 1) {
    return InvalidModel("expected a classifier with one input, found two");
  }
  info_.input_index = 1 - info_.gear_index;
  info_.gear_bytes = acl.aclmdlGetInputSizeByIndex(desc_, info_.gear_index);
  aclmdlBatch batch = {};
  LENET_RETURN_IF_ERROR(
      Check(acl.aclmdlGetDynamicBatch(desc_, &batch), "aclmdlGetDynamicBatch"));
  const size_t count = std::min(batch.batchCount, std::size(batch.batch));
  info_.gears.assign(batch.batch, batch.batch + count);
  std::sort(info_.gears.begin(), info_.gears.end());
  if (info_.gears.empty() || info_.gears.front() == 0 ||
      info_.gears.back() > kMaxBatch || info_.gear_bytes == 0) {
    return InvalidModel(absl::StrCat(
        "expected a dynamic batch (with fixed height and width), found the "
        "sizes ",
        absl::StrJoin(info_.gears, ", ")));
  }
  return absl::OkStatus();
}

absl::Status Model::ReadInput() {
  const Functions& acl = session_->acl();
  const size_t index = info_.input_index;
  aclmdlIODims dims = {};
  LENET_RETURN_IF_ERROR(
      Check(acl.aclmdlGetInputDims(desc_, index, &dims), "aclmdlGetInputDims"));
  info_.input_name = Name(dims);
  std::vector<int64_t> shape = Shape(dims);
  const std::string found = ShapeText(shape);
  if (!info_.gears.empty() && !shape.empty() && shape[0] <= 0) {
    shape[0] = static_cast<int64_t>(info_.gears.back());
  }
  // With AIPP the channel may come last.
  if (shape.size() == 4 && shape[1] != 1 && shape[3] == 1) {
    shape = {shape[0], 1, shape[1], shape[2]};
  }
  if (shape.size() != 4 || shape[1] != 1 || shape[0] < 1 ||
      shape[0] > int64_t{kMaxBatch} || shape[2] < 1 || shape[2] > kMaxSide ||
      shape[3] < 1 || shape[3] > kMaxSide) {
    return InvalidModel(
        absl::StrCat("expected an input [N, 1, H, W], found ", found));
  }
  info_.batch = shape[0];
  info_.height = shape[2];
  info_.width = shape[3];
  info_.input_bytes = acl.aclmdlGetInputSizeByIndex(desc_, index);

  const auto images = static_cast<size_t>(info_.batch);
  const auto pixels = static_cast<size_t>(info_.height * info_.width);
  info_.image_bytes = info_.input_bytes / images;
  const aclDataType type = acl.aclmdlGetInputDataType(desc_, index);
  const bool whole = info_.image_bytes * images == info_.input_bytes;
  if (type == ACL_FLOAT && whole && info_.image_bytes == 4 * pixels) {
    info_.form = InputForm::kTensor;
    return absl::OkStatus();
  }
  if (type == ACL_UINT8 && whole &&
      (info_.image_bytes == pixels || info_.image_bytes == pixels * 3 / 2)) {
    info_.form = InputForm::kLuma;
    return absl::OkStatus();
  }
  return InvalidModel(absl::StrCat(
      "expected float32 images of ", 4 * pixels, " bytes, or uint8 images of ",
      pixels, " (AIPP with YUV400_U8) or ", pixels * 3 / 2,
      " (YUV420SP_U8), found type ", static_cast<int>(type),
      " of AscendCL and ", info_.input_bytes, " bytes for ", images,
      " images"));
}

absl::Status Model::ReadAipp() {
  const Functions& acl = session_->acl();
  const size_t index = info_.input_index;
  if (acl.aclmdlGetAippType != nullptr) {
    aclmdlInputAippType type = ACL_DATA_WITHOUT_AIPP;
    size_t attached = 0;
    LENET_RETURN_IF_ERROR(
        Check(acl.aclmdlGetAippType(id_, index, &type, &attached),
              "aclmdlGetAippType"));
    if (type != ACL_DATA_WITH_STATIC_AIPP) {
      return InvalidModel(absl::StrCat(
          "expected a static AIPP for the input of bytes, found ",
          type == ACL_DATA_WITHOUT_AIPP ? "none" : "a dynamic one"));
    }
  }
  if (acl.aclmdlGetFirstAippInfo == nullptr) return absl::OkStatus();
  const auto aipp = std::make_unique<aclAippInfo>();
  LENET_RETURN_IF_ERROR(
      Check(acl.aclmdlGetFirstAippInfo(id_, index, aipp.get()),
            "aclmdlGetFirstAippInfo"));
  if (aipp->inputFormat != ACL_YUV400_U8 &&
      aipp->inputFormat != ACL_YUV420SP_U8) {
    return InvalidModel(absl::StrCat(
        "expected an AIPP for YUV400_U8 or YUV420SP_U8, found format ",
        static_cast<int>(aipp->inputFormat), " of AscendCL"));
  }
  info_.aipp = Normalization{static_cast<float>(aipp->meanChn0) + aipp->minChn0,
                             aipp->varReciChn0};
  return absl::OkStatus();
}

absl::Status Model::ReadOutput() {
  const Functions& acl = session_->acl();
  aclmdlIODims dims = {};
  LENET_RETURN_IF_ERROR(
      Check(acl.aclmdlGetOutputDims(desc_, 0, &dims), "aclmdlGetOutputDims"));
  info_.output_name = Name(dims);
  info_.output_bytes = acl.aclmdlGetOutputSizeByIndex(desc_, 0);
  const aclDataType type = acl.aclmdlGetOutputDataType(desc_, 0);
  info_.half_output = type == ACL_FLOAT16;
  // With a dynamic batch the first dimension is undefined.
  const std::vector<int64_t> shape = Shape(dims);
  const bool classifier =
      shape.size() >= 2 && shape[1] >= 2 && shape[1] <= kMaxClasses &&
      std::all_of(shape.begin() + 2, shape.end(),
                  [](int64_t dimension) { return dimension == 1; });
  info_.classes = classifier ? shape[1] : 0;
  const auto bytes = static_cast<size_t>(info_.batch * info_.classes) *
                     (info_.half_output ? 2 : 4);
  if (classifier && (type == ACL_FLOAT || type == ACL_FLOAT16) &&
      info_.output_bytes == bytes) {
    return absl::OkStatus();
  }
  return InvalidModel(absl::StrCat(
      "expected an output [", info_.batch,
      ", classes] of float32 or float16, found ", ShapeText(shape), " of type ",
      static_cast<int>(type), " of AscendCL, ", info_.output_bytes, " bytes"));
}

size_t Model::Gear(size_t images) const {
  const auto gear =
      std::lower_bound(info_.gears.begin(), info_.gears.end(), images);
  return static_cast<size_t>(
      gear == info_.gears.end() ? static_cast<uint64_t>(info_.batch) : *gear);
}

absl::StatusOr<std::unique_ptr<Binding>> Binding::Create(Session* session,
                                                         const Model& model,
                                                         void* input) {
  // If Allocate fails, the destructor releases what it created.
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
  buffers_.push_back(buffer);
  return session_->Check(acl.aclmdlAddDatasetBuffer(dataset, buffer),
                         "aclmdlAddDatasetBuffer");
}

Binding::~Binding() {
  const Functions& acl = session_->acl();
  // The documented order: buffers, memory, datasets.
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

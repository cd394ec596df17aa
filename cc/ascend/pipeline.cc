#include "cc/ascend/pipeline.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cc/ascend/half.h"
#include "cc/base/error.h"
#include "cc/engine/engine.h"
#include "cc/image/decode.h"
#include "cc/image/image.h"
#include "cc/image/transform.h"

namespace lenet::ascend {
namespace {

absl::Status CheckCount(const char* what, size_t expected, size_t found) {
  if (expected == found) return absl::OkStatus();
  return InvalidArgument("expected ", expected, " ", what, ", found ", found);
}

// Returns the pixels of an image that DVPP cannot decode.
absl::StatusOr<GrayImage> Pixels(const SourceImage& source) {
  if (source.height <= 0) return DecodeImage(source.content);
  const size_t expected =
      static_cast<size_t>(source.height) * static_cast<size_t>(source.width);
  if (source.width <= 0 || source.content.size() != expected) {
    return InvalidArgument("expected ", source.height, "x", source.width,
                           " pixels, found ", source.content.size(), " bytes");
  }
  GrayImage image{source.height, source.width, {}};
  image.pixels.assign(source.content.begin(), source.content.end());
  return image;
}

// Decodes and resizes as cc/image does for the other engines.
absl::StatusOr<GrayImage> DecodeOnHost(const SourceImage& source, int height,
                                       int width) {
  LENET_ASSIGN_OR_RETURN(const GrayImage image, Pixels(source));
  return Resize(image, height, width);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Create(Session* session,
                                                           const Model* model,
                                                           Dvpp* dvpp) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline(session, model, dvpp));
  LENET_RETURN_IF_ERROR(pipeline->Allocate());
  return pipeline;
}

absl::Status Pipeline::Allocate() {
  slots_.resize(on_host() || dvpp_ != nullptr ? 2 : 1);
  for (size_t i = 0; i < slots_.size(); ++i) {
    slots_[i].index = i;
    LENET_RETURN_IF_ERROR(AllocateSlot(&slots_[i]));
  }
  return absl::OkStatus();
}

absl::Status Pipeline::AllocateSlot(Slot* slot) {
  const ModelInfo& info = model_.info();
  void* const pictures =
      dvpp_ == nullptr ? nullptr : dvpp_->Pictures(slot->index);
  LENET_ASSIGN_OR_RETURN(slot->binding,
                         Binding::Create(session_, model_, pictures));
  if (!on_host()) return absl::OkStatus();
  if (dvpp_ == nullptr) {
    LENET_ASSIGN_OR_RETURN(
        slot->input, Memory::Allocate(session_, Heap::kHost, info.input_bytes));
  }
  LENET_ASSIGN_OR_RETURN(
      slot->output, Memory::Allocate(session_, Heap::kHost, info.output_bytes));
  return absl::OkStatus();
}

Pipeline::~Pipeline() {
  // The device may still use the memory, even after a failure.
  if (pipelined()) session_->Drain();
}

absl::Status Pipeline::Start(const Batch& batch) {
  if (!error_.ok()) return error_;
  if (started_.size() == depth()) {
    return absl::FailedPreconditionError(
        absl::StrCat("all ", depth(), " batches are started"));
  }
  LENET_RETURN_IF_ERROR(CheckBatch(batch));
  error_ = StartChecked(batch);
  return error_;
}

absl::Status Pipeline::CheckBatch(const Batch& batch) const {
  const ModelInfo& info = model_.info();
  const auto capacity = static_cast<size_t>(info.batch);
  if (batch.size == 0 || batch.size > capacity) {
    return InvalidArgument("expected a batch of 1 to ", capacity,
                           " images, found ", batch.size);
  }
  if (dvpp_ != nullptr) {
    return CheckCount("files", batch.size, batch.files.size());
  }
  const size_t pixels =
      static_cast<size_t>(info.height * info.width) * capacity;
  if (info.form == InputForm::kLuma) {
    return CheckCount("bytes of luma", pixels, batch.luma.size());
  }
  return CheckCount("floats", pixels, batch.tensors.size());
}

absl::Status Pipeline::StartChecked(const Batch& batch) {
  // The previous batch executes while this one is transferred.
  if (!started_.empty() && !started_.back()->executing) {
    LENET_RETURN_IF_ERROR(Execute(started_.back()));
  }
  Slot& slot = slots_[next_];
  LENET_RETURN_IF_ERROR(Transfer(batch, &slot));
  slot.images = batch.size;
  started_.push_back(&slot);
  next_ = (next_ + 1) % depth();
  return absl::OkStatus();
}

absl::Status Pipeline::Transfer(const Batch& batch, Slot* slot) {
  if (dvpp_ != nullptr) {
    slot->files = batch.files;
    slot->statuses.assign(batch.size, absl::OkStatus());
    for (size_t i = 0; i < batch.size; ++i) {
      LENET_RETURN_IF_ERROR(TransferFile(i, slot));
    }
    return absl::OkStatus();
  }
  const ModelInfo& info = model_.info();
  const size_t images = model_.Gear(batch.size);
  void* const input = slot->binding->input();
  if (!on_host()) {
    WriteImages(batch, images, static_cast<uint8_t*>(input));
    return absl::OkStatus();
  }
  WriteImages(batch, images, static_cast<uint8_t*>(slot->input.data()));
  return Copy(session_, input, info.input_bytes, slot->input.data(),
              images * info.image_bytes, ACL_MEMCPY_HOST_TO_DEVICE,
              session_->transfer_stream());
}

// Writes the first `images` images in the layout of the model's input.
void Pipeline::WriteImages(const Batch& batch, size_t images,
                           uint8_t* to) const {
  const ModelInfo& info = model_.info();
  if (info.form == InputForm::kTensor) {
    std::memcpy(to, batch.tensors.data(), images * info.image_bytes);
    return;
  }
  const auto pixels = static_cast<size_t>(info.height * info.width);
  for (size_t i = 0; i < images; ++i) {
    uint8_t* const image = to + i * info.image_bytes;
    std::memcpy(image, batch.luma.data() + i * pixels, pixels);
    std::memset(image + pixels, kNeutralChroma, info.image_bytes - pixels);
  }
}

absl::Status Pipeline::TransferFile(size_t index, Slot* slot) {
  const SourceImage& file = slot->files[index];
  const auto height = static_cast<int>(model_.info().height);
  const auto width = static_cast<int>(model_.info().width);
  if (file.height != 0 ||
      Dvpp::Refusal(file.content, height, width).has_value()) {
    return PutFile(index, slot);
  }
  ++decoded_on_device_;
  return dvpp_->Start(slot->index, index, file.content);
}

// Decodes a file on the host. If that fails, records the error and puts a black
// picture in its place, so that the other images of the batch keep theirs.
absl::Status Pipeline::PutFile(size_t index, Slot* slot) {
  const SourceImage& file = slot->files[index];
  const auto height = static_cast<int>(model_.info().height);
  const auto width = static_cast<int>(model_.info().width);
  absl::StatusOr<GrayImage> image = DecodeOnHost(file, height, width);
  if (image.ok()) {
    ++decoded_on_host_;
  } else {
    slot->statuses[index] = WithLocation(file.path, image.status());
    image = GrayImage();
    image->pixels.resize(static_cast<size_t>(height * width));
  }
  return dvpp_->Put(slot->index, index, image->pixels);
}

absl::Status Pipeline::FinishFiles(Slot* slot) {
  LENET_ASSIGN_OR_RETURN(const std::vector<size_t> refused,
                         dvpp_->Finish(slot->index));
  decoded_on_device_ -= refused.size();
  for (const size_t index : refused) {
    LENET_RETURN_IF_ERROR(PutFile(index, slot));
  }
  return absl::OkStatus();
}

absl::Status Pipeline::Execute(Slot* slot) {
  const size_t images = model_.Gear(slot->images);
  slot->executing = true;
  if (!pipelined()) {
    LENET_RETURN_IF_ERROR(slot->binding->SetGear(images));
    return slot->binding->Execute();
  }
  LENET_RETURN_IF_ERROR(
      dvpp_ != nullptr ? FinishFiles(slot)
                       : session_->Synchronize(session_->transfer_stream()));
  LENET_RETURN_IF_ERROR(slot->binding->SetGear(images));
  const aclrtStream stream = session_->execute_stream();
  LENET_RETURN_IF_ERROR(slot->binding->ExecuteAsync(stream));
  if (!on_host()) return absl::OkStatus();
  return Copy(session_, slot->output.data(), slot->output.size(),
              slot->binding->output(), slot->images * classes() * logit_bytes(),
              ACL_MEMCPY_DEVICE_TO_HOST, stream);
}

absl::Status Pipeline::Finish(absl::Span<float> out) {
  if (!error_.ok()) return error_;
  if (started_.empty()) {
    return absl::FailedPreconditionError("no batch is started");
  }
  LENET_RETURN_IF_ERROR(CheckCount("floats of room for logits",
                                   started_.front()->images * classes(),
                                   out.size()));
  error_ = FinishChecked(out);
  return error_;
}

absl::Status Pipeline::FinishChecked(absl::Span<float> out) {
  Slot* const slot = started_.front();
  if (!slot->executing) LENET_RETURN_IF_ERROR(Execute(slot));
  if (pipelined()) {
    LENET_RETURN_IF_ERROR(session_->Synchronize(session_->execute_stream()));
  }
  slot->executing = false;
  started_.pop_front();
  // The device executes the next batch while the caller uses these results.
  if (!started_.empty()) LENET_RETURN_IF_ERROR(Execute(started_.front()));
  Read(*slot, out);
  statuses_ = std::move(slot->statuses);
  for (size_t i = 0; i < statuses_.size(); ++i) {
    if (statuses_[i].ok()) continue;
    const absl::Span<float> logits = out.subspan(i * classes(), classes());
    std::fill(logits.begin(), logits.end(), NAN);
  }
  return absl::OkStatus();
}

absl::Status Pipeline::ImageStatus(size_t i) const {
  return i < statuses_.size() ? statuses_[i] : absl::OkStatus();
}

void Pipeline::Read(const Slot& slot, absl::Span<float> out) const {
  const void* const logits =
      on_host() ? slot.output.data() : slot.binding->output();
  if (!model_.info().half_output) {
    std::memcpy(out.data(), logits, out.size() * sizeof(float));
    return;
  }
  const auto* const halves = static_cast<const uint16_t*>(logits);
  std::transform(halves, halves + out.size(), out.begin(), HalfToFloat);
}

}  // namespace lenet::ascend

#include "cc/engine/self_test.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/status_macros.h"
#include "cc/engine/lenet_shapes.h"
#include "cc/image/decode.h"
#include "cc/image/transform.h"

namespace lenet {
namespace {

constexpr char kSwitchOff[] = "; --self_test=false runs without this test";

// The digit as a batch, in each of the forms.
struct DigitBatch {
  std::vector<SourceImage> files;
  std::vector<uint8_t> luma;
  std::vector<float> tensors;
};

absl::StatusOr<DigitBatch> MakeBatch(const std::vector<int64_t>& shape) {
  DigitBatch digit;
  digit.files.resize(1);
  digit.files[0].content = SelfTestDigit();
  LENET_ASSIGN_OR_RETURN(const GrayImage decoded,
                         DecodeJpeg(digit.files[0].content));
  const GrayImage image =
      Resize(decoded, static_cast<int>(shape[2]), static_cast<int>(shape[3]));
  digit.luma = image.pixels;
  digit.luma.resize(ElementCount(shape));
  digit.tensors.resize(ElementCount(shape));
  Normalize(image.pixels,
            absl::MakeSpan(digit.tensors).first(image.pixels.size()));
  return digit;
}

absl::Status RunDigit(Engine* engine, const DigitBatch& digit,
                      absl::Span<float> logits) {
  Batch batch;
  batch.size = 1;
  switch (engine->form()) {
    case InputForm::kTensor:
      batch.tensors = digit.tensors;
      break;
    case InputForm::kLuma:
      batch.luma = digit.luma;
      break;
    case InputForm::kFile:
      batch.files = digit.files;
      break;
  }
  LENET_RETURN_IF_ERROR(engine->Start(batch));
  return engine->Finish(logits);
}

absl::Status Judge(absl::Span<const float> logits) {
  if (!std::all_of(logits.begin(), logits.end(),
                   [](float x) { return std::isfinite(x); })) {
    return absl::InternalError(
        absl::StrCat("self-test: the model gives logits that are not finite "
                     "for a known digit; its training may have diverged, or "
                     "the device or its software is out of order",
                     kSwitchOff));
  }
  const auto best = std::max_element(logits.begin(), logits.end());
  const auto found = best - logits.begin();
  if (found == kSelfTestClass) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "self-test: the model takes a known digit ", kSelfTestClass, " for a ",
      found,
      "; it may be trained too little or on another data set than the "
      "digits of MNIST, or be converted with another AIPP than "
      "configs/aipp.cfg",
      kSwitchOff));
}

}  // namespace

absl::Status RunSelfTest(Engine* engine) {
  LENET_ASSIGN_OR_RETURN(const DigitBatch digit,
                         MakeBatch(engine->input().shape));
  std::vector<float> logits(kClasses, NAN);
  const absl::Status ran = RunDigit(engine, digit, absl::MakeSpan(logits));
  if (!ran.ok()) {
    return absl::Status(ran.code(), absl::StrCat("self-test: ", ran.message()));
  }
  return Judge(logits);
}

}  // namespace lenet

#include "cc/engine/self_test.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/base/shape.h"
#include "cc/image/decode.h"
#include "cc/image/transform.h"

namespace lenet {
namespace {

// A 7 drawn with two strokes (not from MNIST): base64 of a baseline JPEG of
// quality 95. 32x32 is the smallest image that an Ascend 310 decodes.
constexpr char kDigit[] =
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBg"
    "YFBgYGBwkIBgcJBwYGCAsICQoKCgoKBggLDAsKDAkKCgr/wAALCAAgACABAREA/8QAHwAAAQUB"
    "AQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUFBAQAAAF9AQIDAAQRBRIhMU"
    "EGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpT"
    "VFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7"
    "i5usLDxMXGx8jJytLT1NXW19jZ2uHi4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/AP5/6KsQ"
    "aVql1A9zbabcSRxoWeRIWKqoGSSQOAKr10vwa+Iv/CoPi34Y+K3/AAimma7/AMI3r9pqf9i6zB"
    "5lpfeRMsnkzL/FG23aR6Gv1a/4i4vHmn/8ix/wS1+AFhj7v/EqlOP++AlfdPwB/wCCyfxV8X/8"
    "EafjB/wU4/am/Zx+FvhDSAk/h34TeHPDeguh1rUXVoN8rTvJvj85wAoUDbBMSTkBf5mZpWnmed"
    "woZ2LEIgUAk9gAAB7Dim1237NvwE8eftS/H3wh+zr8MbBrnXvGfiC20rTkVN215XCmQjI+VF3O"
    "3P3VNfpv/wAHPPx+8B/BwfCP/gjT+ztqKDwX8BPCtq3iMW0uVutZlgGPMwxy6xs0rBuj3Telfk"
    "lRXvn/AATS/b48Vf8ABNL9rXRf2tfBXwv8P+LtS0SxvLa20rxGJBCpnhaLzUaMhkkXOQw7Ejvk"
    "eXfHb40+Pv2jfjN4o+PPxT1h7/xF4u1y51XWLp2J3zzSF2AySQoztAycAAdq5Sv/2Q==";

constexpr size_t kDigits = 10;
constexpr char kSwitchOff[] = "; --self_test=false skips this test";

absl::Status RunDigit(Engine* engine, absl::Span<float> logits) {
  const std::vector<int64_t>& shape = engine->input().shape;
  const std::vector<SourceImage> files = {{SelfTestDigit(), 0, 0}};
  LENET_ASSIGN_OR_RETURN(const GrayImage decoded,
                         DecodeImage(files[0].content));
  const GrayImage image =
      Resize(decoded, static_cast<int>(shape[2]), static_cast<int>(shape[3]));
  std::vector<uint8_t> luma = image.pixels;
  luma.resize(ElementCount(shape));
  std::vector<float> tensors(ElementCount(shape));
  Normalize(image.pixels, absl::MakeSpan(tensors).first(image.pixels.size()));

  Batch batch;
  batch.size = 1;
  switch (engine->form()) {
    case InputForm::kTensor:
      batch.tensors = tensors;
      break;
    case InputForm::kLuma:
      batch.luma = luma;
      break;
    case InputForm::kFile:
      batch.files = files;
      break;
  }
  LENET_RETURN_IF_ERROR(engine->Start(batch));
  return engine->Finish(logits);
}

}  // namespace

std::string SelfTestDigit() {
  std::string jpeg;
  absl::Base64Unescape(kDigit, &jpeg);
  return jpeg;
}

absl::Status RunSelfTest(Engine* engine) {
  std::vector<float> logits(engine->classes(), NAN);
  LENET_RETURN_IF_ERROR(
      WithLocation("self-test", RunDigit(engine, absl::MakeSpan(logits))));
  if (!std::all_of(logits.begin(), logits.end(),
                   [](float x) { return std::isfinite(x); })) {
    return absl::InternalError(absl::StrCat(
        "self-test: the logits of a known digit are not finite; the training "
        "may have diverged, or the device or its software is faulty",
        kSwitchOff));
  }
  const auto found =
      std::max_element(logits.begin(), logits.end()) - logits.begin();
  if (found == kSelfTestClass || logits.size() != kDigits) {
    return absl::OkStatus();
  }
  return InvalidArgument(
      "self-test: the model classifies a known digit ", kSelfTestClass, " as ",
      found,
      "; it may be trained too little or on another data set than MNIST's "
      "digits, or be converted with another AIPP than configs/aipp.cfg",
      kSwitchOff);
}

}  // namespace lenet

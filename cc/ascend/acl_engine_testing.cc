#include "cc/ascend/acl_engine_testing.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/types/span.h"
#include "cc/ascend/acl_engine.h"
#include "cc/base/status_macros.h"
#include "cc/base/test_util.h"
#include "cc/engine/engine_testing.h"
#include "cc/engine/native_engine.h"
#include "cc/engine/self_test.h"
#include "cc/image/decode.h"
#include "cc/image/transform.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

constexpr size_t kPixels = 1024;

}  // namespace

Images MakeImages() {
  Images images;
  const GrayImage digit = DecodeJpeg(SelfTestDigit()).value();
  for (size_t i = 0; i < kTestImages; ++i) {
    std::vector<uint8_t> moved = digit.pixels;
    std::rotate(moved.rbegin(),
                moved.rbegin() + static_cast<std::ptrdiff_t>(32 * i),
                moved.rend());
    images.luma.insert(images.luma.end(), moved.begin(), moved.end());
  }
  images.tensors.resize(images.luma.size());
  Normalize(images.luma, absl::MakeSpan(images.tensors));
  const auto native = CreateNativeEngine(OnCpu()).value();
  for (size_t i = 0; i < kTestImages; ++i) {
    const auto first =
        images.tensors.begin() + static_cast<std::ptrdiff_t>(i * kPixels);
    const std::vector<float> logits =
        Logits(native.get(), std::vector<float>(first, first + kPixels));
    images.logits.insert(images.logits.end(), logits.begin(), logits.end());
  }
  return images;
}

HeldBatch MakeBatch(const Images& images, const Engine& engine, size_t first,
                    size_t size) {
  const auto capacity = static_cast<size_t>(engine.input().shape[0]);
  HeldBatch held;
  held.batch.size = size;
  const auto from = static_cast<std::ptrdiff_t>(first * kPixels);
  const auto to = static_cast<std::ptrdiff_t>((first + size) * kPixels);
  const std::vector<uint8_t> luma(images.luma.begin() + from,
                                  images.luma.begin() + to);
  switch (engine.form()) {
    case InputForm::kTensor:
      held.tensors.assign(images.tensors.begin() + from,
                          images.tensors.begin() + to);
      held.tensors.resize(capacity * kPixels);
      held.batch.tensors = held.tensors;
      break;
    case InputForm::kLuma:
      held.luma = luma;
      held.luma.resize(capacity * kPixels);
      held.batch.luma = held.luma;
      break;
    case InputForm::kFile:  // the first as JPEG, as it is the digit itself
      for (size_t i = 0; i < size; ++i) {
        const auto start =
            luma.begin() + static_cast<std::ptrdiff_t>(i * kPixels);
        held.files.push_back({std::string(start, start + kPixels), 32, 32});
        if (first + i == 0) held.files.back() = {SelfTestDigit(), 0, 0};
      }
      held.batch.files = held.files;
      break;
  }
  return held;
}

absl::StatusOr<std::vector<float>> RunAll(const Images& images,
                                          Engine* engine) {
  const auto capacity = static_cast<size_t>(engine->input().shape[0]);
  std::vector<HeldBatch> batches;
  for (size_t i = 0; i < kTestImages; i += capacity) {
    batches.push_back(
        MakeBatch(images, *engine, i, std::min(capacity, kTestImages - i)));
  }
  std::vector<float> logits(kTestImages * 10);
  size_t started = 0;
  size_t read = 0;
  for (const HeldBatch& batch : batches) {
    for (; started < batches.size() &&
           started <
               static_cast<size_t>(&batch - batches.data()) + engine->depth();
         ++started) {
      LENET_RETURN_IF_ERROR(engine->Start(batches[started].batch));
    }
    const size_t count = batch.batch.size * 10;
    LENET_RETURN_IF_ERROR(
        engine->Finish(absl::MakeSpan(logits).subspan(read, count)));
    read += count;
  }
  return logits;
}

std::function<absl::Status()> WithEngine(const AclCase& c, EngineUse use) {
  return [c, use = std::move(use)]() -> absl::Status {
    const TempFolder folder;
    EngineOptions options;
    options.model_path = folder.Write("lenet.om", ascend::SimulatorOm(c.om));
    options.dvpp = c.dvpp;
    options.self_test = c.self_test;
    LENET_ASSIGN_OR_RETURN(
        const std::unique_ptr<Engine> engine,
        CreateAclEngine(options, ascend::SimulatorLocations(folder)));
    return use(engine.get());
  };
}

std::function<absl::Status()> OpenOnly(const AclCase& c) {
  return WithEngine(c, [](Engine*) { return absl::OkStatus(); });
}

std::function<absl::Status()> Compare(const AclCase& c, const Images& images,
                                      float tolerance) {
  return WithEngine(c, [images, tolerance](Engine* engine) -> absl::Status {
    LENET_ASSIGN_OR_RETURN(const std::vector<float> logits,
                           RunAll(images, engine));
    for (size_t i = 0; i < logits.size(); ++i) {
      EXPECT_NEAR(logits[i], images.logits[i], tolerance) << i;
    }
    return absl::OkStatus();
  });
}

ascend::SimSettings Mode(const std::string& mode) {
  return {{"LENET_SIM_RUN_MODE", mode}};
}

}  // namespace lenet

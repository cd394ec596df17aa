#include "cc/engine/engine_testing.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {

EngineOptions OnCpu(int threads, absl::string_view model) {
  EngineOptions options;
  options.model_path = TestData(absl::StrCat("lenet_mindspore/python/", model));
  options.device_target = DeviceTarget::kCpu;
  options.threads = threads;
  return options;
}

std::vector<float> Ramp() {
  std::vector<float> image(32 * 32);
  for (size_t i = 0; i < image.size(); ++i) {
    image[i] = static_cast<float>(i % 32) / 32.0f;
  }
  return image;
}

std::vector<float> Logits(Engine* engine, const std::vector<float>& tensor) {
  Batch batch;
  batch.size = 1;
  batch.tensors = tensor;
  std::vector<float> logits(engine->classes(), NAN);
  EXPECT_THAT(engine->Start(batch), IsOk());
  EXPECT_THAT(engine->Finish(absl::MakeSpan(logits)), IsOk());
  return logits;
}

}  // namespace lenet

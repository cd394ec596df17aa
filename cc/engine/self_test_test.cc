#include "cc/engine/self_test.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/testing.h"
#include "cc/engine/engine_testing.h"
#include "cc/engine/native_engine.h"
#include "cc/image/decode.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::HasSubstr;

using Answer = std::function<absl::Status(absl::Span<float>)>;

// Takes batches of 2 in one form. Finish calls `answer`.
class FakeEngine final : public Engine {
 public:
  FakeEngine(InputForm form, Answer answer)
      : form_(form), answer_(std::move(answer)) {}

  const TensorInfo& input() const override { return input_; }
  const TensorInfo& output() const override { return output_; }
  std::string device() const override { return "fake"; }
  std::string model_sha256() const override { return "ab12"; }
  InputForm form() const override { return form_; }

  absl::Status Start(const Batch& batch) override {
    EXPECT_EQ(batch.size, 1u);
    EXPECT_EQ(batch.tensors.size(), form_ == InputForm::kTensor ? 2048u : 0u);
    EXPECT_EQ(batch.luma.size(), form_ == InputForm::kLuma ? 2048u : 0u);
    EXPECT_EQ(batch.files.size(), form_ == InputForm::kFile ? 1u : 0u);
    luma_.assign(batch.luma.begin(), batch.luma.end());
    return absl::OkStatus();
  }
  absl::Status Finish(absl::Span<float> out) override {
    EXPECT_EQ(out.size(), 10u);
    return answer_(out);
  }

  const std::vector<uint8_t>& luma() const { return luma_; }

 private:
  const TensorInfo input_{"x", {2, 1, 32, 32}};
  const TensorInfo output_{"y", {2, 10}};
  const InputForm form_;
  const Answer answer_;
  std::vector<uint8_t> luma_;
};

Answer Logit(size_t index, float value) {
  return [=](absl::Span<float> out) {
    for (float& logit : out) logit = -1.0f;
    out[index] = value;
    return absl::OkStatus();
  };
}

TEST(SelfTestTest, PassesOnTheTrainedModel) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto engine, CreateNativeEngine(OnCpu()));
  EXPECT_THAT(RunSelfTest(engine.get()), IsOk());
}

TEST(SelfTestTest, GivesTheDigitInEachForm) {
  for (const InputForm form :
       {InputForm::kTensor, InputForm::kLuma, InputForm::kFile}) {
    FakeEngine engine(form, Logit(7, 1.0f));
    EXPECT_THAT(RunSelfTest(&engine), IsOk());
    if (form != InputForm::kLuma) continue;
    LENET_ASSERT_OK_AND_ASSIGN(const GrayImage image,
                               DecodeImage(SelfTestDigit()));
    std::vector<uint8_t> expected = image.pixels;
    expected.resize(2048);  // the rest of the batch is zero
    EXPECT_EQ(engine.luma(), expected);
  }
}

TEST(SelfTestTest, ReportsWrongResultsAndErrors) {
  struct Case {
    Answer answer;
    absl::StatusCode code;
    std::vector<const char*> messages;
  };
  const std::vector<Case> cases = {
      {Logit(1, 1.0f),
       absl::StatusCode::kInvalidArgument,
       {"digit 7 as 1", "configs/aipp.cfg", "--self_test=false"}},
      {Logit(7, INFINITY), absl::StatusCode::kInternal, {"not finite"}},
      {[](absl::Span<float>) { return absl::AbortedError("lost"); },
       absl::StatusCode::kAborted,
       {"self-test: lost"}}};
  for (const Case& c : cases) {
    FakeEngine engine(InputForm::kTensor, c.answer);
    for (const char* const message : c.messages) {
      EXPECT_THAT(RunSelfTest(&engine), StatusIs(c.code, HasSubstr(message)));
    }
  }
}

}  // namespace
}  // namespace lenet

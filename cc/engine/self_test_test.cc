#include "cc/engine/self_test.h"

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/test_util.h"
#include "cc/engine/engine_testing.h"
#include "cc/engine/native_engine.h"
#include "cc/image/decode.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// Takes batches of 2 in a form, and answers by a function.
class FakeEngine final : public Engine {
 public:
  FakeEngine(InputForm form, std::function<absl::Status(absl::Span<float>)> f)
      : form_(form), answer_(std::move(f)) {}

  const TensorInfo& input() const override { return input_; }
  const TensorInfo& output() const override { return output_; }
  std::string device() const override { return "fake"; }
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
  const std::function<absl::Status(absl::Span<float>)> answer_;
  std::vector<uint8_t> luma_;
};

std::function<absl::Status(absl::Span<float>)> Answer(size_t best) {
  return [best](absl::Span<float> out) {
    for (float& logit : out) logit = -1.0f;
    out[best] = 1.0f;
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
    FakeEngine engine(form, Answer(7));
    EXPECT_THAT(RunSelfTest(&engine), IsOk());
  }
}

TEST(SelfTestTest, TheRestOfTheBatchIsZero) {
  FakeEngine engine(InputForm::kLuma, Answer(7));
  ASSERT_THAT(RunSelfTest(&engine), IsOk());
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage image,
                             DecodeJpeg(SelfTestDigit()));
  std::vector<uint8_t> expected = image.pixels;
  expected.resize(2048);
  EXPECT_EQ(engine.luma(), expected);
}

TEST(SelfTestTest, RefusesAnotherClassAndSaysHowToDoWithout) {
  FakeEngine engine(InputForm::kTensor, Answer(1));
  EXPECT_THAT(
      RunSelfTest(&engine),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("digit 7 as 1"), HasSubstr("configs/aipp.cfg"),
                     HasSubstr("--self_test=false"))));
}

TEST(SelfTestTest, RefusesLogitsThatAreNotFinite) {
  FakeEngine engine(InputForm::kTensor, [](absl::Span<float> out) {
    out[7] = INFINITY;
    return absl::OkStatus();
  });
  EXPECT_THAT(RunSelfTest(&engine),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("not finite")));
}

TEST(SelfTestTest, PassesErrorsOfTheEngineOn) {
  FakeEngine engine(InputForm::kTensor, [](absl::Span<float>) {
    return absl::AbortedError("lost");
  });
  EXPECT_THAT(RunSelfTest(&engine),
              StatusIs(absl::StatusCode::kAborted, "self-test: lost"));
}

}  // namespace
}  // namespace lenet

#include "cc/engine/synchronous_engine.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kPrecondition =
    absl::StatusCode::kFailedPrecondition;

// Batches of 3 images of 2x2; all logits of an image are its first pixel.
class FirstPixel final : public SynchronousEngine {
 public:
  FirstPixel() : SynchronousEngine({"x", {3, 1, 2, 2}}, {"y", {3, 10}}) {}
  std::string device() const override { return "CPU"; }

  void FailNext() { fails_ = true; }

 protected:
  absl::Status Run(absl::Span<const float> in, absl::Span<float> out) override {
    if (fails_) return absl::InternalError("broken");
    EXPECT_EQ(in.size(), 12u);
    EXPECT_EQ(out.size(), 30u);
    for (size_t i = 0; i < out.size(); ++i) out[i] = in[i / 10 * 4];
    return absl::OkStatus();
  }

 private:
  bool fails_ = false;
};

Batch MakeBatch(size_t size, const std::vector<float>& tensors) {
  Batch batch;
  batch.size = size;
  batch.tensors = tensors;
  return batch;
}

std::vector<float> Images() { return {5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0}; }

TEST(SynchronousEngineTest, RunsFullBatchesAndOthers) {
  FirstPixel engine;
  const std::vector<float> images = Images();
  for (size_t size = 1; size <= 3; ++size) {
    std::vector<float> logits(size * 10);
    ASSERT_THAT(engine.Start(MakeBatch(size, images)), IsOk());
    ASSERT_THAT(engine.Finish(absl::MakeSpan(logits)), IsOk());
    for (size_t i = 0; i < size; ++i) {
      EXPECT_THAT(absl::MakeSpan(logits).subspan(i * 10, 10),
                  Each(5 + static_cast<float>(i)));
    }
  }
}

TEST(SynchronousEngineTest, RefusesOtherBatches) {
  FirstPixel engine;
  const std::vector<float> images = Images();
  EXPECT_THAT(engine.Start(MakeBatch(0, images)),
              StatusIs(kInvalid, HasSubstr("1 to 3 images, found 0")));
  EXPECT_THAT(engine.Start(MakeBatch(4, images)),
              StatusIs(kInvalid, HasSubstr("1 to 3 images, found 4")));
  EXPECT_THAT(engine.Start(MakeBatch(1, {1, 2, 3, 4})),
              StatusIs(kInvalid, AllOf(HasSubstr("12"), HasSubstr("found 4"))));
}

TEST(SynchronousEngineTest, RunsOneBatchAfterTheOther) {
  FirstPixel engine;
  EXPECT_EQ(engine.depth(), 1u);
  const std::vector<float> images = Images();
  std::vector<float> logits(30);
  EXPECT_THAT(engine.Finish(absl::MakeSpan(logits)),
              StatusIs(kPrecondition, HasSubstr("no batch")));
  ASSERT_THAT(engine.Start(MakeBatch(3, images)), IsOk());
  EXPECT_THAT(engine.Start(MakeBatch(3, images)),
              StatusIs(kPrecondition, HasSubstr("already")));
  EXPECT_THAT(engine.Finish(absl::MakeSpan(logits).first(20)),
              StatusIs(kInvalid, AllOf(HasSubstr("30"), HasSubstr("20"))));
  EXPECT_THAT(engine.Finish(absl::MakeSpan(logits)), IsOk());
}

TEST(SynchronousEngineTest, PassesErrorsOn) {
  FirstPixel engine;
  const std::vector<float> images = Images();
  std::vector<float> logits(30);
  engine.FailNext();
  ASSERT_THAT(engine.Start(MakeBatch(3, images)), IsOk());
  EXPECT_THAT(engine.Finish(absl::MakeSpan(logits)),
              StatusIs(absl::StatusCode::kInternal, "broken"));
}

}  // namespace
}  // namespace lenet

#include "cc/engine/engine.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/testing.h"
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

// Takes batches of 3 images of 2x2. All logits of an image equal its first
// pixel.
class FirstPixel final : public SynchronousEngine {
 public:
  FirstPixel() : SynchronousEngine({"x", {3, 1, 2, 2}}, {"y", {3, 10}}) {}
  std::string device() const override { return "CPU"; }
  std::string model_sha256() const override { return "ab12"; }

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

class SynchronousEngineTest : public testing::Test {
 protected:
  absl::Status Start(size_t size, size_t floats = 12) {
    Batch batch;
    batch.size = size;
    batch.tensors = absl::MakeConstSpan(images_).first(floats);
    return engine_.Start(batch);
  }

  absl::Status Finish(size_t floats) {
    return engine_.Finish(absl::MakeSpan(logits_).first(floats));
  }

  const std::vector<float> images_ = {5, 0, 0, 0, 6, 0, 0, 0, 7, 0, 0, 0};
  std::vector<float> logits_ = std::vector<float>(30);
  FirstPixel engine_;
};

TEST_F(SynchronousEngineTest, RunsFullAndPartialBatches) {
  for (size_t size = 1; size <= 3; ++size) {
    ASSERT_THAT(Start(size), IsOk());
    ASSERT_THAT(Finish(size * 10), IsOk());
    for (size_t i = 0; i < size; ++i) {
      EXPECT_THAT(absl::MakeSpan(logits_).subspan(i * 10, 10),
                  Each(5 + static_cast<float>(i)));
    }
  }
}

TEST_F(SynchronousEngineTest, RefusesBatchesOfTheWrongSize) {
  EXPECT_THAT(Start(0),
              StatusIs(kInvalid, HasSubstr("1 to 3 images, found 0")));
  EXPECT_THAT(Start(4),
              StatusIs(kInvalid, HasSubstr("1 to 3 images, found 4")));
  EXPECT_THAT(Start(1, 4),
              StatusIs(kInvalid, AllOf(HasSubstr("12"), HasSubstr("found 4"))));
}

TEST_F(SynchronousEngineTest, RunsOneBatchAfterTheOther) {
  EXPECT_EQ(engine_.depth(), 1u);
  EXPECT_THAT(Finish(30), StatusIs(kPrecondition, HasSubstr("no batch")));
  ASSERT_THAT(Start(3), IsOk());
  EXPECT_THAT(Start(3), StatusIs(kPrecondition, HasSubstr("already")));
  EXPECT_THAT(Finish(20),
              StatusIs(kInvalid, AllOf(HasSubstr("30"), HasSubstr("20"))));
  EXPECT_THAT(Finish(30), IsOk());
}

TEST_F(SynchronousEngineTest, ReturnsTheErrorOfTheRun) {
  engine_.FailNext();
  ASSERT_THAT(Start(3), IsOk());
  EXPECT_THAT(Finish(30), StatusIs(absl::StatusCode::kInternal, "broken"));
}

using Shapes = std::vector<std::vector<int64_t>>;

absl::Status CheckShapes(const Shapes& inputs, const Shapes& outputs) {
  const auto tensors = [](const Shapes& shapes) {
    std::vector<TensorInfo> infos;
    for (const std::vector<int64_t>& shape : shapes) {
      infos.push_back({"t", shape});
    }
    return infos;
  };
  return CheckClassifierShapes("a.mindir", tensors(inputs), tensors(outputs));
}

TEST(CheckClassifierShapesTest, AcceptsAnyBatchImageSizeAndClasses) {
  EXPECT_THAT(CheckShapes({{1, 1, 32, 32}}, {{1, 10}}), IsOk());
  EXPECT_THAT(CheckShapes({{32, 1, 28, 40}}, {{32, 26}}), IsOk());
  EXPECT_THAT(CheckShapes({{8, 1, 28, 28}}, {{8, 2, 1, 1}}), IsOk());
}

TEST(CheckClassifierShapesTest, NamesModelAndBothShapes) {
  struct Refused {
    Shapes inputs;
    Shapes outputs;
    const char* found;
  };
  const std::vector<Refused> cases = {
      {{{1, 3, 32, 32}},
       {{1, 10}},
       "found input [1, 3, 32, 32] and output [1, 10]"},
      {{{1, 1, 32, 32}}, {{1, 1}}, "and output [1, 1]"},
      {{{1, 1, 32, 32}}, {{1, 7, 2}}, "and output [1, 7, 2]"},
      {{{1, 1, 32, 32}}, {{2, 10}}, "output [2, 10]"},
      {{{-1, 1, 32, 32}}, {{-1, 10}}, "input [-1, 1, 32, 32]"},
      {{{1, 32, 32}}, {{1, 10}}, "input [1, 32, 32]"},
      {{{1, 1, 32, 32}, {1}},
       {{1, 10}},
       "input [1, 1, 32, 32] and [1] and output"},
      {{{1, 1, 32, 32}}, {}, "output none"}};
  for (const Refused& c : cases) {
    EXPECT_THAT(CheckShapes(c.inputs, c.outputs),
                StatusIs(kInvalid,
                         AllOf(HasSubstr("a.mindir"), HasSubstr("[N, 1, H, W]"),
                               HasSubstr(c.found))));
  }
}

}  // namespace
}  // namespace lenet

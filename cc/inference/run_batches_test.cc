#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/file.h"
#include "cc/base/testing.h"
#include "cc/engine/engine.h"
#include "cc/image/dataset.h"
#include "cc/image/image.h"
#include "cc/inference/runner.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr size_t kPixels = 4;  // 2x2

// Images whose values are i % 10 + 1 in every form, for image i, and whose
// labels are i % 10. Image `bad` cannot be decoded.
class FakeDataset final : public Dataset {
 public:
  explicit FakeDataset(size_t size, std::optional<size_t> bad = std::nullopt)
      : size_(size), bad_(bad) {}

  size_t size() const override { return size_; }
  size_t tensor_size() const override { return kPixels; }
  std::string stem(size_t i) const override { return absl::StrCat("image", i); }
  std::optional<int> label(size_t i) const override {
    return static_cast<int>(i % 10);
  }
  absl::Status Load(size_t i, absl::Span<float> tensor) const override {
    if (i == bad_) return absl::InvalidArgumentError("cannot decode");
    std::fill(tensor.begin(), tensor.end(), static_cast<float>(i % 10 + 1));
    return absl::OkStatus();
  }
  absl::Status LoadLuma(size_t i, absl::Span<uint8_t> luma) const override {
    if (i == bad_) return absl::NotFoundError("removed");
    std::fill(luma.begin(), luma.end(), static_cast<uint8_t>(i % 10 + 1));
    return absl::OkStatus();
  }
  absl::StatusOr<SourceImage> LoadSource(size_t i) const override {
    if (i == bad_) return absl::PermissionDeniedError("private");
    return SourceImage{std::string(1, static_cast<char>(i % 10 + 1)), 1, 1};
  }

 private:
  const size_t size_;
  const std::optional<size_t> bad_;
};

// Classifies an image by its first value minus one. Reads the images of a batch
// in Finish, as an asynchronous device may, and checks the contract of Engine.
class FakeEngine final : public Engine {
 public:
  FakeEngine(InputForm form, int64_t capacity, size_t depth)
      : form_(form), depth_(depth), input_{"x", {capacity, 1, 2, 2}} {}

  const TensorInfo& input() const override { return input_; }
  const TensorInfo& output() const override { return output_; }
  std::string device() const override { return "fake"; }
  std::string model_sha256() const override { return "ab12"; }
  InputForm form() const override { return form_; }
  size_t depth() const override { return depth_; }

  absl::Status Start(const Batch& batch) override {
    const auto capacity = static_cast<size_t>(input_.shape[0]) * kPixels;
    EXPECT_LT(started_.size(), depth_);
    EXPECT_THAT(batch.tensors,
                SizeIs(form_ == InputForm::kTensor ? capacity : 0));
    EXPECT_THAT(batch.luma, SizeIs(form_ == InputForm::kLuma ? capacity : 0));
    EXPECT_THAT(batch.files,
                SizeIs(form_ == InputForm::kFile ? batch.size : 0));
    for (size_t i = batch.size * kPixels; i < capacity; ++i) {
      EXPECT_EQ(batch.tensors.empty() ? 0.0f : batch.tensors[i], 0.0f);
      EXPECT_EQ(batch.luma.empty() ? 0 : batch.luma[i], 0);
    }
    started_.push_back(batch);
    sizes_.push_back(batch.size);
    max_started_ = std::max(max_started_, started_.size());
    return sizes_.size() == fail_start_ ? absl::AbortedError("device lost")
                                        : absl::OkStatus();
  }

  absl::Status Finish(absl::Span<float> out) override {
    const Batch batch = started_.front();
    started_.pop_front();
    EXPECT_THAT(out, SizeIs(batch.size * 10));
    for (size_t i = 0; i < batch.size; ++i) {
      for (int k = 0; k < 10; ++k) {
        out[i * 10 + static_cast<size_t>(k)] =
            -std::abs(static_cast<float>(k + 1) - First(batch, i));
      }
    }
    ++finished_;
    if (finished_ == nan_) out[0] = NAN;
    return finished_ == fail_finish_ ? absl::AbortedError("device lost")
                                     : absl::OkStatus();
  }

  const std::vector<size_t>& sizes() const { return sizes_; }
  size_t max_started() const { return max_started_; }  // concurrent batches
  size_t finished() const { return finished_; }
  void FailStart(size_t number) { fail_start_ = number; }  // from 1
  void FailFinish(size_t number) { fail_finish_ = number; }
  void SetClasses(int64_t classes) { output_.shape[1] = classes; }
  void GiveNan(size_t number) { nan_ = number; }

 private:
  float First(const Batch& batch, size_t i) const {
    switch (form_) {
      case InputForm::kTensor:
        return batch.tensors[i * kPixels];
      case InputForm::kLuma:
        return batch.luma[i * kPixels];
      case InputForm::kFile:
        return batch.files[i].content[0];
    }
    return NAN;
  }

  const InputForm form_;
  const size_t depth_;
  const TensorInfo input_;
  TensorInfo output_{"y", {1, 10}};
  std::deque<Batch> started_;
  std::vector<size_t> sizes_;
  size_t max_started_ = 0;
  size_t finished_ = 0;
  size_t fail_start_ = 0;
  size_t fail_finish_ = 0;
  size_t nan_ = 0;
};

class BatchRunTest : public testing::Test {
 protected:
  absl::StatusOr<Report> Run(const Dataset& dataset, size_t batch_size,
                             FakeEngine* engine, bool strict = false) {
    const auto results = ResultFolder::Create(path_, ResultFormat::kFiles);
    EXPECT_THAT(results, IsOk());
    auto outcome =
        RunBatches(dataset, batch_size, 2, strict, engine, results->get());
    if (outcome.ok()) {
      EXPECT_THAT((*results)->Commit(), IsOk());
    }
    return outcome;
  }

  // Returns the class in result i.
  int ClassOf(size_t i) const {
    const std::string logits =
        ReadTestFile(absl::StrCat(path_, "/image", i, ".bin"));
    float values[10] = {};
    if (logits.size() == sizeof(values)) {
      std::memcpy(values, logits.data(), sizeof(values));
    }
    return static_cast<int>(std::max_element(values, values + 10) - values);
  }

  const TempFolder folder_;
  const std::string path_ = folder_.path() + "/out";
};

struct Case {
  InputForm form;
  int64_t capacity;
  size_t batch_size;
  size_t depth;
};

class FormTest : public BatchRunTest,
                 public testing::WithParamInterface<Case> {};

TEST_P(FormTest, EachImageGetsItsOwnResult) {
  constexpr size_t kImages = 103;
  const FakeDataset dataset(kImages);
  const Case& c = GetParam();
  FakeEngine engine(c.form, c.capacity, c.depth);
  LENET_ASSERT_OK_AND_ASSIGN(const Report outcome,
                             Run(dataset, c.batch_size, &engine));
  EXPECT_EQ(outcome.correct, kImages);
  const size_t batches = (kImages + c.batch_size - 1) / c.batch_size;
  EXPECT_THAT(engine.sizes(), SizeIs(batches));
  EXPECT_EQ(engine.sizes().back(), kImages - (batches - 1) * c.batch_size);
  EXPECT_EQ(engine.max_started(), std::min(c.depth, batches));
  EXPECT_EQ(outcome.latency.count, batches);
  EXPECT_GT(outcome.seconds, 0);
  for (size_t i = 0; i < kImages; ++i) {
    EXPECT_EQ(ClassOf(i), static_cast<int>(i % 10)) << i;
  }
}

TEST_P(FormTest, ABadImageDoesNotStopTheOthers) {
  constexpr size_t kImages = 103;
  const Case& c = GetParam();
  for (const size_t bad : {0, 13, 102}) {
    const FakeDataset dataset(kImages, bad);
    FakeEngine engine(c.form, c.capacity, c.depth);
    LENET_ASSERT_OK_AND_ASSIGN(const Report outcome,
                               Run(dataset, c.batch_size, &engine));
    EXPECT_EQ(outcome.images, kImages - 1);
    EXPECT_EQ(outcome.unusable, 1u);
    EXPECT_EQ(outcome.correct, kImages - 1);
    EXPECT_THAT(outcome.answers, SizeIs(kImages - 1));
    EXPECT_EQ(outcome.answers[20].file, bad < 20 ? "image21" : "image20");
    EXPECT_EQ(outcome.answers[20].digit, bad < 20 ? 1 : 0);
    EXPECT_GT(outcome.answers[20].probability, 0.5);
    EXPECT_EQ(ClassOf(50), 0);
    LENET_ASSERT_OK_AND_ASSIGN(const auto names, ListFolder(path_));
    EXPECT_THAT(names, SizeIs(kImages - 1));
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, FormTest,
    testing::Values(
        Case{InputForm::kTensor, 1, 1, 1}, Case{InputForm::kTensor, 8, 8, 1},
        Case{InputForm::kTensor, 8, 8, 2}, Case{InputForm::kTensor, 1, 1, 3},
        Case{InputForm::kTensor, 16, 5, 2},  // dynamic batch
        Case{InputForm::kLuma, 1, 1, 2}, Case{InputForm::kLuma, 8, 8, 2},
        Case{InputForm::kLuma, 16, 3, 2}, Case{InputForm::kFile, 1, 1, 2},
        Case{InputForm::kFile, 8, 8, 2}, Case{InputForm::kFile, 200, 200, 2}));

TEST_F(BatchRunTest, NothingIsCalledAfterAFailedStart) {
  const FakeDataset dataset(20);
  FakeEngine engine(InputForm::kLuma, 4, 2);
  engine.FailStart(3);
  EXPECT_THAT(Run(dataset, 4, &engine),
              StatusIs(absl::StatusCode::kAborted, "device lost"));
  EXPECT_THAT(engine.sizes(), SizeIs(3));
  EXPECT_EQ(engine.finished(), 1u);
}

TEST_F(BatchRunTest, NothingIsCalledAfterAFailedFinish) {
  const FakeDataset dataset(20);
  FakeEngine engine(InputForm::kLuma, 4, 2);
  engine.FailFinish(2);
  EXPECT_THAT(Run(dataset, 4, &engine),
              StatusIs(absl::StatusCode::kAborted, "device lost"));
  EXPECT_THAT(engine.sizes(), SizeIs(3));
  EXPECT_EQ(engine.finished(), 2u);
  LENET_ASSERT_OK_AND_ASSIGN(const auto names, ListFolder(folder_.path()));
  EXPECT_THAT(names, ElementsAre());
}

TEST_F(BatchRunTest, StrictReturnsTheErrorOfABadImage) {
  const FakeDataset dataset(20, /*bad=*/13);
  FakeEngine engine(InputForm::kTensor, 4, 2);
  EXPECT_THAT(Run(dataset, 4, &engine, /*strict=*/true),
              StatusIs(absl::StatusCode::kInvalidArgument, "cannot decode"));
}

TEST_F(BatchRunTest, NoUsableImages) {
  const FakeDataset dataset(1, /*bad=*/0);
  FakeEngine engine(InputForm::kTensor, 4, 2);
  EXPECT_THAT(Run(dataset, 4, &engine),
              StatusIs(absl::StatusCode::kInvalidArgument, "cannot decode"));
}

TEST_F(BatchRunTest, LabelsMustBeClassesOfTheModel) {
  const FakeDataset dataset(20);
  FakeEngine engine(InputForm::kTensor, 4, 2);
  engine.SetClasses(5);
  EXPECT_THAT(Run(dataset, 4, &engine),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("image5: the label is 5, but the model has 5 "
                                 "classes, numbered from 0")));
}

TEST_F(BatchRunTest, LogitsMustBeFinite) {
  const FakeDataset dataset(20);
  FakeEngine engine(InputForm::kTensor, 4, 2);
  engine.GiveNan(3);
  EXPECT_THAT(Run(dataset, 4, &engine),
              StatusIs(absl::StatusCode::kInternal,
                       AllOf(HasSubstr("not finite"), HasSubstr("image8"))));
}

}  // namespace
}  // namespace lenet

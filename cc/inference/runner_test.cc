#include "cc/inference/runner.h"

#include <cmath>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/file.h"
#include "cc/base/testing.h"
#include "cc/engine/engine.h"
#include "cc/inference/options.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int kSide = 16;
constexpr size_t kPixels = size_t{kSide} * kSide;

// Runs batches of 2; the class is the first pixel.
class FakeEngine final : public SynchronousEngine {
 public:
  FakeEngine()
      : SynchronousEngine({"x", {2, 1, kSide, kSide}}, {"y", {2, 10}}) {}

  std::string device() const override { return "fake:0"; }
  std::string model_sha256() const override { return "ab12"; }

 protected:
  absl::Status Run(absl::Span<const float> in, absl::Span<float> out) override {
    for (size_t image = 0; image < 2; ++image) {
      const float first = in[image * kPixels];
      for (size_t k = 0; k < 10; ++k) {
        out[image * 10 + k] = -std::abs(static_cast<float>(k) - first);
      }
    }
    return absl::OkStatus();
  }
};

absl::StatusOr<std::unique_ptr<Engine>> CreateFake(const EngineOptions&) {
  return std::make_unique<FakeEngine>();
}

// Returns an image as a tensor whose first pixel is `value`.
std::string Tensor(float value) {
  std::vector<float> pixels(kPixels);
  pixels[0] = value;
  std::string bytes(kPixels * sizeof(float), '\0');
  std::memcpy(bytes.data(), pixels.data(), bytes.size());
  return bytes;
}

class RunnerTest : public testing::Test {
 protected:
  RunnerTest() {
    options_.model_path = folder_.Write("model.mindir", "fake model");
    options_.dataset_path = folder_.path() + "/images";
    options_.result_path = folder_.path() + "/out/result_Files";
    options_.engine = "native";
    options_.image_height = kSide;
    options_.image_width = kSide;
    options_.batch_size = 2;
    options_.threads = 1;
  }

  void AddImage(const std::string& name, float value) const {
    folder_.Write("images/" + name, Tensor(value));
  }

  absl::StatusOr<Report> Run() const {
    EngineFactories factories;
    factories.native = &CreateFake;
    return RunInference(options_, factories);
  }

  // Returns the names in the parent of the result folder.
  std::vector<std::string> Output() const {
    const auto names = ListFolder(folder_.path() + "/out");
    return names.ok() ? *names : std::vector<std::string>();
  }

  const TempFolder folder_;
  Infer310Options options_;
};

TEST_F(RunnerTest, PadsTheLastBatchAndWritesEachResult) {
  AddImage("test_0_3.bin", 3);
  AddImage("test_1_4.bin", 5);
  AddImage("test_2_7.bin", 7);
  LENET_ASSERT_OK_AND_ASSIGN(const Report report, Run());
  EXPECT_EQ(report.images, 3u);
  EXPECT_EQ(report.correct, 2u);
  EXPECT_EQ(report.latency.count, 2u);
  EXPECT_EQ(report.engine, "native");
  EXPECT_EQ(report.device, "fake:0");
  EXPECT_EQ(report.preprocessing, "CPU");
  EXPECT_EQ(report.decoded_on_host, 3u);
  EXPECT_FALSE(report.pipelined);
  EXPECT_EQ(report.model_sha256, "ab12");
  EXPECT_THAT(Output(), ElementsAre("report.json", "result_Files",
                                    "results.csv", "time_Result"));
  LENET_ASSERT_OK_AND_ASSIGN(const auto names,
                             ListFolder(options_.result_path));
  EXPECT_THAT(names, ElementsAre("results.npy"));
  const std::string content =
      ReadTestFile(options_.result_path + "/results.npy");
  float values[10];
  ASSERT_EQ(content.size(), 128 + 3 * sizeof(values));
  std::memcpy(values, &content[128 + 2 * sizeof(values)], sizeof(values));
  EXPECT_EQ(values[7], 0.0f);
  EXPECT_EQ(values[4], -3.0f);
}

TEST_F(RunnerTest, StrictLeavesEarlierResults) {
  AddImage("test_0_3.bin", 3);
  folder_.Write("images/test_1_4.bin", "short");
  folder_.Write("out/result_Files/old.bin", "old");
  options_.strict = true;
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("test_1_4.bin")));
  EXPECT_THAT(Output(), ElementsAre("result_Files"));
  EXPECT_EQ(ReadTestFile(options_.result_path + "/old.bin"), "old");
}

TEST_F(RunnerTest, ResultsDoNotReplaceTheImages) {
  AddImage("test_0_3.bin", 3);
  options_.result_path = options_.dataset_path;
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("is the folder of the images")));
  EXPECT_THAT(ListFolder(options_.dataset_path).value(),
              ElementsAre("test_0_3.bin"));
}

TEST_F(RunnerTest, AReportThatCannotBeWrittenLeavesEarlierResults) {
  AddImage("test_0_3.bin", 3);
  folder_.Write("out/result_Files/old.bin", "old");
  folder_.Write("out/report.json/file", "");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument,
                              HasSubstr("report.json")));
  EXPECT_THAT(Output(), ElementsAre("report.json", "result_Files"));
  EXPECT_THAT(ListFolder(options_.result_path).value(), ElementsAre("old.bin"));
}

}  // namespace
}  // namespace lenet

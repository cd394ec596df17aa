#include "cc/inference/engine_choice.h"

#include <stdlib.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "cc/engine/engine.h"
#include "cc/engine/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

class FakeEngine final : public Engine {
 public:
  FakeEngine(TensorInfo input, bool dynamic, std::string device)
      : input_(std::move(input)),
        dynamic_(dynamic),
        device_(std::move(device)) {}

  const TensorInfo& input() const override { return input_; }
  const TensorInfo& output() const override { return output_; }
  std::string device() const override { return device_; }
  bool dynamic_batch() const override { return dynamic_; }
  absl::Status Start(const Batch&) override { return absl::OkStatus(); }
  absl::Status Finish(absl::Span<float>) override { return absl::OkStatus(); }

 private:
  const TensorInfo input_;
  const TensorInfo output_;
  const bool dynamic_;
  const std::string device_;
};

// Batches of 8; for a path with "gears", of up to 8.
absl::StatusOr<std::unique_ptr<Engine>> CreateCpu(
    const EngineOptions& options) {
  return std::make_unique<FakeEngine>(
      TensorInfo{"x", {8, 1, 32, 32}},
      options.model_path.find("gears") != std::string::npos, "CPU");
}

absl::StatusOr<std::unique_ptr<Engine>> CreateBroken(const EngineOptions&) {
  return absl::UnavailableError("the board is broken");
}

bool HasBoard(const EngineOptions& options) {
  return options.device_target != DeviceTarget::kCpu &&
         options.model_path == "board.mindir";
}

const EngineRegistration kCpu("native", 0, &CreateCpu);
const EngineRegistration kBoard("board", 1, &CreateBroken, &HasBoard);

class EngineChoiceTest : public testing::Test {
 protected:
  EngineChoiceTest() {
    setenv("LENET_ASCEND_DEVICES", devices_.path().c_str(), 1);
    options_.mindir_path = "lenet.mindir";
    options_.engine = "auto";
    options_.batch_size = 8;
    options_.image_height = 32;
    options_.image_width = 32;
  }
  ~EngineChoiceTest() override { unsetenv("LENET_ASCEND_DEVICES"); }

  void UseOm() { options_.mindir_path = "lenet.om"; }

  // What OpenEngine says on stderr.
  std::string Said() {
    testing::internal::CaptureStderr();
    EXPECT_THAT(OpenEngine(options_), IsOk());
    return testing::internal::GetCapturedStderr();
  }

  const TempFolder devices_;
  Infer310Options options_;
};

TEST_F(EngineChoiceTest, AMindIrGoesWithAnyDevice) {
  EXPECT_THAT(CheckChoice(options_), IsOk());
  options_.device_target = DeviceTarget::kCpu;
  EXPECT_THAT(CheckChoice(options_), IsOk());
}

TEST_F(EngineChoiceTest, AnOmIsForTheEngineAcl) {
  UseOm();
  options_.engine = "acl";
  EXPECT_THAT(CheckChoice(options_), IsOk());
  options_.engine = "lite";
  EXPECT_THAT(CheckChoice(options_),
              StatusIs(kInvalid, HasSubstr("--engine=acl")));
}

TEST_F(EngineChoiceTest, DvppNeedsAnAscend) {
  UseOm();
  options_.dvpp = true;
  EXPECT_THAT(CheckChoice(options_),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("--cpu_dvpp=CPU"),
                             HasSubstr(devices_.path() + "/davinci0"))));
  options_.device_target = DeviceTarget::kCpu;
  options_.mindir_path = "lenet.mindir";
  EXPECT_THAT(CheckChoice(options_),
              StatusIs(kInvalid, HasSubstr("device_target is CPU")));
}

TEST_F(EngineChoiceTest, TheBatchMustBeTheModels) {
  options_.batch_size = 4;
  EXPECT_THAT(OpenEngine(options_),
              StatusIs(kInvalid, AllOf(HasSubstr("batches of 8"),
                                       HasSubstr("--batch_size is 4"))));
}

TEST_F(EngineChoiceTest, WithGearsTheBatchMayBeSmaller) {
  options_.mindir_path = "gears.mindir";
  for (const int size : {1, 4, 8}) {
    options_.batch_size = size;
    EXPECT_THAT(OpenEngine(options_), IsOk()) << size;
  }
  options_.batch_size = 9;
  EXPECT_THAT(OpenEngine(options_),
              StatusIs(kInvalid, AllOf(HasSubstr("up to 8"),
                                       HasSubstr("--batch_size is 9"))));
}

TEST_F(EngineChoiceTest, TheImageMustBeTheModels) {
  options_.image_width = 40;
  EXPECT_THAT(
      OpenEngine(options_),
      StatusIs(kInvalid, AllOf(HasSubstr("32x32"), HasSubstr("32x40"))));
}

TEST_F(EngineChoiceTest, SaysWhereItRunsAndNothingOfAnAscendThatIsNotThere) {
  EXPECT_EQ(Said(), "infer310: engine native on CPU (--device_target=auto)\n");
  options_.device_target = DeviceTarget::kCpu;
  EXPECT_EQ(Said(), "infer310: engine native on CPU\n");
}

TEST_F(EngineChoiceTest, SaysWhyAnAscendThatIsThereIsNotUsed) {
  devices_.Write("davinci0", "");
  EXPECT_THAT(Said(), AllOf(HasSubstr("there is an Ascend"),
                            HasSubstr("davinci_manager"),
                            HasSubstr("engine native on CPU")));
  options_.engine = "native";
  EXPECT_THAT(Said(), Not(HasSubstr("there is an Ascend")));
  options_.engine = "auto";
  options_.device_target = DeviceTarget::kCpu;
  EXPECT_THAT(Said(), Not(HasSubstr("there is an Ascend")));
}

TEST_F(EngineChoiceTest, SaysWhyTheBoardFailed) {
  options_.mindir_path = "board.mindir";
  EXPECT_THAT(Said(), AllOf(HasSubstr("the board is broken"),
                            HasSubstr("engine native on CPU")));
}

}  // namespace
}  // namespace lenet

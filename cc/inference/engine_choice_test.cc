#include "cc/inference/engine_choice.h"

#include <stdlib.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "cc/engine/engine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

// Runs batches of 8 on the device target of its options; a model named "gears"
// also runs smaller batches.
class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(const EngineOptions& options)
      : dynamic_(options.model_path == "gears.mindir"),
        device_(options.device_target == DeviceTarget::kAscend310
                    ? "Ascend310:0"
                    : "CPU") {}

  const TensorInfo& input() const override { return input_; }
  const TensorInfo& output() const override { return output_; }
  std::string device() const override { return device_; }
  std::string model_sha256() const override { return "ab12"; }
  bool dynamic_batch() const override { return dynamic_; }
  absl::Status Start(const Batch&) override { return absl::OkStatus(); }
  absl::Status Finish(absl::Span<float>) override { return absl::OkStatus(); }

 private:
  const TensorInfo input_{"x", {8, 1, 32, 32}};
  const TensorInfo output_;
  const bool dynamic_;
  const std::string device_;
};

absl::StatusOr<std::unique_ptr<Engine>> CreateFake(
    const EngineOptions& options) {
  return std::make_unique<FakeEngine>(options);
}

absl::Status Broken(int) { return absl::UnavailableError("broken"); }

class EngineChoiceTest : public testing::Test {
 protected:
  EngineChoiceTest() {
    setenv("LENET_ASCEND_DEVICES", devices_.path().c_str(), 1);
    options_.model_path = "lenet.mindir";
    options_.engine = "auto";
    options_.batch_size = 8;
    options_.image_height = 32;
    options_.image_width = 32;
    factories_.native = &CreateFake;
    factories_.lite = &CreateFake;
    factories_.acl = &CreateFake;
  }
  ~EngineChoiceTest() override { unsetenv("LENET_ASCEND_DEVICES"); }

  void UseOm() { options_.model_path = "lenet.om"; }

  void ConnectAscend(bool usable) {
    devices_.Write("davinci0", "");
    factories_.check_ascend =
        usable ? [](int) { return absl::OkStatus(); } : &Broken;
  }

  void BreakLite() {
    factories_.lite =
        [](const EngineOptions&) -> absl::StatusOr<std::unique_ptr<Engine>> {
      return absl::UnavailableError("lite is broken");
    };
  }

  absl::Status Open() const {
    return OpenEngine(options_, factories_).status();
  }

  // Returns what OpenEngine prints to stderr, or its error.
  std::string Printed() const {
    testing::internal::CaptureStderr();
    const absl::Status status = Open();
    const std::string printed = testing::internal::GetCapturedStderr();
    return status.ok() ? printed : status.ToString();
  }

  const TempFolder devices_;
  Infer310Options options_;
  EngineFactories factories_;
};

TEST_F(EngineChoiceTest, OnlyAclReadsOms) {
  EXPECT_THAT(CheckChoice(options_), IsOk());
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
  EXPECT_THAT(
      CheckChoice(options_),
      StatusIs(kUnavailable, AllOf(HasSubstr("--cpu_dvpp=CPU"),
                                   HasSubstr(devices_.path() + "/davinci0"))));
  options_.device_target = DeviceTarget::kCpu;
  options_.model_path = "lenet.mindir";
  EXPECT_THAT(CheckChoice(options_),
              StatusIs(kInvalid, HasSubstr("device_target is CPU")));
}

TEST_F(EngineChoiceTest, ChecksTheBatchSize) {
  options_.batch_size = 4;
  EXPECT_THAT(Open(),
              StatusIs(kInvalid, AllOf(HasSubstr("batches of 8"),
                                       HasSubstr("--batch_size is 4"))));
}

TEST_F(EngineChoiceTest, GearsAcceptSmallerBatches) {
  options_.model_path = "gears.mindir";
  for (const int size : {1, 4, 8}) {
    options_.batch_size = size;
    EXPECT_THAT(Open(), IsOk()) << size;
  }
  options_.batch_size = 9;
  EXPECT_THAT(Open(),
              StatusIs(kInvalid, AllOf(HasSubstr("up to 8"),
                                       HasSubstr("--batch_size is 9"))));
}

TEST_F(EngineChoiceTest, ChecksTheImageSize) {
  options_.image_width = 40;
  EXPECT_THAT(Open(), StatusIs(kInvalid,
                               AllOf(HasSubstr("32x32"), HasSubstr("32x40"))));
}

TEST_F(EngineChoiceTest, AutoChoosesByModelAndDevice) {
  EXPECT_EQ(Printed(),
            "infer310: engine native on CPU (--device_target=auto)\n");
  ConnectAscend(/*usable=*/true);
  EXPECT_EQ(Printed(),
            "infer310: engine lite on Ascend310:0 (--device_target=auto)\n");
  options_.engine = "lite";
  EXPECT_EQ(Printed(),
            "infer310: engine lite on Ascend310:0 (--device_target=auto)\n");
  options_.engine = "auto";
  options_.device_target = DeviceTarget::kCpu;
  EXPECT_EQ(Printed(), "infer310: engine native on CPU\n");
  options_.device_target = DeviceTarget::kAscend310;
  EXPECT_EQ(Printed(), "infer310: engine lite on Ascend310:0\n");
  UseOm();
  EXPECT_EQ(Printed(), "infer310: engine acl on Ascend310:0\n");
}

TEST_F(EngineChoiceTest, AutoWarnsIfAnAscendIsPresentButNotUsable) {
  ConnectAscend(/*usable=*/false);
  const auto warning = HasSubstr("warning: there is an Ascend, but it cannot");
  EXPECT_THAT(Printed(), AllOf(warning, HasSubstr("used: broken"),
                               HasSubstr("engine native on CPU")));
  options_.engine = "lite";
  EXPECT_THAT(Printed(), AllOf(warning, HasSubstr("engine lite on CPU")));
  options_.engine = "native";
  EXPECT_THAT(Printed(), Not(warning));
  options_.engine = "auto";
  options_.device_target = DeviceTarget::kCpu;
  EXPECT_THAT(Printed(), Not(warning));
}

TEST_F(EngineChoiceTest, AutoOpensNativeIfLiteIsUnavailable) {
  ConnectAscend(/*usable=*/true);
  BreakLite();
  EXPECT_THAT(Printed(), AllOf(HasSubstr("used: lite is broken"),
                               HasSubstr("engine native on CPU")));
}

TEST_F(EngineChoiceTest, ADeviceOrEngineAskedForIsNotReplaced) {
  ConnectAscend(/*usable=*/true);
  BreakLite();
  options_.engine = "lite";
  EXPECT_THAT(Open(), StatusIs(kUnavailable, "lite is broken"));
  options_.engine = "auto";
  options_.device_target = DeviceTarget::kAscend310;
  EXPECT_THAT(Open(), StatusIs(kUnavailable, "lite is broken"));
  ConnectAscend(/*usable=*/false);
  EXPECT_THAT(Open(), StatusIs(kUnavailable, "broken"));
}

}  // namespace
}  // namespace lenet

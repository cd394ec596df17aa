#include "cc/engine/registry.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FakeEngine final : public Engine {
 public:
  explicit FakeEngine(std::string device) : device_(std::move(device)) {}

  const TensorInfo& input() const override { return tensor_; }
  const TensorInfo& output() const override { return tensor_; }
  std::string device() const override { return device_; }
  absl::Status Start(const Batch&) override { return absl::OkStatus(); }
  absl::Status Finish(absl::Span<float>) override { return absl::OkStatus(); }

 private:
  const TensorInfo tensor_;
  const std::string device_;
};

absl::StatusOr<std::unique_ptr<Engine>> CreateSlow(const EngineOptions&) {
  return std::make_unique<FakeEngine>("slow");
}

absl::StatusOr<std::unique_ptr<Engine>> CreateFast(
    const EngineOptions& options) {
  if (options.model_path.empty()) return absl::NotFoundError("no model");
  return std::make_unique<FakeEngine>("fast");
}

bool IsOnAscend(const EngineOptions& options) {
  return options.device_target == DeviceTarget::kAscend310;
}

absl::StatusOr<std::unique_ptr<Engine>> CreateBroken(const EngineOptions&) {
  return absl::UnavailableError("broken");
}

// For a model that only it takes, and for one that it takes unless on the CPU.
bool SuitsBroken(const EngineOptions& options) {
  return options.model_path == "for a broken board alone" ||
         (options.model_path == "for a broken board" &&
          options.device_target != DeviceTarget::kCpu);
}

const EngineRegistration kBroken("broken", 3, &CreateBroken, &SuitsBroken);
const EngineRegistration kSlow("slow", 0, &CreateSlow);
const EngineRegistration kBoard("board", 2, &CreateSlow, &IsOnAscend);
const EngineRegistration kFast("fast", 1, &CreateFast);
const EngineRegistration kAlso("also", 0, &CreateSlow);

EngineOptions WithModel() {
  EngineOptions options;
  options.model_path = "model";
  return options;
}

TEST(RegistryTest, ListsEnginesBestFirstThenByName) {
  EXPECT_THAT(EngineNames(),
              ElementsAre("broken", "board", "fast", "also", "slow"));
}

TEST(RegistryTest, CreatesByName) {
  LENET_ASSERT_OK_AND_ASSIGN(const CreatedEngine created,
                             CreateEngine("SLOW", WithModel()));
  EXPECT_EQ(created.name, "slow");
  EXPECT_EQ(created.engine->device(), "slow");
}

TEST(RegistryTest, AutoTakesTheBest) {
  LENET_ASSERT_OK_AND_ASSIGN(const CreatedEngine created,
                             CreateEngine("auto", WithModel()));
  EXPECT_EQ(created.name, "fast");
  EXPECT_THAT(created.fallback, IsOk());
}

TEST(RegistryTest, AutoAsksForTheCondition) {
  EngineOptions options = WithModel();
  options.device_target = DeviceTarget::kAscend310;
  LENET_ASSERT_OK_AND_ASSIGN(const CreatedEngine created,
                             CreateEngine("auto", options));
  EXPECT_EQ(created.name, "board");
}

TEST(RegistryTest, AConditionDoesNotCountForANamedEngine) {
  LENET_ASSERT_OK_AND_ASSIGN(const CreatedEngine created,
                             CreateEngine("board", WithModel()));
  EXPECT_EQ(created.name, "board");
}

TEST(RegistryTest, AutoReportsTheErrorOfTheBest) {
  EXPECT_THAT(CreateEngine("auto", EngineOptions()),
              StatusIs(absl::StatusCode::kNotFound, "no model"));
}

TEST(RegistryTest, AutoFallsBackToTheCpuAndSaysWhy) {
  EngineOptions options = WithModel();
  options.model_path = "for a broken board";
  LENET_ASSERT_OK_AND_ASSIGN(const CreatedEngine created,
                             CreateEngine("auto", options));
  EXPECT_EQ(created.name, "fast");
  EXPECT_THAT(created.fallback,
              StatusIs(absl::StatusCode::kUnavailable, "broken"));
  EXPECT_THAT(CreateEngine("broken", options),
              StatusIs(absl::StatusCode::kUnavailable, "broken"));
}

TEST(RegistryTest, ADeviceAskedForIsNeverReplaced) {
  EngineOptions options = WithModel();
  options.model_path = "for a broken board";
  options.device_target = DeviceTarget::kAscend310;
  EXPECT_THAT(CreateEngine("auto", options),
              StatusIs(absl::StatusCode::kUnavailable, "broken"));
}

TEST(RegistryTest, NoFallbackWithoutAnotherEngine) {
  EngineOptions options = WithModel();
  options.model_path = "for a broken board alone";
  EXPECT_THAT(CreateEngine("auto", options),
              StatusIs(absl::StatusCode::kUnavailable, "broken"));
}

TEST(RegistryTest, UnknownNameListsThosePresent) {
  EXPECT_THAT(
      CreateEngine("acl", WithModel()),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("one of auto, broken, board, fast, also, slow")));
}

}  // namespace
}  // namespace lenet

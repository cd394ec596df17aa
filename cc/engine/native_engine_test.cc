#include "cc/engine/native_engine.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/test_util.h"
#include "cc/engine/engine_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

TEST(NativeEngineTest, DescribesTheModel) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto engine, CreateNativeEngine(OnCpu()));
  EXPECT_THAT(engine->input().shape, ElementsAre(1, 1, 32, 32));
  EXPECT_THAT(engine->output().shape, ElementsAre(1, 10));
  EXPECT_EQ(engine->device(), "CPU");
}

TEST(NativeEngineTest, GivesTheSameLogitsAlways) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto one, CreateNativeEngine(OnCpu(1)));
  LENET_ASSERT_OK_AND_ASSIGN(const auto two, CreateNativeEngine(OnCpu(2)));
  LENET_ASSERT_OK_AND_ASSIGN(const auto lite,
                             CreateNativeEngine(OnCpu(0, "lenet_lite.mindir")));
  const std::vector<float> first = Logits(one.get(), Ramp());
  EXPECT_NE(first, Logits(one.get(), std::vector<float>(1024, 2.f)));
  EXPECT_EQ(Logits(one.get(), Ramp()), first);
  EXPECT_EQ(Logits(two.get(), Ramp()), first);
  EXPECT_EQ(Logits(lite.get(), Ramp()), first);
}

TEST(NativeEngineTest, RefusesABatchOfAnotherSize) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto engine, CreateNativeEngine(OnCpu()));
  std::vector<float> logits(10);
  EXPECT_THAT(RunTensors(engine.get(), std::vector<float>(1000),
                         absl::MakeSpan(logits)),
              StatusIs(kInvalid, AllOf(HasSubstr("1024"), HasSubstr("1000"))));
}

TEST(NativeEngineTest, NamesAMissingModel) {
  EngineOptions options = OnCpu();
  options.model_path = "/no/such.mindir";
  EXPECT_THAT(
      CreateNativeEngine(options),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such.mindir")));
}

TEST(NativeEngineTest, NamesABadModel) {
  const TempFolder folder;
  const std::string model = ReadTestFile(OnCpu().model_path);
  EngineOptions options = OnCpu();
  for (const size_t size : {size_t{0}, size_t{100'000}, model.size() - 1}) {
    options.model_path = folder.Write("a.mindir", model.substr(0, size));
    EXPECT_THAT(CreateNativeEngine(options),
                StatusIs(kInvalid, HasSubstr("a.mindir: ")));
  }
}

TEST(NativeEngineTest, RefusesAippOnTheCpu) {
  EngineOptions options = OnCpu();
  options.aipp_path = "aipp.cfg";
  EXPECT_THAT(CreateNativeEngine(options),
              StatusIs(kInvalid, HasSubstr("aipp")));
}

TEST(NativeEngineTest, IsNotForAnAscend) {
  EngineOptions options = OnCpu();
  options.device_target = DeviceTarget::kAscend310;
  EXPECT_THAT(CreateNativeEngine(options),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("--device_target=CPU"),
                             HasSubstr("--engine=lite"))));
}

}  // namespace
}  // namespace lenet

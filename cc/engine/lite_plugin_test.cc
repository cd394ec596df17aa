#include "cc/engine/lite_plugin.h"

#include <cmath>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/test_util.h"
#include "cc/engine/engine_testing.h"
#include "cc/engine/registry.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

EngineOptions WithLibrary() {
  EngineOptions options = OnCpu();
  options.lite_plugin = TestData("lenet_mindspore/cc/engine/infer310_lite.so");
  return options;
}

TEST(LitePluginTest, IsRegisteredAndRuns) {
  LENET_ASSERT_OK_AND_ASSIGN(const CreatedEngine created,
                             CreateEngine("lite", WithLibrary()));
  EXPECT_EQ(created.name, "lite");
  EXPECT_EQ(created.engine->device(), "CPU");
  std::vector<float> logits(10, NAN);
  EXPECT_THAT(RunTensors(created.engine.get(), Ramp(), absl::MakeSpan(logits)),
              IsOk());
  for (const float logit : logits) EXPECT_TRUE(std::isfinite(logit));
}

TEST(LitePluginTest, PassesErrorsOn) {
  EngineOptions options = WithLibrary();
  options.model_path = "/no/such.mindir";
  EXPECT_THAT(
      CreatePluginEngine(options),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such.mindir")));
}

TEST(LitePluginTest, SaysWhatToDoWithoutTheLibrary) {
  EngineOptions options = OnCpu();
  options.lite_plugin = "";
  EXPECT_THAT(CreatePluginEngine(options),
              StatusIs(kUnavailable, AllOf(HasSubstr("infer310_lite.so"),
                                           HasSubstr("--engine=native"))));
  const TempFolder folder;
  options.lite_plugin = folder.Write("infer310_lite.so", "no library");
  EXPECT_THAT(CreatePluginEngine(options),
              StatusIs(kUnavailable, AllOf(HasSubstr(folder.path()),
                                           HasSubstr("--engine=native"))));
}

TEST(LitePluginTest, RefusesAnotherLibrary) {
  EngineOptions options = OnCpu();
  options.lite_plugin = "libm.so.6";
  EXPECT_THAT(CreatePluginEngine(options),
              StatusIs(kUnavailable, HasSubstr("of another build")));
}

TEST(LitePluginTest, SaysWhatIsMissingForAnAscendWithoutTheLibrary) {
  EngineOptions options = OnCpu();
  options.lite_plugin = "";
  options.device_target = DeviceTarget::kAscend310;
  options.device_id = 77;  // of no machine
  EXPECT_THAT(CreatePluginEngine(options),
              StatusIs(kUnavailable, HasSubstr("/dev/davinci77")));
}

}  // namespace
}  // namespace lenet

// Tests of the engines native and lite.

#include <dlfcn.h>

#include <climits>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "cc/engine/engine_testing.h"
#include "cc/engine/lite_plugin.h"
#include "cc/engine/native_engine.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

EngineOptions WithPlugin(int threads = 1,
                         const std::string& model = "lenet.mindir") {
  EngineOptions options = OnCpu(threads, model);
  options.lite_plugin = TestData("lenet_mindspore/cc/engine/infer310_lite.so");
  return options;
}

class EnginesTest
    : public testing::TestWithParam<decltype(&CreateNativeEngine)> {};

INSTANTIATE_TEST_SUITE_P(All, EnginesTest,
                         testing::Values(&CreateNativeEngine,
                                         &CreateLiteEngine));

TEST_P(EnginesTest, DescribeTheModel) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto engine, GetParam()(WithPlugin()));
  EXPECT_THAT(engine->input().shape, ElementsAre(1, 1, 32, 32));
  EXPECT_THAT(engine->output().shape, ElementsAre(1, 10));
  EXPECT_EQ(engine->device(), "CPU");
}

TEST_P(EnginesTest, GiveEqualLogitsForAnyThreadsAndMindIrVersion) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto engine, GetParam()(WithPlugin()));
  const std::vector<float> first = Logits(engine.get(), Ramp());
  EXPECT_NE(Logits(engine.get(), std::vector<float>(1024, 2.0f)), first);
  EXPECT_EQ(Logits(engine.get(), Ramp()), first);
  const bool native = GetParam() == &CreateNativeEngine;
  for (const int threads : {0, 2}) {
    LENET_ASSERT_OK_AND_ASSIGN(
        const auto other, GetParam()(WithPlugin(threads, "lenet_lite.mindir")));
    const std::vector<float> logits = Logits(other.get(), Ramp());
    for (size_t i = 0; i < first.size(); ++i) {
      EXPECT_NEAR(logits[i], first[i], native ? 0.0f : 1e-4f) << i;
    }
  }
}

TEST_P(EnginesTest, NameAMissingOrDamagedModel) {
  const TempFolder folder;
  EngineOptions options = WithPlugin();
  const std::string model = ReadTestFile(options.model_path);
  options.model_path = "/no/such.mindir";
  EXPECT_THAT(GetParam()(options), StatusIs(absl::StatusCode::kNotFound,
                                            HasSubstr("/no/such.mindir")));
  for (const size_t size : {size_t{0}, size_t{100'000}, model.size() - 1}) {
    options.model_path = folder.Write("a.mindir", model.substr(0, size));
    EXPECT_THAT(GetParam()(options),
                StatusIs(kInvalid, HasSubstr("a.mindir: ")));
  }
}

TEST_P(EnginesTest, RefuseAippOnTheCpu) {
  EngineOptions options = WithPlugin();
  options.aipp_path = "aipp.cfg";
  EXPECT_THAT(GetParam()(options), StatusIs(kInvalid, HasSubstr("aipp")));
}

TEST(NativeEngineTest, RefusesAnAscend) {
  EngineOptions options = OnCpu();
  options.device_target = DeviceTarget::kAscend310;
  EXPECT_THAT(CreateNativeEngine(options),
              StatusIs(kUnavailable, AllOf(HasSubstr("--device_target=CPU"),
                                           HasSubstr("--engine=lite"))));
}

// The runtime looks for its plug-ins in its own folder.
TEST(LiteEngineTest, TheAscendPluginOfTheSdkIsBesideItsRuntime) {
  ASSERT_THAT(CreateLiteEngine(WithPlugin()), IsOk());
  void* const runtime =
      dlopen("libmindspore-extendrt_python.so", RTLD_LAZY | RTLD_NOLOAD);
  ASSERT_NE(runtime, nullptr);
  char folder[PATH_MAX];
  ASSERT_EQ(dlinfo(runtime, RTLD_DI_ORIGIN, folder), 0);
  dlclose(runtime);
  EXPECT_TRUE(std::filesystem::exists(std::filesystem::path(folder) /
                                      "libascend_kernel_plugin_python.so"))
      << folder;
}

TEST(LiteEngineTest, ExplainsAMissingOrDamagedLibrary) {
  EngineOptions options = OnCpu();
  EXPECT_THAT(CreateLiteEngine(options),
              StatusIs(kUnavailable, AllOf(HasSubstr("infer310_lite.so"),
                                           HasSubstr("--engine=native"))));
  const TempFolder folder;
  options.lite_plugin = folder.Write("infer310_lite.so", "no library");
  EXPECT_THAT(CreateLiteEngine(options),
              StatusIs(kUnavailable, AllOf(HasSubstr(folder.path()),
                                           HasSubstr("--engine=native"))));
  options.lite_plugin = "libm.so.6";
  EXPECT_THAT(CreateLiteEngine(options),
              StatusIs(kUnavailable, HasSubstr("of another build")));
}

}  // namespace
}  // namespace lenet

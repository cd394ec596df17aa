#include "cc/engine/lite_engine.h"

#include <dlfcn.h>

#include <climits>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
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

// The runtime looks for its plug-ins where it was loaded from.
TEST(LiteEngineTest, TheAscendPlugInLiesBesideTheRuntime) {
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

TEST(LiteEngineTest, DescribesTheModel) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto engine, CreateLiteEngine(OnCpu()));
  EXPECT_THAT(engine->input().shape, ElementsAre(1, 1, 32, 32));
  EXPECT_THAT(engine->output().shape, ElementsAre(1, 10));
  EXPECT_EQ(engine->device(), "CPU");
}

TEST(LiteEngineTest, GivesTheSameLogitsEachTimeAndForAnyNumberOfThreads) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto one, CreateLiteEngine(OnCpu(1)));
  LENET_ASSERT_OK_AND_ASSIGN(const auto two, CreateLiteEngine(OnCpu(2)));
  const std::vector<float> first = Logits(one.get(), Ramp());
  const std::vector<float> other =
      Logits(one.get(), std::vector<float>(1024, 2.f));
  EXPECT_NE(first, other);
  EXPECT_EQ(Logits(one.get(), Ramp()), first);
  const std::vector<float> threaded = Logits(two.get(), Ramp());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_NEAR(threaded[i], first[i], 1e-4f) << i;
  }
}

TEST(LiteEngineTest, RefusesABatchOfAnotherSize) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto engine, CreateLiteEngine(OnCpu()));
  std::vector<float> logits(10);
  EXPECT_THAT(RunTensors(engine.get(), std::vector<float>(1000),
                         absl::MakeSpan(logits)),
              StatusIs(kInvalid, AllOf(HasSubstr("1024"), HasSubstr("1000"))));
}

TEST(LiteEngineTest, NamesAMissingModel) {
  EngineOptions options = OnCpu();
  options.model_path = "/no/such.mindir";
  EXPECT_THAT(
      CreateLiteEngine(options),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such.mindir")));
}

TEST(LiteEngineTest, NamesATruncatedModel) {
  const TempFolder folder;
  const std::string model = ReadTestFile(OnCpu().model_path);
  EngineOptions options = OnCpu();
  options.model_path = folder.Write("a.mindir", model.substr(0, 100'000));
  EXPECT_THAT(CreateLiteEngine(options),
              StatusIs(kInvalid, HasSubstr("a.mindir: expected a MindIR")));
}

TEST(LiteEngineTest, RefusesAippOnTheCpu) {
  EngineOptions options = OnCpu();
  options.aipp_path = "aipp.cfg";
  EXPECT_THAT(CreateLiteEngine(options), StatusIs(kInvalid, HasSubstr("aipp")));
}

TEST(LiteEngineTest, SaysWhatIsMissingForAnAscend) {
  EngineOptions options = OnCpu();
  options.device_target = DeviceTarget::kAscend310;
  options.device_id = 77;  // of no machine
  EXPECT_THAT(
      CreateLiteEngine(options),
      StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/dev/davinci77")));
}

}  // namespace
}  // namespace lenet

#include <dlfcn.h>

#include <climits>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "cc/engine/engine_testing.h"
#include "cc/engine/lite_plugin.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

EngineOptions WithPlugin(int threads = 1) {
  EngineOptions options = OnCpu(threads);
  options.lite_plugin = TestData("lenet_mindspore/cc/engine/infer310_lite.so");
  return options;
}

// The runtime looks for its plug-ins in its own folder.
TEST(LiteTest, TheAscendPluginOfTheSdkIsBesideItsRuntime) {
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

TEST(LiteTest, DescribesTheModel) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto engine, CreateLiteEngine(WithPlugin()));
  EXPECT_THAT(engine->input().shape, ElementsAre(1, 1, 32, 32));
  EXPECT_THAT(engine->output().shape, ElementsAre(1, 10));
  EXPECT_EQ(engine->device(), "CPU");
}

TEST(LiteTest, LogitsAreRepeatableAndIndependentOfThreads) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto one, CreateLiteEngine(WithPlugin(1)));
  LENET_ASSERT_OK_AND_ASSIGN(const auto two, CreateLiteEngine(WithPlugin(2)));
  const std::vector<float> first = Logits(one.get(), Ramp());
  EXPECT_NE(Logits(one.get(), std::vector<float>(1024, 2.f)), first);
  EXPECT_EQ(Logits(one.get(), Ramp()), first);
  const std::vector<float> threaded = Logits(two.get(), Ramp());
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_NEAR(threaded[i], first[i], 1e-4f) << i;
  }
}

TEST(LiteTest, NamesAMissingModel) {
  EngineOptions options = WithPlugin();
  options.model_path = "/no/such.mindir";
  EXPECT_THAT(
      CreateLiteEngine(options),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such.mindir")));
}

TEST(LiteTest, NamesATruncatedModel) {
  const TempFolder folder;
  EngineOptions options = WithPlugin();
  const std::string model = ReadTestFile(options.model_path);
  options.model_path = folder.Write("a.mindir", model.substr(0, 100'000));
  EXPECT_THAT(CreateLiteEngine(options),
              StatusIs(kInvalid, HasSubstr("a.mindir: expected a MindIR")));
}

TEST(LiteTest, RefusesAippOnTheCpu) {
  EngineOptions options = WithPlugin();
  options.aipp_path = "aipp.cfg";
  EXPECT_THAT(CreateLiteEngine(options), StatusIs(kInvalid, HasSubstr("aipp")));
}

TEST(LiteTest, ExplainsAMissingOrDamagedLibrary) {
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

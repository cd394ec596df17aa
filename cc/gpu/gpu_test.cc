// The launch code against a fake driver that runs the host build of the
// kernels; see fake_driver.cc.

#include <sys/stat.h>
#include <sys/wait.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/base/testing.h"
#include "cc/gpu/check.h"
#include "cc/gpu/compiler.h"
#include "cc/gpu/trainer.h"
#include "cc/kernels/operator_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// The functions that Python finds in libgpu_ops.so.
extern "C" int LenetGpuOpen(int device_id, const char* nvrtc_folder,
                            const char* cache_folder, int height, int width,
                            char* message, int message_size);
extern "C" int LenetGpuForward(const uint8_t* images, int64_t count,
                               const float* normalize,
                               const float* const* parameters, float* logits,
                               char* message, int message_size);
extern "C" const char* LenetGpuError();
extern "C" lenet::kernels::Operator LenetGpuTrainSteps;

namespace lenet::gpu {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr int kSide = 32;

std::string FakeFolder() {
  const std::string path = TestData("lenet_mindspore/cc/gpu/fake/libcuda.so.1");
  return path.substr(0, path.rfind('/'));
}

TrainerOptions Options() {
  return {0, FakeFolder(), "", kSide, kSide, FakeFolder() + "/libcuda.so.1"};
}

class GpuTest : public testing::Test {
 protected:
  ~GpuTest() override { unsetenv("FAKE_CUDA"); }

  static void Set(const std::string& settings) {
    setenv("FAKE_CUDA", settings.c_str(), 1);
  }
};

constexpr char kClusters[] = "capability=90 shared_memory=232448 ";

struct Size {
  int height;
  int width;
};

class SizeTest : public testing::WithParamInterface<Size>, public GpuTest {};

INSTANTIATE_TEST_SUITE_P(, SizeTest,
                         testing::Values(Size{kSide, kSide}, Size{20, 17}));

TEST_P(SizeTest, TrainsLikeTheReference) {
  for (const char* settings : {"", kClusters}) {
    Set(settings);
    TrainerOptions options = Options();
    options.height = GetParam().height;
    options.width = GetParam().width;
    LENET_ASSERT_OK_AND_ASSIGN(const auto trainer, Trainer::Open(options));
    EXPECT_EQ(trainer->card(), "Fake card");
    EXPECT_EQ(trainer->warning(), "");
    for (const int batch : {1, 2, 5}) {
      EXPECT_THAT(
          CheckCard({options.height, options.width, batch, 2}, &*trainer),
          IsOk());
    }
    EXPECT_EQ(trainer->kernel_milliseconds(), 1.0f);
  }
}

struct Fault {
  const char* settings;
  int exit_code;
  const char* cause;
  const char* remedy;
};

class OpenFaultTest : public testing::WithParamInterface<Fault>,
                      public GpuTest {};

INSTANTIATE_TEST_SUITE_P(
    , OpenFaultTest,
    testing::Values(
        Fault{"cuInit=100", 3, "no CUDA-capable device is detected",
              "nvidia-smi lists the cards"},
        Fault{"cards=0", 3, "cannot find a card", "nvidia-smi lists the cards"},
        Fault{"version=10020", 3, "supports CUDA 10.2, but 11.0 is needed",
              "update NVIDIA's driver"},
        Fault{"shared_memory=10000", 2, "too large for this GPU",
              "use smaller images"},
        Fault{"capability=52", 3, "Fake card has compute capability 5.2",
              "use another card"},
        Fault{"cuDevicePrimaryCtxRetain=46", 3, "cannot open card 0",
              "another program uses the card exclusively"},
        Fault{"cuMemAlloc_v2=2", 3,
              "out of memory (CUDA_ERROR_OUT_OF_MEMORY 2)",
              "nvidia-smi shows which programs use the card's memory"},
        Fault{"cuLaunchCooperativeKernel=720", 4, "cannot run a kernel",
              "the card has too few free processors"},
        Fault{"cuCtxSynchronize=719", 4, "unspecified launch failure",
              "dmesg | grep -i xid"},
        Fault{"wrong=1", 4, "Fake card computes wrong results: conv1.weight",
              "--device_target=CPU"},
        Fault{"wrong=2", 4, "conv1.weight[7] is nan instead of ",
              "--device_target=CPU"},
        Fault{"nvrtcCompileProgram=6", 1,
              "line 3: error: NVRTC failed: NVRTC_ERROR_COMPILATION",
              "--device_target=CPU"}));

TEST_P(OpenFaultTest, HasOneMessageAndExitCode) {
  const Fault& fault = GetParam();
  Set(fault.settings);
  const absl::Status status = Trainer::Open(Options()).status();
  EXPECT_EQ(ExitCode(status), fault.exit_code);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(fault.cause), HasSubstr(fault.remedy),
                    Not(HasSubstr("\n"))));
}

TEST_F(GpuTest, NamesMissingLibrariesAndCards) {
  TrainerOptions options = Options();
  options.device = 1;
  EXPECT_THAT(Trainer::Open(options),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("no card 1; choose --device_id from 0 to 0")));
  options = Options();
  options.driver = "libno_such_driver.so.1";
  EXPECT_THAT(Trainer::Open(options),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr("cannot load libno_such_driver.so.1"),
                             HasSubstr("install NVIDIA's driver"))));
  options.driver = "libm.so.6";
  EXPECT_THAT(Trainer::Open(options),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("libm.so.6 has no function cuInit, ")));
  options = Options();
  options.nvrtc_folder = "/no/such/folder";
  EXPECT_THAT(
      Trainer::Open(options),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr("cannot load /no/such/folder/libnvrtc.so.11.2"),
                     HasSubstr("nvidia-cuda-nvrtc-cu11"))));
}

TEST_F(GpuTest, GoesOnWithoutClusters) {
  Set(std::string(kClusters) + "clusters=0");
  LENET_ASSERT_OK_AND_ASSIGN(const auto trainer, Trainer::Open(Options()));
  EXPECT_THAT(trainer->warning(),
              HasSubstr("slower, without thread-block clusters: "));
}

TEST(CompilerTest, ReadsTheCacheAndReplacesDamagedEntries) {
  LENET_ASSERT_OK_AND_ASSIGN(const Compiler compiler,
                             Compiler::Open(FakeFolder()));
  const TempFolder temp;
  const std::string cache = temp.path() + "/new/cache";
  const auto compile = [&](const std::string& source, int capability,
                           const std::string& option) {
    const auto program =
        compiler.CompileCached(cache, source, capability, {option});
    EXPECT_THAT(program, IsOk());
    EXPECT_EQ(program->warning, "");
    EXPECT_EQ(program->code, std::string("fake code 0 0 0\0", 16));
    return !program->log.empty();  // whether it was compiled
  };
  EXPECT_TRUE(compile("a", 80, "-DX"));
  EXPECT_FALSE(compile("a", 80, "-DX"));
  LENET_ASSERT_OK_AND_ASSIGN(const auto names, ListFolder(cache));
  ASSERT_THAT(names, SizeIs(1));
  const std::string path = cache + "/" + names[0];
  const std::string content = ReadTestFile(path);
  for (const std::string& damaged :
       {std::string(), content.substr(0, content.size() - 1),
        "0" + content.substr(1), content + "x"}) {
    ASSERT_THAT(WriteFileAtomically(path, damaged), IsOk());
    EXPECT_TRUE(compile("a", 80, "-DX")) << damaged;
    EXPECT_FALSE(compile("a", 80, "-DX")) << damaged;
  }
  EXPECT_TRUE(compile("b", 80, "-DX"));
  EXPECT_TRUE(compile("a", 90, "-DX"));
  EXPECT_TRUE(compile("a", 80, "-DY"));
}

TEST(CompilerTest, WarnsIfTheCacheIsReadOnly) {
  LENET_ASSERT_OK_AND_ASSIGN(const Compiler compiler,
                             Compiler::Open(FakeFolder()));
  const TempFolder temp;
  ASSERT_EQ(chmod(temp.path().c_str(), 0500), 0);
  const WithoutPrivileges unprivileged;
  const auto program = compiler.CompileCached(temp.path(), "a", 80, {});
  ASSERT_THAT(program, IsOk());
  EXPECT_THAT(program->code, Not(IsEmpty()));
  EXPECT_THAT(program->warning,
              AllOf(HasSubstr("the kernels are compiled at each start: "),
                    HasSubstr(temp.path()), HasSubstr("Permission denied")));
}

// Runs the stand-alone test without its longer parts; returns its exit code
// and, in `output`, what it printed.
int RunCardTest(const std::string& settings, std::string* output) {
  const TempFolder temp;
  const std::string path = temp.path() + "/output";
  const std::string command =
      "FAKE_CUDA='" + settings + "' LD_LIBRARY_PATH='" + FakeFolder() +
      "' $LENET_EMULATOR '" +  // of third_party/aarch64
      TestData("lenet_mindspore/cc/gpu/card_test_program") + "' '" +
      FakeFolder() + "' --quick >'" + path + "' 2>&1";
  const int status =
      std::system(command.c_str());  // NOLINT(bugprone-command-processor)
  *output = ReadTestFile(path);
  return WEXITSTATUS(status);
}

TEST(CardTest, PassesOnTheFakeCard) {
  std::string output;
  EXPECT_EQ(RunCardTest("", &output), 0) << output;
  EXPECT_THAT(output,
              AllOf(HasSubstr("card: Fake card, opened in "),
                    HasSubstr("32x32, batch 33: equals the reference\n"),
                    HasSubstr("two runs of 3 steps: bit-identical\n")));
  EXPECT_EQ(RunCardTest("cards=0", &output), 3);
  EXPECT_THAT(output, HasSubstr("card_test: GPU: cannot find a card: "));
  EXPECT_EQ(RunCardTest("wrong=1", &output), 4);
}

// LenetGpuOpen opens "libcuda.so.1", which the loader finds because the test
// has loaded the fake driver.
class OperatorTest : public GpuTest {
 protected:
  void SetUp() override {
    ASSERT_THAT(Trainer::Open(Options()), IsOk());
    ASSERT_EQ(Open(kSide), 0) << message_;
    EXPECT_STREQ(message_, "");
  }

  int Open(int side) {
    return LenetGpuOpen(0, FakeFolder().c_str(), "", side, side, message_,
                        sizeof(message_));
  }

  char message_[1000];
};

TEST_F(OperatorTest, TrainsAndEvaluates) {
  kernels::Arguments call = kernels::TrainArguments(kSide, kSide);
  constexpr size_t kLosses = 24;
  constexpr size_t kNewParameters = 25;
  for (size_t i = 0; i < 4; ++i) call.Data<float>(4)[i % 2] = 0.5f;
  *call.Data<float>(6) = 0.9f;
  ASSERT_EQ(call.Call(LenetGpuTrainSteps), 0) << LenetGpuError();
  // With zeros all classes have the same probability.
  EXPECT_NEAR(call.Data<float>(kLosses)[0], 2.302585f, 1e-5f);
  EXPECT_LT(call.Data<float>(kLosses)[1], 2.0f);
  // Both labels of each batch are 0, so that bias 0 grows.
  const float* const bias = call.Data<float>(kNewParameters + 7);
  EXPECT_GT(bias[0], 0.5f);
  EXPECT_EQ(call.Data<float>(8 + 7)[0], 0.0f);

  const float* parameters[8];
  for (size_t i = 0; i < 8; ++i) {
    parameters[i] = call.Data<float>(kNewParameters + i);
  }
  float logits[3][10];
  ASSERT_EQ(LenetGpuForward(call.Data<uint8_t>(0), 3, call.Data<float>(2),
                            parameters, logits[0], message_, sizeof(message_)),
            0)
      << message_;
  EXPECT_EQ(logits[2][0], bias[0]);
  EXPECT_EQ(LenetGpuForward(call.Data<uint8_t>(0), 0, call.Data<float>(2),
                            parameters, logits[0], message_, 20),
            2);
  EXPECT_STREQ(message_, "GPU: 0 images in on");
}

TEST_F(OperatorTest, NoticesAnotherTrainingSet) {
  kernels::Arguments call = kernels::TrainArguments(kSide, kSide);
  call.Data<float>(4)[0] = 0.5f;
  ASSERT_EQ(call.Call(LenetGpuTrainSteps), 0) << LenetGpuError();
  const float before = call.Data<float>(25 + 7)[1];
  for (size_t i = 0; i < 3; ++i) call.Data<int32_t>(1)[i] = 1;
  ASSERT_EQ(call.Call(LenetGpuTrainSteps), 0) << LenetGpuError();
  EXPECT_LT(before, 0.0f);
  EXPECT_GT(call.Data<float>(25 + 7)[1], 0.0f);
}

TEST_F(OperatorTest, RejectsInvalidArguments) {
  for (const size_t i : {size_t{1}, size_t{10}, size_t{40}}) {
    kernels::Arguments call = kernels::TrainArguments(kSide, kSide);
    call.all()[i].shape.back() += 4;
    EXPECT_EQ(call.Call(LenetGpuTrainSteps), 2) << i;
    EXPECT_EQ(LenetGpuError(), "LenetGpuTrainSteps: argument " +
                                   std::to_string(i) +
                                   " of 41 has a wrong type or shape");
  }
  kernels::Arguments call = kernels::TrainArguments(kSide, kSide);
  call.Data<int32_t>(1)[2] = 10;
  EXPECT_EQ(call.Call(LenetGpuTrainSteps), 2);
  EXPECT_STREQ(LenetGpuError(), "label 10 of image 2 is not 0 to 9");
  call.Data<int32_t>(1)[2] = 9;
  for (const int32_t index : {-1, 3}) {
    call.Data<int32_t>(3)[3] = index;
    EXPECT_EQ(call.Call(LenetGpuTrainSteps), 2) << index;
  }
}

TEST_F(OperatorTest, ReportsALostCard) {
  kernels::Arguments call = kernels::TrainArguments(kSide, kSide);
  Set("cuCtxSynchronize=719");
  EXPECT_EQ(call.Call(LenetGpuTrainSteps), 4);
  EXPECT_THAT(LenetGpuError(), HasSubstr("CUDA_ERROR_LAUNCH_FAILED 719"));
  Set("cuInit=100");
  EXPECT_EQ(Open(kSide), 3);
  EXPECT_THAT(message_, HasSubstr("no CUDA-capable device"));
  EXPECT_EQ(call.Call(LenetGpuTrainSteps), 2);
  EXPECT_STREQ(LenetGpuError(), "GPU: call LenetGpuOpen first");
}

}  // namespace
}  // namespace lenet::gpu

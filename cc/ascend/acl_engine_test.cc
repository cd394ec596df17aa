#include "cc/ascend/acl_engine.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cc/ascend/om_testing.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/error.h"
#include "cc/base/testing.h"
#include "cc/engine/engine_testing.h"
#include "cc/engine/native_engine.h"
#include "cc/engine/self_test.h"
#include "cc/image/decode.h"
#include "cc/image/transform.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// e2e tests DVPP, manifests, the self-test and failures of each call.

namespace lenet {
namespace {

using ascend::kRunModes;
using ascend::LumaOm;
using ascend::OmOptions;
using ascend::SimSettings;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr size_t kImages = 7;
constexpr size_t kPixels = 1024;
constexpr size_t kClasses = 10;

// Maximum difference of a logit from the native engine's; logits are up to 20.
constexpr float kExact = 1e-4f;
constexpr float kHalf = 0.02f;  // float16 logits
constexpr float kAipp = 0.2f;   // float16 in the AIPP

// The digit of the self-test, shifted down by 0 to kImages - 1 rows.
struct Images {
  std::vector<uint8_t> luma;
  std::vector<float> tensors;
  std::vector<float> logits;  // of the native engine
};

Images MakeImages() {
  Images images;
  const GrayImage digit = DecodeImage(SelfTestDigit()).value();
  for (size_t i = 0; i < kImages; ++i) {
    std::vector<uint8_t> shifted = digit.pixels;
    std::rotate(shifted.rbegin(),
                shifted.rbegin() + static_cast<std::ptrdiff_t>(32 * i),
                shifted.rend());
    images.luma.insert(images.luma.end(), shifted.begin(), shifted.end());
  }
  images.tensors.resize(images.luma.size());
  Normalize(images.luma, absl::MakeSpan(images.tensors));
  const auto native = CreateNativeEngine(OnCpu()).value();
  for (size_t i = 0; i < kImages; ++i) {
    const auto first =
        images.tensors.begin() + static_cast<std::ptrdiff_t>(i * kPixels);
    const std::vector<float> logits =
        Logits(native.get(), std::vector<float>(first, first + kPixels));
    images.logits.insert(images.logits.end(), logits.begin(), logits.end());
  }
  return images;
}

// Returns images from `first` on, padded with zeros to a whole batch.
template <typename T>
std::vector<T> Padded(const std::vector<T>& images, size_t first,
                      size_t capacity) {
  std::vector<T> padded(
      images.begin() + static_cast<std::ptrdiff_t>(first * kPixels),
      images.end());
  padded.resize(capacity * kPixels);
  return padded;
}

// Returns the logits of all images, with as many started batches as possible.
absl::StatusOr<std::vector<float>> RunAll(const Images& images,
                                          Engine* engine) {
  const auto capacity = static_cast<size_t>(engine->input().shape[0]);
  std::vector<std::vector<float>> tensors;
  std::vector<std::vector<uint8_t>> luma;
  std::vector<Batch> batches;
  for (size_t i = 0; i < kImages; i += capacity) {
    tensors.push_back(Padded(images.tensors, i, capacity));
    luma.push_back(Padded(images.luma, i, capacity));
    Batch& batch = batches.emplace_back();
    batch.size = std::min(capacity, kImages - i);
    if (engine->form() == InputForm::kTensor) {
      batch.tensors = tensors.back();
    } else {
      batch.luma = luma.back();
    }
  }
  std::vector<float> logits(kImages * kClasses);
  absl::Span<float> rest = absl::MakeSpan(logits);
  size_t started = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    for (; started < std::min(i + engine->depth(), batches.size()); ++started) {
      LENET_RETURN_IF_ERROR(engine->Start(batches[started]));
    }
    const size_t count = batches[i].size * kClasses;
    LENET_RETURN_IF_ERROR(engine->Finish(rest.first(count)));
    rest.remove_prefix(count);
  }
  return logits;
}

using EngineWork = std::function<absl::Status(Engine*)>;

// Creates an engine and uses it; for LENET_EXPECT_IN_CHILD.
std::function<absl::Status()> WithEngine(const OmOptions& om, EngineWork work,
                                         bool dvpp = false) {
  return [om, dvpp, work = std::move(work)]() -> absl::Status {
    const TempFolder folder;
    EngineOptions options;
    options.model_path = folder.Write("lenet.om", ascend::SimulatorOm(om));
    options.dvpp = dvpp;
    LENET_ASSIGN_OR_RETURN(
        const std::unique_ptr<Engine> engine,
        CreateAclEngine(options, ascend::SimulatorLocations(folder)));
    return work(engine.get());
  };
}

// Compares the logits of all images with the native engine's.
std::function<absl::Status()> Compare(const OmOptions& om, const Images& images,
                                      float tolerance) {
  return WithEngine(om, [images, tolerance](Engine* engine) -> absl::Status {
    LENET_ASSIGN_OR_RETURN(const std::vector<float> logits,
                           RunAll(images, engine));
    for (size_t i = 0; i < logits.size(); ++i) {
      EXPECT_NEAR(logits[i], images.logits[i], tolerance) << i;
    }
    return absl::OkStatus();
  });
}

SimSettings Mode(const std::string& mode) {
  return {{"LENET_SIM_RUN_MODE", mode}};
}

OmOptions Gears(std::vector<uint32_t> gears) {
  OmOptions om;
  om.batch = gears.back();
  om.gears = std::move(gears);
  return om;
}

TEST(AclEngineDeathTest, GivesTheLogitsOfTheNativeEngine) {
  const Images images = MakeImages();
  for (const char* mode : kRunModes) {
    for (const uint32_t batch : {1u, 3u, 16u}) {
      OmOptions om;
      om.batch = batch;
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(om, images, kExact), "OK");
      om.half_output = true;
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(om, images, kHalf), "OK");
      om = LumaOm(batch);
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(om, images, kAipp), "OK");
      om.aipp_format = 2;
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(om, images, kAipp), "OK");
    }
    for (const OmOptions& om : {Gears({1, 2, 4}), Gears({2, 5})}) {
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(om, images, kExact), "OK");
    }
  }
}

TEST(AclEngineDeathTest, DescribesItself) {
  struct Case {
    const char* mode;
    OmOptions om;
    bool dvpp;
    size_t depth;
  };
  for (const auto& [mode, om, dvpp, depth] :
       {Case{"host", LumaOm(2), false, 2}, Case{"device", LumaOm(2), false, 1},
        Case{"device", LumaOm(2), true, 2},
        Case{"host", Gears({1, 2}), false, 2}}) {
    const EngineWork work = [&, depth = depth](Engine* engine) {
      EXPECT_THAT(engine->input().shape, ElementsAre(2, 1, 32, 32));
      EXPECT_THAT(engine->output().shape, ElementsAre(2, 10));
      EXPECT_EQ(engine->device(), "Ascend310:0");
      EXPECT_EQ(engine->counters().soc_name, "Ascend310-simulator");
      EXPECT_EQ(engine->depth(), depth);
      EXPECT_EQ(engine->counters().pipelined, depth == 2);
      return absl::OkStatus();
    };
    LENET_EXPECT_IN_CHILD(Mode(mode), WithEngine(om, work, dvpp), "OK");
  }
}

// DVPP cannot decode one of the files, because its coded pixels end too early;
// only the host looks at the two others.
TEST(AclEngineDeathTest, ABadFileLeavesTheOtherImages) {
  const std::string digit = SelfTestDigit();
  std::string damaged = digit;
  damaged.erase(damaged.size() - 102, 100);  // all but the end marker
  const EngineWork work = [&](Engine* engine) -> absl::Status {
    std::vector<SourceImage> files(8, SourceImage{digit, 0, 0, "good.jpg"});
    files[3] = SourceImage{damaged, 0, 0, "bad3.jpg"};
    files[4] = SourceImage{"text", 0, 0, "bad4.png"};
    files[5] = SourceImage{"abc", 2, 2, "bad5.idx"};
    const auto start = [&](size_t first) {
      Batch batch;
      batch.size = 2;
      batch.files = absl::MakeSpan(files).subspan(first, 2);
      return engine->Start(batch);
    };
    LENET_RETURN_IF_ERROR(start(0));
    for (size_t first = 0; first < files.size(); first += 2) {
      if (first + 2 < files.size()) LENET_RETURN_IF_ERROR(start(first + 2));
      std::vector<float> logits(2 * kClasses);
      LENET_RETURN_IF_ERROR(engine->Finish(absl::MakeSpan(logits)));
      for (size_t i = 0; i < 2; ++i) {
        const float* const begin = &logits[i * kClasses];
        const std::string& path = files[first + i].path;
        if (path == "good.jpg") {
          EXPECT_THAT(engine->ImageStatus(i), IsOk());
          EXPECT_EQ(std::max_element(begin, begin + kClasses) - begin, 7);
        } else {
          EXPECT_THAT(engine->ImageStatus(i),
                      StatusIs(absl::StatusCode::kInvalidArgument,
                               HasSubstr(path + ": ")));
          EXPECT_TRUE(std::isnan(begin[0]) && std::isnan(begin[9]));
        }
      }
    }
    const EngineCounters counters = engine->counters();
    EXPECT_EQ(counters.decoded_on_device + counters.decoded_on_host, 5u);
    EXPECT_GE(counters.decoded_on_device, 4u);
    return absl::OkStatus();
  };
  for (const char* mode : kRunModes) {
    LENET_EXPECT_IN_CHILD(Mode(mode), WithEngine(LumaOm(2), work, true), "OK");
  }
}

TEST(AclEngineDeathTest, RefusesInvalidCallsAndContinues) {
  const Images images = MakeImages();
  const EngineWork work = [images](Engine* engine) -> absl::Status {
    Batch full;
    full.size = 2;
    full.tensors = absl::MakeSpan(images.tensors).first(2 * kPixels);
    Batch none = full;
    none.size = 0;
    EXPECT_THAT(engine->Start(none),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("1 to 2 images, found 0")));
    Batch small = full;
    small.tensors = small.tensors.first(5);
    EXPECT_THAT(engine->Start(small),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("2048 floats, found 5")));
    std::vector<float> logits(20);
    EXPECT_THAT(
        engine->Finish(absl::MakeSpan(logits)),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no batch")));
    for (size_t i = 0; i < engine->depth(); ++i) {
      LENET_RETURN_IF_ERROR(engine->Start(full));
    }
    EXPECT_THAT(engine->Start(full),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("batches are started")));
    EXPECT_THAT(engine->Finish(absl::MakeSpan(logits).first(10)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("20"), HasSubstr("10"))));
    // The other started batch is left to the destructor.
    return engine->Finish(absl::MakeSpan(logits));
  };
  OmOptions om;
  om.batch = 2;
  for (const char* mode : kRunModes) {
    LENET_EXPECT_IN_CHILD(Mode(mode), WithEngine(om, work), "OK");
  }
}

TEST(AclEngineDeathTest, TransfersOneBatchWhileAnotherExecutes) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  LENET_EXPECT_IN_CHILD((SimSettings{{"LENET_SIM_TRACE", trace}}),
                        Compare(OmOptions(), MakeImages(), kExact), "OK");
  // After each execution its results and the next images are copied.
  const std::vector<std::string> calls = ascend::TracedCalls(trace);
  size_t executions = 0;
  size_t overlaps = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (calls[i] != "aclmdlExecuteAsync") continue;
    ++executions;
    overlaps += i + 2 < calls.size() && calls[i + 1] == "aclrtMemcpyAsync" &&
                calls[i + 2] == "aclrtMemcpyAsync";
  }
  EXPECT_EQ(executions, kImages + 1);  // with the self-test
  EXPECT_EQ(overlaps, kImages - 1);
}

TEST(AclEngineDeathTest, DoesNotUseAFailedDeviceAgain) {
  const Images images = MakeImages();
  const EngineWork work = [images](Engine* engine) -> absl::Status {
    const absl::Status failed = RunAll(images, engine).status();
    Batch batch;
    batch.size = 1;
    batch.tensors = absl::MakeSpan(images.tensors).first(kPixels);
    EXPECT_EQ(engine->Start(batch), failed);
    std::vector<float> logits(10);
    EXPECT_EQ(engine->Finish(absl::MakeSpan(logits)), failed);
    return failed;
  };
  for (const char* fault :
       {"aclmdlExecuteAsync:4=507011", "aclmdlExecuteAsync:4@sync=507011",
        "aclrtMemcpyAsync:9=507013", "aclrtMemcpyAsync:10@sync=507013"}) {
    LENET_EXPECT_IN_CHILD((SimSettings{{"LENET_SIM_FAULTS", fault}}),
                          WithEngine(OmOptions(), work), "ABORTED: .* 5070");
  }
  LENET_EXPECT_IN_CHILD(
      (SimSettings{{"LENET_SIM_RUN_MODE", "device"},
                   {"LENET_SIM_FAULTS", "aclmdlExecute:3=507011"}}),
      WithEngine(OmOptions(), work), "ABORTED: aclmdlExecute failed: 507011");
}

TEST(AclEngineTest, RefusesInvalidOptions) {
  const TempFolder folder;
  const ascend::Locations locations = ascend::SimulatorLocations(folder);
  const auto is_invalid = [](const char* text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
  };
  EXPECT_THAT(CreateAclEngine(OnCpu(), locations), is_invalid("//tools:to_om"));
  EngineOptions options;
  options.model_path = folder.Write("lenet.om", ascend::SimulatorOm());
  options.device_target = DeviceTarget::kCpu;
  EXPECT_THAT(CreateAclEngine(options, locations),
              is_invalid("--device_target=CPU"));
  options.device_target = DeviceTarget::kAuto;
  options.aipp_path = "aipp.cfg";
  EXPECT_THAT(CreateAclEngine(options, locations), is_invalid("aipp_path"));
  options.aipp_path = "";
  options.device_id = 7;
  EXPECT_THAT(CreateAclEngine(options, locations),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("davinci7")));
  options.model_path = folder.path() + "/missing.om";
  EXPECT_THAT(CreateAclEngine(options, locations),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.om")));
}

}  // namespace
}  // namespace lenet

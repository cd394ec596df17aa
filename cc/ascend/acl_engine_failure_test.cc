// What engine acl refuses, and what it does when things fail. Runs on the
// simulator, each case in a process of its own.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/ascend/acl_engine.h"
#include "cc/ascend/acl_engine_testing.h"
#include "cc/ascend/installation.h"
#include "cc/ascend/om_testing.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/sha256.h"
#include "cc/base/test_util.h"
#include "cc/engine/engine_testing.h"
#include "cc/engine/self_test.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ascend::LumaOm;
using ascend::OmOptions;
using ascend::SimSettings;
using ascend::SimulatorOm;
using ::testing::HasSubstr;

TEST(AclEngineDeathTest, TheSelfTestRefusesAnotherNormalization) {
  AclCase c{LumaOm()};
  c.om.aipp_mean = 123;
  c.om.aipp_var_reci = 0.0171f;  // as in the AIPP of the original: ImageNet's
  LENET_EXPECT_IN_CHILD(SimSettings{}, OpenOnly(c),
                        "INVALID_ARGUMENT: .*lenet.om: the AIPP.*"
                        "configs/aipp.cfg.*--self_test=false");
  c.self_test = false;
  LENET_EXPECT_IN_CHILD(SimSettings{}, OpenOnly(c), "OK");
}

TEST(AclEngineDeathTest, DvppNeedsAipp) {
  LENET_EXPECT_IN_CHILD(SimSettings{}, OpenOnly({OmOptions(), /*dvpp=*/true}),
                        "INVALID_ARGUMENT: .*lenet.om: cpu_dvpp=DVPP.*--aipp");
}

TEST(AclEngineDeathTest, ADamagedFileIsNamedByItsPlace) {
  const EngineUse use = [](Engine* engine) -> absl::Status {
    const std::vector<SourceImage> files = {{SelfTestDigit(), 0, 0},
                                            {"no image", 0, 0}};
    Batch batch;
    batch.size = 2;
    batch.files = files;
    const absl::Status first = engine->Start(batch);
    // What was given to the decoder is under way: no other batch any more.
    EXPECT_EQ(engine->Start(batch), first);
    return first;
  };
  LENET_EXPECT_IN_CHILD(SimSettings{},
                        WithEngine({LumaOm(2), /*dvpp=*/true}, use),
                        "INVALID_ARGUMENT: image 1 of the batch: ");
}

TEST(AclEngineDeathTest, AFailedDeviceIsNotUsedAgain) {
  const Images images = MakeImages();
  const EngineUse use = [images](Engine* engine) -> absl::Status {
    const absl::Status failed = RunAll(images, engine).status();
    const HeldBatch batch = MakeBatch(images, *engine, 0, 1);
    EXPECT_EQ(engine->Start(batch.batch), failed);
    std::vector<float> logits(10);
    EXPECT_EQ(engine->Finish(absl::MakeSpan(logits)), failed);
    return failed;
  };
  for (const char* fault :
       {"aclmdlExecuteAsync:4=507011", "aclmdlExecuteAsync:4@sync=507011",
        "aclrtMemcpyAsync:9=507013", "aclrtMemcpyAsync:10@sync=507013"}) {
    LENET_EXPECT_IN_CHILD((SimSettings{{"LENET_SIM_FAULTS", fault}}),
                          WithEngine({OmOptions()}, use), "ABORTED: .* 5070");
  }
  LENET_EXPECT_IN_CHILD(
      (SimSettings{{"LENET_SIM_RUN_MODE", "device"},
                   {"LENET_SIM_FAULTS", "aclmdlExecute:3=507011"}}),
      WithEngine({OmOptions()}, use), "ABORTED: aclmdlExecute failed: 507011");
}

TEST(AclEngineDeathTest, LeavesNothingWhateverAllocationFails) {
  OmOptions om = LumaOm();
  om.gears = {1, 2};
  om.batch = 2;
  for (const char* function :
       {"aclrtMalloc", "aclrtMallocHost", "aclCreateDataBuffer",
        "aclmdlCreateDataset", "aclmdlAddDatasetBuffer"}) {
    for (const int nth : {1, 2, 4}) {
      const std::string fault = absl::StrCat(function, ":", nth, "=207001");
      LENET_EXPECT_IN_CHILD((SimSettings{{"LENET_SIM_FAULTS", fault}}),
                            OpenOnly({om}),
                            absl::StrCat("RESOURCE_EXHAUSTED: ", function));
    }
  }
}

TEST(AclEngineDeathTest, RefusesAModelThatIsNotTheManifests) {
  const auto with_manifest = [](const std::string& sha256,
                                const std::string& soc) {
    return [sha256, soc]() -> absl::Status {
      const TempFolder folder;
      EngineOptions options;
      const std::string om = SimulatorOm();
      options.model_path = folder.Write("lenet.om", om);
      folder.Write(
          "lenet.om.json",
          absl::StrCat("{\"model_sha256\":\"",
                       sha256.empty() ? Sha256Hex(om) : sha256,
                       "\",\"source\":\"lenet.onnx\",", "\"soc_version\":\"",
                       soc, "\",\"input_form\":\"float\"}"));
      return CreateAclEngine(options, ascend::SimulatorLocations(folder))
          .status();
    };
  };
  LENET_EXPECT_IN_CHILD(SimSettings{}, with_manifest("", "Ascend310"), "OK");
  LENET_EXPECT_IN_CHILD(SimSettings{},
                        with_manifest(std::string(64, '0'), "Ascend310"),
                        "INVALID_ARGUMENT: ");
  LENET_EXPECT_IN_CHILD(SimSettings{}, with_manifest("", "Ascend310P3"),
                        "FAILED_PRECONDITION: ");
}

TEST(AclEngineTest, RefusesWhatItCannotRun) {
  const TempFolder folder;
  const ascend::Locations locations = ascend::SimulatorLocations(folder);
  const auto is_invalid = [](const char* text) {
    return StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(text));
  };
  EXPECT_THAT(CreateAclEngine(OnCpu(), locations), is_invalid("//tools:to_om"));
  EngineOptions options;
  options.model_path = folder.Write("lenet.om", SimulatorOm());
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

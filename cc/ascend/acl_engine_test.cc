// Runs on the simulator, each case in a process of its own.

#include "cc/ascend/acl_engine.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/ascend/acl_engine_testing.h"
#include "cc/ascend/om_testing.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/status_macros.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ascend::kRunModes;
using ascend::LumaOm;
using ascend::SimSettings;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(AclEngineDeathTest, GivesTheLogitsOfTheNativeEngine) {
  const Images images = MakeImages();
  for (const char* mode : kRunModes) {
    for (const uint32_t batch : {1u, 3u, 16u}) {
      AclCase c;
      c.om.batch = batch;
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(c, images, kExact), "OK");
      c.om.half_output = true;
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(c, images, kHalf), "OK");
      c.om = LumaOm(batch);
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(c, images, kAipp), "OK");
      c.om.aipp_format = 2;
      LENET_EXPECT_IN_CHILD(Mode(mode), Compare(c, images, kAipp), "OK");
    }
  }
}

TEST(AclEngineDeathTest, RunsTheSmallestGear) {
  const Images images = MakeImages();
  for (const char* mode : kRunModes) {
    AclCase c;
    c.om.gears = {1, 2, 4};
    c.om.batch = 4;
    LENET_EXPECT_IN_CHILD(Mode(mode), Compare(c, images, kExact), "OK");
    c.om.gears = {2, 5};
    c.om.batch = 5;
    LENET_EXPECT_IN_CHILD(Mode(mode), Compare(c, images, kExact), "OK");
  }
}

TEST(AclEngineDeathTest, SaysWhetherTheBatchIsDynamic) {
  const auto dynamic_is = [](bool expected) -> EngineUse {
    return [expected](Engine* engine) {
      EXPECT_EQ(engine->dynamic_batch(), expected);
      return absl::OkStatus();
    };
  };
  AclCase c;
  LENET_EXPECT_IN_CHILD(SimSettings{}, WithEngine(c, dynamic_is(false)), "OK");
  c.om.gears = {1, 2};
  c.om.batch = 2;
  LENET_EXPECT_IN_CHILD(SimSettings{}, WithEngine(c, dynamic_is(true)), "OK");
}

TEST(AclEngineDeathTest, DecodesByDvppWhatItCan) {
  const Images images = MakeImages();
  for (const char* mode : kRunModes) {
    for (const uint32_t format : {1u, 2u}) {
      for (const uint32_t batch : {1u, 3u}) {
        AclCase c{LumaOm(batch), /*dvpp=*/true};
        c.om.aipp_format = format;
        LENET_EXPECT_IN_CHILD(Mode(mode), Compare(c, images, kAipp), "OK");
      }
    }
  }
}

TEST(AclEngineDeathTest, CountsWhatIsDecodedWhere) {
  const Images images = MakeImages();
  const EngineUse use = [images](Engine* engine) -> absl::Status {
    EXPECT_EQ(engine->form(), InputForm::kFile);
    EXPECT_EQ(engine->counters().decoded_on_device, 0u);
    LENET_RETURN_IF_ERROR(RunAll(images, engine).status());
    EXPECT_EQ(engine->counters().decoded_on_device, 1u);
    EXPECT_EQ(engine->counters().decoded_on_host, kTestImages - 1);
    return absl::OkStatus();
  };
  LENET_EXPECT_IN_CHILD(SimSettings{},
                        WithEngine({LumaOm(3), /*dvpp=*/true}, use), "OK");
}

TEST(AclEngineDeathTest, DescribesItself) {
  const auto with_depth = [](size_t depth) -> EngineUse {
    return [depth](Engine* engine) {
      EXPECT_THAT(engine->input().shape, ElementsAre(2, 1, 32, 32));
      EXPECT_THAT(engine->output().shape, ElementsAre(2, 10));
      EXPECT_EQ(engine->device(), "Ascend310:0");
      EXPECT_EQ(engine->counters().soc_name, "Ascend310-simulator");
      EXPECT_EQ(engine->depth(), depth);
      EXPECT_EQ(engine->counters().pipelined, depth == 2);
      return absl::OkStatus();
    };
  };
  const AclCase host = {LumaOm(2)};
  const AclCase dvpp = {LumaOm(2), /*dvpp=*/true};
  LENET_EXPECT_IN_CHILD(Mode("host"), WithEngine(host, with_depth(2)), "OK");
  LENET_EXPECT_IN_CHILD(Mode("device"), WithEngine(host, with_depth(1)), "OK");
  LENET_EXPECT_IN_CHILD(Mode("device"), WithEngine(dvpp, with_depth(2)), "OK");
}

TEST(AclEngineDeathTest, RefusesOtherBatches) {
  const Images images = MakeImages();
  const EngineUse use = [images](Engine* engine) -> absl::Status {
    HeldBatch full = MakeBatch(images, *engine, 0, 2);
    HeldBatch none = full;
    none.batch.size = 0;
    EXPECT_THAT(engine->Start(none.batch),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("1 to 2 images, found 0")));
    HeldBatch small = full;
    small.batch.tensors = small.batch.tensors.first(5);
    EXPECT_THAT(engine->Start(small.batch),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("2048 floats, found 5")));
    std::vector<float> logits(20);
    EXPECT_THAT(
        engine->Finish(absl::MakeSpan(logits)),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no batch")));
    for (size_t i = 0; i < engine->depth(); ++i) {
      LENET_RETURN_IF_ERROR(engine->Start(full.batch));
    }
    EXPECT_THAT(
        engine->Start(full.batch),
        StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("as many")));
    EXPECT_THAT(engine->Finish(absl::MakeSpan(logits).first(10)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("20"), HasSubstr("10"))));
    // The engine goes on, and what is under way at its end is waited for.
    return engine->Finish(absl::MakeSpan(logits));
  };
  AclCase c;
  c.om.batch = 2;
  for (const char* mode : kRunModes) {
    LENET_EXPECT_IN_CHILD(Mode(mode), WithEngine(c, use), "OK");
  }
}

TEST(AclEngineDeathTest, TransfersOneBatchWhileAnotherExecutes) {
  const TempFolder folder;
  const std::string trace = folder.path() + "/trace";
  const Images images = MakeImages();
  LENET_EXPECT_IN_CHILD((SimSettings{{"LENET_SIM_TRACE", trace}}),
                        Compare(AclCase(), images, kExact), "OK");
  const std::vector<std::string> calls = ascend::TracedCalls(trace);
  // Batch 1 is copied in after batch 0 was given to the device, and before it
  // was waited for.
  size_t executions = 0;
  size_t overlaps = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    if (calls[i] != "aclmdlExecuteAsync") continue;
    ++executions;
    // Its results, and the images of the next batch.
    overlaps += i + 2 < calls.size() && calls[i + 1] == "aclrtMemcpyAsync" &&
                calls[i + 2] == "aclrtMemcpyAsync";
  }
  EXPECT_EQ(executions, kTestImages + 1);  // with the self-test
  EXPECT_EQ(overlaps, kTestImages - 1);
}

}  // namespace
}  // namespace lenet

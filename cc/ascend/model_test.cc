#include "cc/ascend/model.h"

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "cc/ascend/om_testing.h"
#include "cc/ascend/session_testing.h"
#include "cc/base/error.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// e2e/faults_test.py tests failures of each call.

using Check = std::function<void(const Model&)>;

// Loads a file with this content and checks the model.
SessionWork LoadAnd(const std::string& om, Check check) {
  return [om, check = std::move(check)](Session* session) -> absl::Status {
    const TempFolder folder;
    const std::string path = folder.Write("lenet.om", om);
    LENET_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                           Model::Load(session, path));
    check(*model);
    return absl::OkStatus();
  };
}

SessionWork Load(const std::string& om) {
  return LoadAnd(om, [](const Model&) {});
}

TEST(ModelDeathTest, DescribesAFloatModel) {
  const Check check = [](const Model& model) {
    const ModelInfo& info = model.info();
    EXPECT_EQ(info.form, InputForm::kTensor);
    EXPECT_EQ(info.batch, 1);
    EXPECT_EQ(info.height, 32);
    EXPECT_EQ(info.width, 32);
    EXPECT_EQ(info.image_bytes, 4096u);
    EXPECT_EQ(info.input_bytes, 4096u);
    EXPECT_FALSE(info.half_output);
    EXPECT_EQ(info.output_bytes, 40u);
    EXPECT_THAT(info.gears, IsEmpty());
    EXPECT_FALSE(info.aipp.has_value());
    EXPECT_EQ(model.Gear(1), 1u);
  };
  for (const char* mode : kRunModes) {
    LENET_EXPECT_IN_SESSION((SimSettings{{"LENET_SIM_RUN_MODE", mode}}),
                            LoadAnd(SimulatorOm(), check), "OK");
  }
}

TEST(ModelDeathTest, DescribesALumaModel) {
  const Check check = [](const Model& model) {
    const ModelInfo& info = model.info();
    EXPECT_EQ(info.form, InputForm::kLuma);
    EXPECT_EQ(info.batch, 3);
    EXPECT_EQ(info.height, 32);
    EXPECT_EQ(info.width, 32);
    EXPECT_EQ(info.image_bytes, 1024u);
    EXPECT_EQ(info.input_bytes, 3072u);
    EXPECT_EQ(info.output_bytes, 120u);
    ASSERT_TRUE(info.aipp.has_value());
    EXPECT_NEAR(info.aipp->mean, 33.3285, 0.001);
    EXPECT_NEAR(info.aipp->scale, 0.0127282, 0.00001);
    EXPECT_EQ(model.Gear(2), 3u);
  };
  LENET_EXPECT_IN_SESSION(SimSettings{}, LoadAnd(SimulatorOm(LumaOm(3)), check),
                          "OK");
}

TEST(ModelDeathTest, DescribesAnNv12Model) {
  OmOptions options = LumaOm(2);
  options.aipp_format = 2;
  options.half_output = true;
  const Check check = [](const Model& model) {
    EXPECT_EQ(model.info().form, InputForm::kLuma);
    EXPECT_EQ(model.info().image_bytes, 1536u);
    EXPECT_EQ(model.info().input_bytes, 3072u);
    EXPECT_TRUE(model.info().half_output);
    EXPECT_EQ(model.info().output_bytes, 40u);
  };
  LENET_EXPECT_IN_SESSION(SimSettings{}, LoadAnd(SimulatorOm(options), check),
                          "OK");
}

TEST(ModelDeathTest, DescribesDynamicBatch) {
  const Check check = [](const Model& model) {
    const ModelInfo& info = model.info();
    EXPECT_THAT(info.gears, ElementsAre(1, 8, 16));
    EXPECT_EQ(info.batch, 16);
    EXPECT_EQ(info.input_bytes, 16u * info.image_bytes);
    EXPECT_EQ(info.output_bytes, 640u);
    EXPECT_GT(info.gear_bytes, 0u);
    EXPECT_NE(info.gear_index, info.input_index);
    EXPECT_EQ(model.Gear(1), 1u);
    EXPECT_EQ(model.Gear(2), 8u);
    EXPECT_EQ(model.Gear(8), 8u);
    EXPECT_EQ(model.Gear(9), 16u);
    EXPECT_EQ(model.Gear(16), 16u);
  };
  OmOptions floats;
  OmOptions luma = LumaOm();
  for (OmOptions* options : {&floats, &luma}) {
    options->gears = {1, 8, 16};
    options->batch = 16;
    LENET_EXPECT_IN_SESSION(SimSettings{},
                            LoadAnd(SimulatorOm(*options), check), "OK");
  }
}

TEST(ModelDeathTest, RefusesInvalidFiles) {
  const std::string om = SimulatorOm();
  const std::string expected =
      "INVALID_ARGUMENT: .*lenet.om: aclmdlLoadFromFile failed: 145000";
  LENET_EXPECT_IN_SESSION(SimSettings{}, Load(""), expected);
  LENET_EXPECT_IN_SESSION(SimSettings{}, Load("no model"), expected);
  LENET_EXPECT_IN_SESSION(SimSettings{}, Load(om.substr(0, om.size() - 1)),
                          expected);
  const SessionWork missing = [](Session* session) {
    return Model::Load(session, "/no/such.om").status();
  };
  LENET_EXPECT_IN_SESSION(SimSettings{}, missing,
                          "INVALID_ARGUMENT: /no/such.om: .*145002");
}

TEST(ModelDeathTest, RefusesAModelForAnotherChip) {
  OmOptions options;
  options.soc = "Ascend310P3";
  LENET_EXPECT_IN_SESSION(SimSettings{}, Load(SimulatorOm(options)),
                          "INVALID_ARGUMENT: .*lenet.om: aclmdlLoadFromFile");
}

}  // namespace
}  // namespace lenet::ascend

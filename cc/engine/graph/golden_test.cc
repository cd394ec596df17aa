#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "cc/base/test_util.h"
#include "cc/engine/graph/graph.h"
#include "cc/mindir/model.h"
#include "cc/mindir/reader.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::graph {
namespace {

using ::testing::ElementsAre;

// A network that golden.py wrote.
struct Golden {
  explicit Golden(const std::string& name) {
    const std::string stem =
        TestData("lenet_mindspore/cc/engine/graph/golden/") + name;
    mindir = ReadTestFile(stem + ".mindir");
    const std::string base = stem.substr(0, stem.find("_lite"));
    const std::string data = ReadTestFile(base + ".bin");
    values.resize(data.size() / sizeof(float));
    std::memcpy(values.data(), data.data(), values.size() * sizeof(float));
  }

  std::string mindir;
  std::vector<float> values;  // input and output of a batch
};

class GoldenTest : public testing::TestWithParam<const char*> {};

TEST_P(GoldenTest, IsMindSporesOutputForAnyNumberOfThreads) {
  const Golden golden(GetParam());
  LENET_ASSERT_OK_AND_ASSIGN(const MindIrModel model,
                             ReadMindIr(golden.mindir));
  std::vector<float> first;
  for (const int threads : {1, 2, 5}) {
    LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Graph::Create(model, threads));
    const auto batch = static_cast<size_t>(graph->batch());
    const size_t in = batch * graph->input_size();
    std::vector<float> out(batch * graph->output_size(), NAN);
    ASSERT_EQ(golden.values.size(), in + out.size());
    for (int run = 0; run < 3; ++run) {
      graph->Run(golden.values.data(), out.data());
      for (size_t i = 0; i < out.size(); ++i) {
        ASSERT_NEAR(out[i], golden.values[in + i], 1e-4) << i;
      }
      if (first.empty()) first = out;
      EXPECT_EQ(out, first) << "with " << threads << " threads, run " << run;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest,
                         testing::Values("grouped_3", "lenet_1", "lenet_50",
                                         "residual_1", "residual_4", "vgg_1",
                                         "vgg_1_lite", "vgg_4"),
                         [](const testing::TestParamInfo<const char*>& param) {
                           return std::string(param.param);
                         });

// A guard against a pattern that silently is no longer recognised.
TEST(GoldenStepsTest, FusedKernelsAreTaken) {
  const auto steps = [](const char* name) -> std::vector<std::string> {
    const absl::StatusOr<MindIrModel> model = ReadMindIr(Golden(name).mindir);
    EXPECT_THAT(model, IsOk());
    const auto graph = Graph::Create(*model, 1);
    EXPECT_THAT(graph, IsOk());
    return (*graph)->StepNames();
  };
  EXPECT_THAT(steps("lenet_1"), ElementsAre("ConvReluPool", "ConvReluPool",
                                            "Linear", "Linear", "Linear"));
  EXPECT_THAT(steps("vgg_4"), ElementsAre("Conv", "Conv", "MaxPool", "Conv",
                                          "MaxPool", "Linear", "Linear"));
  EXPECT_THAT(steps("residual_4"),
              ElementsAre("Conv", "Conv", "Add", "AveragePool", "AveragePool",
                          "Linear", "AddConstant", "Softmax"));
}

}  // namespace
}  // namespace lenet::graph

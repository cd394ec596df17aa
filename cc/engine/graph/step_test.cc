#include "cc/engine/graph/step.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::graph {
namespace {

using ::testing::ElementsAre;

// A chain of steps, each of which uses the value of the previous step.
class FuseStepsTest : public testing::Test {
 protected:
  FuseStepsTest() { graph_.value_sizes = {1}; }

  Step& Add(StepKind kind) {
    Step& step = graph_.steps.emplace_back();
    step.kind = kind;
    step.x = graph_.value_sizes.size() - 1;
    step.y = graph_.value_sizes.size();
    graph_.value_sizes.push_back(1);
    graph_.output = step.y;
    return step;
  }

  Step& AddConv(int kernel) {
    Step& step = Add(StepKind::kConv);
    step.out_channels = 2;
    step.window.height = {12, kernel};
    step.window.width = {12, kernel};
    return step;
  }

  void AddPool(int kernel) {
    Step& step = Add(StepKind::kMaxPool);
    step.window.height = {8, kernel, 2};
    step.window.width = {8, kernel, 2};
  }

  void AddBias(size_t inner) {
    Step& step = Add(StepKind::kAddConstant);
    step.constant = {1.0f, 2.0f};
    step.inner = inner;
  }

  // Fuses the steps, checks that they still form a chain, and describes them.
  std::vector<std::string> Fused() {
    FuseSteps(&graph_);
    std::vector<std::string> names;
    size_t value = 0;
    for (const Step& step : graph_.steps) {
      names.push_back(std::string(KindName(step.kind)) +
                      (step.constant.empty() ? "" : "+bias") +
                      (step.relu ? "+relu" : ""));
      EXPECT_EQ(step.x, value);
      value = step.y;
    }
    EXPECT_EQ(value, graph_.output);
    return names;
  }

  StepGraph graph_;
};

TEST_F(FuseStepsTest, FusesTheConvolutionsOfLeNet) {
  AddConv(5);
  Add(StepKind::kRelu);
  AddPool(2);
  EXPECT_THAT(Fused(), ElementsAre("ConvReluPool+relu"));
}

TEST_F(FuseStepsTest, OtherConvolutionsAndPoolsStaySeparate) {
  AddConv(3);
  Add(StepKind::kRelu);
  AddPool(2);
  AddConv(5);
  Add(StepKind::kRelu);
  AddPool(3);
  AddConv(5);
  AddBias(64);
  Add(StepKind::kRelu);
  AddPool(2);
  AddConv(5).window.width.pad_after = 1;
  Add(StepKind::kRelu);
  AddPool(2);
  AddConv(5);
  AddPool(2);
  EXPECT_THAT(Fused(), ElementsAre("Conv+relu", "MaxPool", "Conv+relu",
                                   "MaxPool", "Conv+bias+relu", "MaxPool",
                                   "Conv+relu", "MaxPool", "Conv", "MaxPool"));
}

TEST_F(FuseStepsTest, FusesBiasAndReluOfADenseLayer) {
  Add(StepKind::kLinear).out_channels = 2;
  AddBias(1);
  Add(StepKind::kRelu);
  EXPECT_THAT(Fused(), ElementsAre("Linear+bias+relu"));
}

TEST_F(FuseStepsTest, ABiasAfterTheReluOrOnAnotherAxisStaysSeparate) {
  Add(StepKind::kLinear).out_channels = 2;
  Add(StepKind::kRelu);
  AddBias(1);
  AddConv(5);
  AddBias(1);
  Add(StepKind::kLinear).out_channels = 3;
  AddBias(1);
  Add(StepKind::kRelu);
  EXPECT_THAT(Fused(), ElementsAre("Linear+relu", "AddConstant+bias", "Conv",
                                   "AddConstant+bias", "Linear",
                                   "AddConstant+bias+relu"));
}

TEST_F(FuseStepsTest, FusesAScaleAndABiasWithWhatIsBeforeThem) {
  const std::vector<float> weights = {1, 2, 3, 4};
  for (const bool out_first : {true, false}) {
    graph_ = {};
    graph_.value_sizes = {1};
    Step& linear = Add(StepKind::kLinear);
    linear.out_channels = 2;
    linear.weights = {{2, 2}, weights.data()};
    linear.out_first = out_first;
    linear.constant = {1, 1};
    Add(StepKind::kScale).constant = {10, 100};
    AddBias(1);
    Add(StepKind::kRelu);
    ASSERT_THAT(Fused(), ElementsAre("Linear+bias+relu"));
    const Step& step = graph_.steps[0];
    EXPECT_THAT(step.constant, ElementsAre(11, 102));
    EXPECT_THAT(*step.scaled, out_first ? ElementsAre(10, 20, 300, 400)
                                        : ElementsAre(10, 200, 30, 400));
    EXPECT_EQ(step.weights.data, step.scaled->data());
  }
}

TEST_F(FuseStepsTest, KeepsValuesThatAreUsedTwice) {
  AddConv(5);
  Add(StepKind::kRelu);
  Add(StepKind::kAdd).other = 1;  // the convolution without ReLU
  EXPECT_THAT(Fused(), ElementsAre("Conv", "Relu", "Add"));
}

TEST_F(FuseStepsTest, KeepsTheOutput) {
  AddConv(5);
  const size_t output = graph_.output;
  Add(StepKind::kRelu);
  graph_.output = output;
  FuseSteps(&graph_);
  EXPECT_EQ(graph_.steps.size(), 2u);
}

}  // namespace
}  // namespace lenet::graph

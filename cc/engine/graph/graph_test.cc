#include "cc/engine/graph/graph.h"

#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "cc/mindir/model.h"
#include "cc/mindir/reader.h"
#include "cc/mindir/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Ints = MindIrMaker::Ints;

absl::StatusOr<std::unique_ptr<Graph>> Make(const MindIrMaker& maker,
                                            int threads = 1) {
  const absl::StatusOr<MindIrModel> model = ReadMindIr(maker.Bytes());
  if (!model.ok()) return model.status();
  return Graph::Create(*model, threads);
}

std::vector<float> RunGraph(Graph* graph, const std::vector<float>& in) {
  std::vector<float> out(
      static_cast<size_t>(graph->batch()) * graph->output_size() + 1, NAN);
  out.back() = 7.0f;
  graph->Run(in.data(), out.data());
  EXPECT_EQ(out.back(), 7.0f);
  out.pop_back();
  return out;
}

std::vector<float> Ramp(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(i % 17) / 17.0f - 0.3f;
  }
  return values;
}

TEST(GraphTest, DescribesItself) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Make(SmallNetwork(3)));
  EXPECT_EQ(graph->batch(), 3);
  EXPECT_EQ(graph->input_size(), 144u);
  EXPECT_EQ(graph->output_size(), 10u);
  EXPECT_THAT(graph->StepNames(), ElementsAre("ConvReluPool", "Linear"));
}

TEST(GraphTest, AThreadForEachRunOfImagesAtMost) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto one, Make(SmallNetwork(1), 8));
  EXPECT_EQ(one->threads(), 1);
  LENET_ASSERT_OK_AND_ASSIGN(const auto many, Make(SmallNetwork(100), 3));
  EXPECT_EQ(many->threads(), 3);
}

TEST(GraphTest, EachImageOfABatchIsOnItsOwn) {
  constexpr size_t kBatch = 61, kPixels = 144, kLogits = 10;
  LENET_ASSERT_OK_AND_ASSIGN(const auto one, Make(SmallNetwork(1)));
  LENET_ASSERT_OK_AND_ASSIGN(const auto many, Make(SmallNetwork(kBatch), 2));
  const std::vector<float> in = Ramp(kBatch * kPixels);
  const std::vector<float> out = RunGraph(many.get(), in);
  for (size_t i = 0; i < kBatch; ++i) {
    const auto at = in.begin() + static_cast<std::ptrdiff_t>(i * kPixels);
    const std::vector<float> logits =
        RunGraph(one.get(), {at, at + std::ptrdiff_t{kPixels}});
    for (size_t k = 0; k < kLogits; ++k) {
      EXPECT_NEAR(out[i * kLogits + k], logits[k], 1e-6f);
    }
  }
}

// Values that live across others: x is read last, and each sum twice.
TEST(GraphTest, MemoryIsNotReusedTooEarly) {
  MindIrMaker maker;
  maker.Input("x", {2, 3})
      .Constant("one", 1.0f)
      .Constant("ten", 10.0f)
      .Node("Add", {"x", "one"}, "a")
      .Node("Add", {"a", "ten"}, "b")
      .Node("Add", {"a", "b"}, "c")
      .Node("Add", {"b", "c"}, "d")
      .Node("ReLU", {"a"}, "e")
      .Node("Add", {"d", "e"}, "f")
      .Node("Add", {"f", "x"}, "y")
      .Output("y", {2, 3});
  LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Make(maker));
  const std::vector<float> in = {0, 1, 2, 3, 4, 5};
  // a = x + 1, b = x + 11, c = 2x + 12, d = 3x + 23, f = 4x + 24, y = 5x + 24.
  EXPECT_THAT(RunGraph(graph.get(), in), ElementsAre(24, 29, 34, 39, 44, 49));
  EXPECT_EQ(in[5], 5.0f);  // the input is not written to
}

TEST(GraphTest, StepsOnTheOutputItself) {
  MindIrMaker maker;
  maker.Input("x", {1, 4})
      .Parameter("w", {2, 4}, {1, 1, 1, 1, -1, -1, -1, -1})
      .Constant("axis", int64_t{-1})
      .Constant("none", std::monostate())
      .Node("Dense", {"x", "w", "none"}, "a")
      .Node("Softmax", {"a", "axis"}, "b")
      .Node("Add", {"b", "b"}, "y")
      .Output("y", {1, 2});
  LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Make(maker));
  const std::vector<float> out = RunGraph(graph.get(), {0, 0, 0, 0});
  EXPECT_THAT(out, ElementsAre(1.0f, 1.0f));
}

TEST(GraphTest, ANetworkThatDoesNothingCopies) {
  MindIrMaker maker;
  maker.Input("x", {2, 3}).Node("Flatten", {"x"}, "y").Output("y", {2, 3});
  LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Make(maker));
  EXPECT_THAT(RunGraph(graph.get(), {1, 2, 3, 4, 5, 6}),
              ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(GraphTest, RefusesMoreMemoryThanThereShouldBe) {
  MindIrMaker maker;
  maker.Input("x", {1, 1, 4096, 4096})
      .Parameter("w", {8, 1, 1, 1})
      .Node("Conv2D", {"x", "w"}, "y",
            {{"kernel_size", Ints{1, 1}}, {"stride", Ints{1, 1}}})
      .Output("y", {1, 8, 4096, 4096});
  EXPECT_THAT(Make(maker), StatusIs(absl::StatusCode::kInvalidArgument,
                                    HasSubstr("too large")));
  MindIrMaker padded;
  padded.Input("x", {1, 64, 1024, 1024})
      .Parameter("w", {1, 64, 1, 1})
      .Node("Conv2D", {"x", "w"}, "y",
            {{"kernel_size", Ints{1, 1}},
             {"stride", Ints{1, 1}},
             {"pad_mode", "pad"},
             {"pad", Ints{1024, 1024, 1024, 1024}}})
      .Output("y", {1, 1, 3072, 3072});
  EXPECT_THAT(Make(padded), StatusIs(absl::StatusCode::kInvalidArgument,
                                     HasSubstr("a step needs")));
}

// Whatever a damaged file says: an error, or a network that runs.
TEST(GraphTest, SurvivesDamagedModels) {
  const std::string good = SmallNetwork(2).Bytes();
  std::mt19937 random(3);
  int accepted = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string bad = good;
    for (int flips = 0; flips < 1 + i % 3; ++flips) {
      bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    }
    const absl::StatusOr<MindIrModel> model = ReadMindIr(bad);
    if (!model.ok()) continue;
    const auto graph = Graph::Create(*model, 1);
    if (!graph.ok()) {
      ASSERT_EQ(graph.status().code(), absl::StatusCode::kInvalidArgument);
      continue;
    }
    if ((*graph)->batch() > 1000) continue;
    ++accepted;
    RunGraph(graph->get(), Ramp(static_cast<size_t>((*graph)->batch()) *
                                (*graph)->input_size()));
  }
  EXPECT_GT(accepted, 0);
}

}  // namespace
}  // namespace lenet::graph

#include "cc/engine/graph/graph.h"

#include <atomic>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/base/testing.h"
#include "cc/mindir/model.h"
#include "cc/mindir/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {

std::atomic<int> allocations{0};

void* Allocate(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

// Counts allocations. The other forms of new call these, but AddressSanitizer
// replaces the form that does not throw.
void* operator new(size_t size) { return Allocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return Allocate(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace lenet::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Ints = MindIrMaker::Ints;

absl::StatusOr<std::unique_ptr<Graph>> Make(absl::string_view mindir,
                                            int threads = 1,
                                            int64_t batch = 1) {
  const absl::StatusOr<MindIrModel> model = ReadMindIr(mindir, batch);
  if (!model.ok()) return model.status();
  return Graph::Create(*model, threads);
}

// Runs one batch and checks that Run allocates nothing and writes nothing
// behind the output.
std::vector<float> RunGraph(Graph* graph, const std::vector<float>& in) {
  std::vector<float> out(
      static_cast<size_t>(graph->batch()) * graph->output_size() + 1, NAN);
  out.back() = 7.0f;
  const int before = allocations.load();
  EXPECT_GT(before, 0) << "allocations are not counted";
  graph->Run(in.data(), out.data());
  EXPECT_EQ(allocations.load(), before);
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
  LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Make(SmallNetwork(3).Bytes()));
  EXPECT_EQ(graph->batch(), 3);
  EXPECT_EQ(graph->input_size(), 144u);
  EXPECT_EQ(graph->output_size(), 10u);
  EXPECT_THAT(graph->StepNames(), ElementsAre("ConvReluPool", "Linear"));
}

TEST(GraphTest, UsesNoThreadForLessThanHalfAChunk) {
  for (const int64_t batch : {1, 8}) {
    LENET_ASSERT_OK_AND_ASSIGN(const auto one,
                               Make(SmallNetwork(batch).Bytes(), 8));
    EXPECT_EQ(one->threads(), 1);
  }
  LENET_ASSERT_OK_AND_ASSIGN(const auto many,
                             Make(SmallNetwork(100).Bytes(), 3));
  EXPECT_EQ(many->threads(), 3);
}

TEST(GraphTest, ImagesOfABatchAreIndependent) {
  constexpr size_t kBatch = 61, kPixels = 144, kLogits = 10;
  LENET_ASSERT_OK_AND_ASSIGN(const auto one, Make(SmallNetwork(1).Bytes()));
  LENET_ASSERT_OK_AND_ASSIGN(const auto many,
                             Make(SmallNetwork(kBatch).Bytes(), 2));
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

// Values are used long after they are computed: x by the last step, each sum
// twice.
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
  LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Make(maker.Bytes()));
  const std::vector<float> in = {0, 1, 2, 3, 4, 5};
  // a = x + 1, b = x + 11, c = 2x + 12, d = 3x + 23, f = 4x + 24, y = 5x + 24.
  EXPECT_THAT(RunGraph(graph.get(), in), ElementsAre(24, 29, 34, 39, 44, 49));
  EXPECT_EQ(in[5], 5.0f);
}

TEST(GraphTest, AnIdentityNetworkCopies) {
  MindIrMaker maker;
  maker.Input("x", {2, 3}).Node("Flatten", {"x"}, "y").Output("y", {2, 3});
  LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Make(maker.Bytes()));
  EXPECT_THAT(RunGraph(graph.get(), {1, 2, 3, 4, 5, 6}),
              ElementsAre(1, 2, 3, 4, 5, 6));
}

TEST(GraphTest, RefusesNetworksThatNeedTooMuchMemory) {
  MindIrMaker maker;
  maker.Input("x", {1, 64, 1024, 1024})
      .Parameter("w", {1, 64, 1, 1})
      .Node("Conv2D", {"x", "w"}, "y",
            {{"kernel_size", Ints{1, 1}},
             {"stride", Ints{1, 1}},
             {"pad_mode", "pad"},
             {"pad", int64_t{1024}}})
      .Output("y", {1, 1, 3072, 3072});
  EXPECT_THAT(Make(maker.Bytes()), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("a step needs")));
}

// A damaged model is an error or a network that runs.
TEST(GraphTest, SurvivesDamagedModels) {
  const std::string good = SmallNetwork(2).Bytes();
  std::mt19937 random(3);
  int accepted = 0;
  for (int i = 0; i < 4000; ++i) {
    std::string bad = good;
    for (int flips = 0; flips < 1 + i % 3; ++flips) {
      bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
    }
    const auto graph = Make(bad);
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

std::string GoldenFile(const std::string& name) {
  return ReadTestFile(
      TestData("lenet_mindspore/cc/engine/graph/golden/" + name));
}

// The networks of golden.py, with an input batch and MindSpore's output. The
// number in a name is the batch.
class GoldenTest : public testing::TestWithParam<const char*> {};

TEST_P(GoldenTest, GivesMindSporesOutputForAnyNumberOfThreads) {
  const std::string name = GetParam();
  const std::string mindir = GoldenFile(name + ".mindir");
  const std::string data =
      GoldenFile(name.substr(0, name.find("_lite")) + ".bin");
  std::vector<float> values(data.size() / sizeof(float));
  std::memcpy(values.data(), data.data(), values.size() * sizeof(float));
  std::vector<float> first;
  for (const int threads : {1, 2, 5}) {
    LENET_ASSERT_OK_AND_ASSIGN(
        const auto graph,
        Make(mindir, threads,
             std::strtol(&name[name.find('_') + 1], nullptr, 10)));
    const size_t in = static_cast<size_t>(graph->batch()) * graph->input_size();
    for (int run = 0; run < 3; ++run) {
      const std::vector<float> out = RunGraph(graph.get(), values);
      ASSERT_EQ(values.size(), in + out.size());
      for (size_t i = 0; i < out.size(); ++i) {
        ASSERT_NEAR(out[i], values[in + i], 1e-4) << i;
      }
      if (first.empty()) first = out;
      EXPECT_EQ(out, first) << "with " << threads << " threads, run " << run;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest,
                         testing::Values("branches_2", "classes_5", "grouped_3",
                                         "kept_5", "mixed_3", "lenet_1",
                                         "lenet_50", "normalised_2",
                                         "residual_1", "residual_4", "tanh_3",
                                         "vgg_1", "vgg_1_lite", "vgg_4"));

TEST(GoldenStepsTest, StepsAreFused) {
  const auto steps = [](const std::string& name) -> std::vector<std::string> {
    return Make(GoldenFile(name + ".mindir")).value()->StepNames();
  };
  EXPECT_THAT(steps("lenet_1"), ElementsAre("ConvReluPool", "ConvReluPool",
                                            "Linear", "Linear", "Linear"));
  EXPECT_THAT(steps("vgg_4"), ElementsAre("Conv", "Conv", "MaxPool", "Conv",
                                          "MaxPool", "Linear", "Linear"));
  EXPECT_THAT(steps("residual_4"),
              ElementsAre("Conv", "Conv", "Add", "AveragePool", "AveragePool",
                          "Linear", "Softmax"));
  EXPECT_THAT(
      steps("normalised_2"),
      ElementsAre("AddConstant", "Scale", "Scale", "AddConstant", "Conv",
                  "Function", "Conv", "Scale", "Binary", "Scale", "AddConstant",
                  "Function", "Function", "Function", "AveragePool",
                  "AveragePool", "Scale", "Add", "AveragePool", "Add", "Linear",
                  "Function", "Function", "LogSoftmax"));
}

}  // namespace
}  // namespace lenet::graph

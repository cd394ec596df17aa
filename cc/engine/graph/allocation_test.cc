// Graph::Run allocates nothing. A file of its own: it replaces operator new of
// the whole program.

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "cc/base/test_util.h"
#include "cc/engine/graph/graph.h"
#include "cc/mindir/model.h"
#include "cc/mindir/reader.h"
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

// The other forms of new come back to these, but with AddressSanitizer, which
// has forms of its own, the one that does not throw has to be among them.
void* operator new(size_t size) { return Allocate(size); }
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return Allocate(size);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace lenet::graph {
namespace {

class AllocationTest : public testing::TestWithParam<const char*> {};

TEST_P(AllocationTest, RunAllocatesNothing) {
  const std::string path = TestData(
      std::string("lenet_mindspore/cc/engine/graph/golden/") + GetParam());
  for (const int threads : {1, 2}) {
    LENET_ASSERT_OK_AND_ASSIGN(const MindIrModel model,
                               ReadMindIr(ReadTestFile(path)));
    LENET_ASSERT_OK_AND_ASSIGN(const auto graph, Graph::Create(model, threads));
    const auto batch = static_cast<size_t>(graph->batch());
    const std::vector<float> in(batch * graph->input_size(), 0.5f);
    std::vector<float> out(batch * graph->output_size());
    const int before = allocations.load();
    ASSERT_GT(before, 0) << "this test does not see allocations";
    for (int i = 0; i < 3; ++i) graph->Run(in.data(), out.data());
    EXPECT_EQ(allocations.load(), before);
  }
}

INSTANTIATE_TEST_SUITE_P(All, AllocationTest,
                         testing::Values("grouped_3.mindir", "lenet_1.mindir",
                                         "lenet_50.mindir", "residual_4.mindir",
                                         "vgg_4.mindir"));

}  // namespace
}  // namespace lenet::graph

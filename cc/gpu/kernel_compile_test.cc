#include <cstdio>
#include <string>
#include <vector>

#include "cc/base/testing.h"
#include "cc/gpu/compiler.h"
#include "cc/gpu/kernel_plan.h"
#include "cc/gpu/kernel_source.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::gpu {
namespace {

using testing::HasSubstr;
using testing::Not;

// A card of each compute capability that NVRTC 11.8 knows, and a newer one.
const Card kCards[] = {
    {60, 56, 49152, false},   {61, 28, 49152, false},  {70, 80, 98304, false},
    {72, 8, 98304, false},    {75, 40, 65536, false},  {80, 108, 166912, false},
    {86, 84, 101376, false},  {87, 16, 166912, false}, {89, 128, 101376, false},
    {90, 132, 232448, false}, {90, 132, 232448, true}, {100, 148, 232448, true},
};

class KernelCompileTest : public testing::TestWithParam<Card> {};

INSTANTIATE_TEST_SUITE_P(Cards, KernelCompileTest, testing::ValuesIn(kCards),
                         [](const auto& tested) {
                           return std::to_string(tested.param.capability) +
                                  (tested.param.has_clusters ? "_clusters"
                                                             : "");
                         });

// Without warnings and without variables in (slow) local memory.
TEST_P(KernelCompileTest, CompilesForCard) {
  const Card& card = GetParam();
  const auto plan = PlanKernel(card, 32, 32);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto compiler =
      Compiler::Open(TestData("nvrtc/site-packages/nvidia/cuda_nvrtc/lib"));
  ASSERT_TRUE(compiler.ok()) << compiler.status();
  std::vector<std::string> options = plan->compile_options;
  if (card.capability <= 90) options.emplace_back("--ptxas-options=-v");
  const auto program =
      compiler->Compile(kKernelSource, card.capability, options);
  ASSERT_TRUE(program.ok()) << program.status();
  std::printf("%s\n%d bytes of shared memory\n", program->log.c_str(),
              plan->dynamic_shared_bytes);
  EXPECT_THAT(program->log, Not(HasSubstr("warning")));
  EXPECT_LE(plan->dynamic_shared_bytes, card.max_shared_memory);
  if (card.capability > 90) {
    EXPECT_THAT(program->code, HasSubstr(".visible .entry LenetTrain("));
    return;
  }
  // A block of 512 threads runs with at most 128 of 65,536 registers per
  // thread.
  EXPECT_THAT(
      program->log,
      Not(testing::ContainsRegex("Used (129|1[3-9][0-9]|2[0-9][0-9]) ")));
  size_t kernels = 0;
  for (size_t at = 0;
       (at = program->log.find(" bytes spill stores", at)) != std::string::npos;
       ++at) {
    EXPECT_EQ(program->log.substr(at - 3, 3), "  0");
    ++kernels;
  }
  EXPECT_EQ(kernels, 2);
}

}  // namespace
}  // namespace lenet::gpu

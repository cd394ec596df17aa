#include <cstdio>
#include <ostream>
#include <regex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
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

struct Case {
  Card card;
  int height;
  int width;
};

std::string Name(const Case& tested) {
  return absl::StrCat(tested.card.capability,
                      tested.card.has_clusters ? "_clusters_" : "_",
                      tested.height, "x", tested.width);
}

void PrintTo(const Case& tested, std::ostream* out) { *out << Name(tested); }

// A card of each compute capability that NVRTC 11.8 knows, a newer one, and
// other image sizes.
const Case kCases[] = {
    {{60, 56, 49152, false}, 32, 32},   {{61, 28, 49152, false}, 32, 32},
    {{70, 80, 98304, false}, 32, 32},   {{72, 8, 98304, false}, 32, 32},
    {{75, 40, 65536, false}, 32, 32},   {{80, 108, 166912, false}, 32, 32},
    {{86, 84, 101376, false}, 32, 32},  {{87, 16, 166912, false}, 32, 32},
    {{89, 128, 101376, false}, 32, 32}, {{90, 132, 232448, false}, 32, 32},
    {{90, 132, 232448, true}, 32, 32},  {{100, 148, 232448, true}, 32, 32},
    {{90, 132, 232448, true}, 20, 17},  {{80, 108, 166912, false}, 56, 48},
};

class KernelCompileTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(Cards, KernelCompileTest, testing::ValuesIn(kCases),
                         [](const auto& tested) { return Name(tested.param); });

// Without warnings, and without variables in local memory, which is slow.
TEST_P(KernelCompileTest, CompilesForCard) {
  const Card& card = GetParam().card;
  const auto plan = PlanKernel(card, GetParam().height, GetParam().width);
  ASSERT_TRUE(plan.ok()) << plan.status();
  EXPECT_LE(plan->dynamic_shared_bytes, card.max_shared_memory);
  const auto compiler =
      Compiler::Open(TestData("nvrtc/site-packages/nvidia/cuda_nvrtc/lib"));
  ASSERT_TRUE(compiler.ok()) << compiler.status();
  std::vector<std::string> options = plan->compile_options;
  const bool is_machine_code = card.capability <= 90;
  if (is_machine_code) options.emplace_back("--ptxas-options=-v");
  const auto program =
      compiler->Compile(kKernelSource, card.capability, options);
  ASSERT_TRUE(program.ok()) << program.status();
  std::printf("%s\n%d bytes of shared memory\n", program->log.c_str(),
              plan->dynamic_shared_bytes);
  EXPECT_THAT(program->log, Not(HasSubstr("warning")));
  if (!is_machine_code) {
    EXPECT_THAT(program->code, HasSubstr(".visible .entry LenetTrain("));
    return;
  }
  const std::regex usage(
      "0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads\n.*"
      "Used ([0-9]+) registers");
  int kernels = 0;
  for (std::sregex_iterator match(program->log.begin(), program->log.end(),
                                  usage);
       match != std::sregex_iterator(); ++match, ++kernels) {
    // The 512 threads of a block share 65,536 registers.
    EXPECT_LE(std::stoi(match->str(1)), 128);
  }
  EXPECT_EQ(kernels, 2) << "a kernel spills registers";
}

}  // namespace
}  // namespace lenet::gpu

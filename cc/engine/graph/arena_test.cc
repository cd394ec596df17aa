#include "cc/engine/graph/arena.h"

#include <random>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::graph {
namespace {

using ::testing::HasSubstr;

TEST(ArenaTest, AChainTakesTwoBuffers) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const ArenaPlan plan,
      PlanArena({{160, 0, 1}, {160, 1, 2}, {160, 2, 3}, {160, 3, 4}}, 1000));
  EXPECT_EQ(plan.size, 320u);
}

TEST(ArenaTest, NothingNeedsNothing) {
  LENET_ASSERT_OK_AND_ASSIGN(const ArenaPlan plan, PlanArena({}, 0));
  EXPECT_EQ(plan.size, 0u);
}

TEST(ArenaTest, NoOverlapInTimeAndSpaceAndAligned) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<MemoryUse> uses;
    for (int i = 0; i < 30; ++i) {
      const size_t first = random() % 20;
      uses.push_back({random() % 100, first, first + random() % 6});
    }
    LENET_ASSERT_OK_AND_ASSIGN(const ArenaPlan plan, PlanArena(uses, 100000));
    for (size_t a = 0; a < uses.size(); ++a) {
      ASSERT_EQ(plan.offsets[a] % 16, 0u);
      ASSERT_LE(plan.offsets[a] + uses[a].size, plan.size);
      for (size_t b = 0; b < a; ++b) {
        if (uses[a].first > uses[b].last || uses[b].first > uses[a].last) {
          continue;
        }
        ASSERT_TRUE(uses[a].size == 0 || uses[b].size == 0 ||
                    plan.offsets[a] + uses[a].size <= plan.offsets[b] ||
                    plan.offsets[b] + uses[b].size <= plan.offsets[a]);
      }
    }
  }
}

TEST(ArenaTest, KeepsToTheLimit) {
  constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(PlanArena({{64, 0, 1}, {64, 1, 2}}, 128), IsOk());
  EXPECT_THAT(PlanArena({{64, 0, 1}, {65, 1, 2}}, 128),
              StatusIs(kInvalid, HasSubstr("more than 512 bytes")));
  EXPECT_THAT(PlanArena({{~size_t{0} / 4, 0, 1}}, 128),
              StatusIs(kInvalid, HasSubstr("a step needs")));
}

}  // namespace
}  // namespace lenet::graph

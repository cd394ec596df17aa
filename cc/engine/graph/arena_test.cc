#include "cc/engine/graph/arena.h"

#include <random>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::graph {
namespace {

using ::testing::HasSubstr;

TEST(PlanArenaTest, AChainNeedsTwoBuffers) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const Arena arena,
      PlanArena({{160, 0, 1}, {160, 1, 2}, {160, 2, 3}, {160, 3, 4}}, 1000));
  EXPECT_EQ(arena.size, 320u);
  LENET_ASSERT_OK_AND_ASSIGN(const Arena empty, PlanArena({}, 0));
  EXPECT_EQ(empty.size, 0u);
}

TEST(PlanArenaTest, BuffersOfTheSameTimeAreAlignedAndDoNotOverlap) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Buffer> buffers;
    for (int i = 0; i < 30; ++i) {
      const size_t first = random() % 20;
      buffers.push_back({random() % 100, first, first + random() % 6});
    }
    LENET_ASSERT_OK_AND_ASSIGN(const Arena arena, PlanArena(buffers, 100000));
    for (size_t i = 0; i < buffers.size(); ++i) {
      const Buffer& a = buffers[i];
      ASSERT_EQ(arena.offsets[i] % 16, 0u);
      ASSERT_LE(arena.offsets[i] + a.size, arena.size);
      for (size_t j = 0; j < i; ++j) {
        const Buffer& b = buffers[j];
        ASSERT_TRUE(a.first > b.last || b.first > a.last || a.size == 0 ||
                    b.size == 0 ||
                    arena.offsets[i] + a.size <= arena.offsets[j] ||
                    arena.offsets[j] + b.size <= arena.offsets[i]);
      }
    }
  }
}

TEST(PlanArenaTest, KeepsToTheLimit) {
  constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(PlanArena({{64, 0, 1}, {64, 1, 2}}, 128), IsOk());
  EXPECT_THAT(PlanArena({{64, 0, 1}, {65, 1, 2}}, 128),
              StatusIs(kInvalid, HasSubstr("more than 512 bytes")));
  EXPECT_THAT(PlanArena({{~size_t{0} / 4, 0, 1}}, 128),
              StatusIs(kInvalid, HasSubstr("a step needs")));
}

}  // namespace
}  // namespace lenet::graph

#include "cc/engine/graph/arena.h"

#include <algorithm>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lenet::graph {
namespace {

constexpr size_t kAlignment = 16;

size_t Aligned(size_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

bool OverlapInTime(const MemoryUse& a, const MemoryUse& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

absl::StatusOr<ArenaPlan> PlanArena(const std::vector<MemoryUse>& uses,
                                    size_t limit) {
  // The largest first: the small ones then fill the gaps.
  std::vector<size_t> order(uses.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return uses[a].size > uses[b].size;
  });
  ArenaPlan plan;
  plan.offsets.resize(uses.size());
  std::vector<size_t> placed;  // by offset
  for (const size_t use : order) {
    if (uses[use].size > limit) {
      return absl::InvalidArgumentError(
          absl::StrCat("a step needs ", uses[use].size * sizeof(float),
                       " bytes of memory; at most ", limit * sizeof(float),
                       " are accepted"));
    }
    size_t offset = 0;
    for (const size_t other : placed) {
      if (!OverlapInTime(uses[use], uses[other])) continue;
      if (offset + uses[use].size <= plan.offsets[other]) break;
      offset =
          std::max(offset, Aligned(plan.offsets[other] + uses[other].size));
    }
    plan.offsets[use] = offset;
    plan.size = std::max(plan.size, Aligned(offset + uses[use].size));
    if (plan.size > limit) {
      return absl::InvalidArgumentError(
          absl::StrCat("the network needs more than ", limit * sizeof(float),
                       " bytes of memory for what is between its operators"));
    }
    placed.insert(std::upper_bound(placed.begin(), placed.end(), use,
                                   [&](size_t a, size_t b) {
                                     return plan.offsets[a] < plan.offsets[b];
                                   }),
                  use);
  }
  return plan;
}

}  // namespace lenet::graph

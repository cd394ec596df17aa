#ifndef CC_ENGINE_GRAPH_ARENA_H_
#define CC_ENGINE_GRAPH_ARENA_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"

namespace lenet::graph {

// Memory that is needed from step `first` to step `last`, both inclusive.
struct MemoryUse {
  size_t size = 0;
  size_t first = 0;
  size_t last = 0;
};

struct ArenaPlan {
  std::vector<size_t> offsets;  // one a use
  size_t size = 0;
};

// Places uses into one stretch of memory: those that overlap in time do not in
// space. Sizes and offsets are in floats; offsets are multiples of 16, so 64
// bytes. InvalidArgument if more than `limit` floats would be needed.
absl::StatusOr<ArenaPlan> PlanArena(const std::vector<MemoryUse>& uses,
                                    size_t limit);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_ARENA_H_

#ifndef CC_ENGINE_GRAPH_ARENA_H_
#define CC_ENGINE_GRAPH_ARENA_H_

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"

namespace lenet::graph {

// A buffer that is needed from step `first` to step `last`, both inclusive.
struct Buffer {
  size_t size = 0;  // floats
  size_t first = 0;
  size_t last = 0;
};

// Memory for buffers: those that are needed at the same time do not overlap.
struct Arena {
  struct Free {
    void operator()(float* memory) const { std::free(memory); }
  };

  std::vector<size_t> offsets;  // of each buffer, in floats; 64-byte aligned
  size_t size = 0;              // floats per thread
  std::unique_ptr<float[], Free> memory;

  // Allocates the memory of `threads` threads. Returns ResourceExhausted if
  // there is not enough.
  absl::Status Allocate(int threads);
};

// Plans the offsets, and allocates nothing. Returns InvalidArgument if more
// than `limit` floats are needed.
absl::StatusOr<Arena> PlanArena(const std::vector<Buffer>& buffers,
                                size_t limit);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_ARENA_H_

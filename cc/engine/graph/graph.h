#ifndef CC_ENGINE_GRAPH_GRAPH_H_
#define CC_ENGINE_GRAPH_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/engine/graph/layer.h"
#include "cc/engine/graph/step.h"
#include "cc/kernels/thread_pool.h"
#include "cc/mindir/model.h"

namespace lenet::graph {

// A convolutional network on the CPU, with everything decided and allocated
// when it is made. Not thread-safe: one Run at a time.
//
// A batch is cut into runs of consecutive images, whose number depends on the
// batch alone, and these are shared out among the threads: the result does not
// depend on the number of threads. A batch of 1 takes one thread.
class Graph {
 public:
  // `model` is not kept. `threads`: at least 1. InvalidArgument for what is not
  // implemented, see BuildSteps, and for networks that need more than 1 GB.
  static absl::StatusOr<std::unique_ptr<Graph>> Create(const MindIrModel& model,
                                                       int threads);

  // Floats of one image, in and out.
  size_t input_size() const { return input_size_; }
  size_t output_size() const { return output_size_; }
  int64_t batch() const { return batch_; }

  // Threads that a Run takes.
  int threads() const { return pool_.threads(); }
  // Bytes that a Run works in, of all threads.
  size_t arena_bytes() const;
  // What is run, in order: "ConvReluPool".
  std::vector<std::string> StepNames() const;

  // One batch. `in` has batch() * input_size() floats, `out` batch() *
  // output_size(); they must not overlap. Allocates nothing.
  void Run(const float* in, float* out);

 private:
  // Where a value lies: before `in`, `out` or a thread's part of the arena is
  // known.
  enum class Place { kIn, kOut, kArena };
  struct Location {
    Place place = Place::kArena;
    size_t offset = 0;  // into the arena
  };
  struct PlannedStep {
    std::unique_ptr<const Layer> layer;
    Location x;
    Location other;
    Location y;
    size_t scratch = 0;  // offset into the arena
    StepKind kind = StepKind::kCopy;
  };
  class Planner;
  struct Plan;
  struct FreeDeleter {
    void operator()(float* memory) const;
  };
  using Arena = std::unique_ptr<float[], FreeDeleter>;

  Graph(Plan plan, int threads, Arena arena);

  // Images [index * chunk_, ...) of the batch, in the arena of a thread.
  void RunChunk(size_t index, size_t thread, const float* in, float* out) const;

  size_t input_size_;
  size_t output_size_;
  int64_t batch_;
  int64_t chunk_;  // images in one run
  std::vector<PlannedStep> steps_;
  size_t arena_size_;  // floats a thread
  kernels::ThreadPool pool_;
  Arena arena_;
};

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_GRAPH_H_

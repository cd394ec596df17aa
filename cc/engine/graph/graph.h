#ifndef CC_ENGINE_GRAPH_GRAPH_H_
#define CC_ENGINE_GRAPH_GRAPH_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/engine/graph/arena.h"
#include "cc/engine/graph/layer.h"
#include "cc/engine/graph/step.h"
#include "cc/kernels/thread_pool.h"
#include "cc/mindir/model.h"

namespace lenet::graph {

// A convolutional network on the CPU. Create plans and allocates everything.
// Not thread-safe: one Run at a time.
//
// A batch is divided into chunks of consecutive images, which are shared among
// the threads. The chunks depend only on the batch size, so the results do not
// depend on the number of threads. A batch of 1 uses one thread.
class Graph {
 public:
  // Copies what it needs of `model`. `threads` is at least 1. Returns
  // InvalidArgument for unsupported models (see BuildSteps) and for networks
  // that need more than 1 GB.
  static absl::StatusOr<std::unique_ptr<Graph>> Create(const MindIrModel& model,
                                                       int threads);

  int64_t batch() const { return batch_; }
  size_t input_size() const { return input_size_; }    // floats per image
  size_t output_size() const { return output_size_; }  // floats per image
  // Shape of the output, with the batch; see BuildSteps.
  const std::vector<int64_t>& output_shape() const { return output_shape_; }

  int threads() const { return pool_.threads(); }  // threads that Run uses

  // Bytes between `in` and `out` that a Run uses, over all threads.
  size_t arena_bytes() const;

  // Returns the kinds of the steps in order, such as "ConvReluPool".
  std::vector<std::string> StepNames() const;

  // Runs one batch. `in` has batch() * input_size() floats and `out` batch() *
  // output_size(); they must not overlap. Allocates no memory.
  void Run(const float* in, float* out);

 private:
  struct PlannedStep {
    Layer layer;
    StepKind kind = StepKind::kCopy;
    size_t x = 0;  // values
    size_t other = 0;
    size_t y = 0;
    size_t scratch = 0;  // offset in the arena
  };

  Graph(const StepGraph& graph, std::vector<PlannedStep> steps,
        std::vector<size_t> offsets, Arena arena, int threads);

  // Runs the images from index * chunk_ on, with the memory of `thread`.
  void RunChunk(size_t index, size_t thread, const float* in, float* out) const;

  const int64_t batch_;
  const int64_t chunk_;  // images per chunk
  const size_t input_;   // values
  const size_t output_;
  const size_t input_size_;
  const size_t output_size_;
  const std::vector<int64_t> output_shape_;
  const std::vector<PlannedStep> steps_;
  const std::vector<size_t> offsets_;  // of the values in the arena
  const Arena arena_;
  kernels::ThreadPool pool_;
};

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_GRAPH_H_

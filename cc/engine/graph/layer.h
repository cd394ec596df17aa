#ifndef CC_ENGINE_GRAPH_LAYER_H_
#define CC_ENGINE_GRAPH_LAYER_H_

#include <cstddef>
#include <memory>

#include "absl/status/statusor.h"
#include "cc/engine/graph/step.h"

namespace lenet::graph {

// A step that is ready to run: its weights are packed for the kernels of this
// CPU.
class Layer {
 public:
  virtual ~Layer() = default;

  // Floats of scratch memory that Run needs, whatever the number of images.
  virtual size_t scratch_size() const { return 0; }

  // Whether y may be x.
  virtual bool in_place() const { return false; }

  // Runs `images` images, x and other to y. Allocates nothing; one call for
  // each scratch memory at a time.
  virtual void Run(int images, const float* x, const float* other, float* y,
                   float* scratch) const = 0;
};

// `size` is that of x, in floats an image. What it needs of the step's weights
// it copies.
std::unique_ptr<const Layer> MakeLayer(const Step& step, size_t size);

// An upper bound of the floats that a layer of this step keeps.
size_t PackedSize(const Step& step);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_LAYER_H_

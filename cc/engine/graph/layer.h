#ifndef CC_ENGINE_GRAPH_LAYER_H_
#define CC_ENGINE_GRAPH_LAYER_H_

#include <cstddef>
#include <functional>

#include "cc/engine/graph/step.h"

namespace lenet::graph {

// A step that is ready to run, with its weights packed for the kernels.
struct Layer {
  // Computes y from x (and `other`) for `images` images. y must not overlap x
  // or `other`. Allocates no memory. Calls at the same time need their own
  // scratch memory.
  std::function<void(int images, const float* x, const float* other, float* y,
                     float* scratch)>
      run;
  size_t scratch_size = 0;  // floats, for any number of images
};

// Returns a layer that computes the step and has its own copy of the weights.
// `size` is the size of x in floats per image.
Layer MakeLayer(const Step& step, size_t size);

// Returns an upper bound of the floats that MakeLayer allocates.
size_t PackedSize(const Step& step);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_LAYER_H_

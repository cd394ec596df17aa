#ifndef CC_KERNELS_MOMENTUM_H_
#define CC_KERNELS_MOMENTUM_H_

#include <cstddef>

namespace lenet::kernels {

struct Momentum {
  float learning_rate;
  float momentum;
};

// One step of MindSpore's nn.Momentum (no Nesterov, no weight decay) on `size`
// parameters: accumulator = momentum * accumulator + gradient,
// parameter -= learning_rate * accumulator.
//
// The gradient is the sum of `parts` arrays of `size` floats, one after the
// other in `gradients`, added in their order.
void MomentumStep(const Momentum& optimizer, size_t size,
                  const float* gradients, int parts, float* parameters,
                  float* accumulators);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_MOMENTUM_H_

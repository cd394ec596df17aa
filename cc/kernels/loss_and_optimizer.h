#ifndef CC_KERNELS_LOSS_AND_OPTIMIZER_H_
#define CC_KERNELS_LOSS_AND_OPTIMIZER_H_

#include <cstddef>
#include <cstdint>

namespace lenet::kernels {

// Computes the cross-entropy of softmax(logits) and its gradient.
//
// logits and gradients are [rows, classes]; labels [rows] are in 0..classes-1.
// losses [rows] are not divided. gradients are of sum(losses) / divisor; the
// divisor of a mean is the batch size. Large logits do not overflow, small
// losses keep their digits, and a row with NaN gives NaN.
void SoftmaxCrossEntropy(int classes, int rows, const float* logits,
                         const int32_t* labels, float divisor, float* losses,
                         float* gradients);

struct Momentum {
  float learning_rate;
  float momentum;
};

// Updates `size` parameters as MindSpore's nn.Momentum does, without Nesterov
// or weight decay: accumulator = momentum * accumulator + gradient,
// parameter -= learning_rate * accumulator.
void MomentumStep(const Momentum& optimizer, size_t size,
                  const float* gradients, float* parameters,
                  float* accumulators);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_LOSS_AND_OPTIMIZER_H_

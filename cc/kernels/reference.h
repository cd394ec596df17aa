#ifndef CC_KERNELS_REFERENCE_H_
#define CC_KERNELS_REFERENCE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/lenet_train.h"

// The kernels for training in plain loops and double precision, for tests and
// for the self-check of cc/gpu.
// Arrays have the shapes of the kernels' headers.

namespace lenet::kernels {

using Doubles = std::vector<double>;

struct ConvReluPoolResult {
  Doubles sums;  // convolution [images, out_channels, in_height - 4,
                 // in_width - 4]
  Doubles y;
  std::vector<uint8_t> argmax;
};

ConvReluPoolResult ConvReluPoolForwardReference(const ConvReluPoolShape& shape,
                                                int images, const Doubles& x,
                                                const Doubles& weights);

// Gradients of a layer; db is empty for a convolution.
struct LayerGradients {
  Doubles dx;
  Doubles dw;
  Doubles db;
};

LayerGradients ConvReluPoolBackwardReference(const ConvReluPoolShape& shape,
                                             int images, const Doubles& x,
                                             const Doubles& weights,
                                             const Doubles& y,
                                             const std::vector<uint8_t>& argmax,
                                             const Doubles& dy);

// An empty bias means zero.
Doubles DenseForwardReference(int in, int out, int rows, const Doubles& x,
                              const Doubles& w, const Doubles& bias, bool relu);

// An empty `relu_output` means that x is not the output of a ReLU.
LayerGradients DenseBackwardReference(int in, int out, int rows,
                                      const Doubles& x, const Doubles& w,
                                      const Doubles& relu_output,
                                      const Doubles& dy);

struct LossAndGradients {
  Doubles losses;
  Doubles gradients;
};

// For logits that differ by less than 700.
LossAndGradients SoftmaxCrossEntropyReference(
    int classes, const Doubles& logits, const std::vector<int32_t>& labels,
    double divisor);

// One array per element of LenetParameters.
using LenetArrays = std::array<Doubles, kLenetParameters>;

struct LenetGradient {
  double loss;
  LenetArrays gradients;
  // Smallest distance in the forward pass to a point where a maximum moves to
  // another element or a ReLU bends. If it is below the rounding of float32,
  // another gradient can be correct too.
  double margin;
};

// Returns the loss of LeNet-5 on the batch `order` [batch] and its gradients.
LenetGradient LenetGradientReference(const TrainBatches& batches,
                                     const int32_t* order,
                                     const LenetArrays& parameters);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_REFERENCE_H_

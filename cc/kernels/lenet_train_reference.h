#ifndef CC_KERNELS_LENET_TRAIN_REFERENCE_H_
#define CC_KERNELS_LENET_TRAIN_REFERENCE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "cc/kernels/lenet_train.h"

namespace lenet::kernels {

// One array for each of LenetParameters, in the same order and layouts.
using LenetArrays = std::array<std::vector<double>, kLenetParameters>;

struct LenetGradient {
  double loss;
  LenetArrays gradients;
  // The least distance of any element in the forward pass to where a maximum
  // passes to another element or a ReLU bends. With less than the rounding of
  // float32 another gradient may be as right.
  double margin;
};

// The loss of LeNet-5 on one batch, order [batch], and its gradients: double
// precision and plain loops, for tests.
LenetGradient LenetGradientReference(const TrainBatches& batches,
                                     const int32_t* order,
                                     const LenetArrays& parameters);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_LENET_TRAIN_REFERENCE_H_

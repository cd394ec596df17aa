#ifndef CC_KERNELS_LENET_TRAIN_H_
#define CC_KERNELS_LENET_TRAIN_H_

#include <array>
#include <cstdint>

#include "cc/kernels/momentum.h"

// Training steps of LeNet-5 as one call: gather, forward, loss, gradients and
// Momentum, for several batches.

namespace lenet::kernels {

constexpr int kLenetParameters = 8;

// conv1.weight [6, 1, 5, 5], conv2.weight [16, 6, 5, 5], fc1.weight
// [120, features], fc1.bias [120], fc2.weight [84, 120], fc2.bias [84],
// fc3.weight [10, 84], fc3.bias [10], in MindSpore's layouts. `features` is
// what the convolutions leave of an image: 400 of 32x32.
using LenetParameters = std::array<float*, kLenetParameters>;

struct TrainBatches {
  const uint8_t* images;   // [count, height, width], pixels
  const int32_t* labels;   // [count], 0..9
  const float* normalize;  // [256], the input of the network for each pixel
  int64_t count;
  int height;
  int width;
  const int32_t* order;        // [steps, batch], indices into images
  const Momentum* optimizers;  // [steps], what each step updates with
  int steps;
  int batch;
};

// Does `steps` steps on `parameters` and the accumulators `moments`, in place:
// accumulator = momentum * accumulator + gradient,
// parameter -= learning_rate * accumulator (MindSpore's nn.Momentum), with the
// mean over the batch of the softmax cross-entropy. losses [steps]. The result
// does not depend on `threads`, bit by bit.
//
// A call allocates what it works with, starts its threads and ends them, about
// 0.1 ms: give it many steps.
//
// Returns false, having changed nothing, if an index of `order` or a label of
// an image is out of range, the batch is empty, the image is smaller than
// 16x16, or there is no memory.
bool TrainLenet(const TrainBatches& batches, int threads,
                const LenetParameters& parameters,
                const LenetParameters& moments, float* losses);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_LENET_TRAIN_H_

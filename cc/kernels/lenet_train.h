#ifndef CC_KERNELS_LENET_TRAIN_H_
#define CC_KERNELS_LENET_TRAIN_H_

#include <array>
#include <cstdint>
#include <vector>

#include "cc/kernels/loss_and_optimizer.h"
#include "cc/kernels/thread_pool.h"

namespace lenet::kernels {

constexpr int kLenetParameters = 8;

// conv1.weight [6, 1, 5, 5], conv2.weight [16, 6, 5, 5],
// fc1.weight [120, features], fc1.bias [120], fc2.weight [84, 120],
// fc2.bias [84], fc3.weight [10, 84], fc3.bias [10], in MindSpore's layouts.
// `features` is the output size of the convolutions: 400 for 32x32 images.
using LenetParameters = std::array<float*, kLenetParameters>;

struct TrainBatches {
  const uint8_t* images;   // pixels [count, height, width]
  const int32_t* labels;   // [count], 0..9
  const float* normalize;  // [256], input of the network per pixel value
  int64_t count;
  int height;
  int width;
  const int32_t* order;        // [steps, batch], indices into images
  const Momentum* optimizers;  // [steps]
  int steps;
  int batch;
};

// Smallest height and width of images.
constexpr int kMinTrainSide = 16;

// Returns the shapes of the parameters for images of at least 16x16.
std::array<std::vector<int64_t>, kLenetParameters> LenetParameterShapes(
    int height, int width);

// Returns how many of `threads` threads a step can use.
int UsefulTrainThreads(const TrainBatches& batches, int threads);

// Trains LeNet-5 for `steps` steps on the threads of `pool`, updating
// `parameters` and the accumulators `moments` in place. The loss of a step,
// written to losses [steps], is the mean softmax cross-entropy of the batch.
// Results are bit-identical for any number of threads.
//
// A call allocates memory; call it for many steps.
//
// Returns false without changes if an index in `order` or a label is out of
// range, the batch is empty, images are smaller than 16x16, or memory is
// exhausted.
bool TrainLenet(const TrainBatches& batches, const LenetParameters& parameters,
                const LenetParameters& moments, float* losses,
                ThreadPool* pool);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_LENET_TRAIN_H_

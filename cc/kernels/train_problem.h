#ifndef CC_KERNELS_TRAIN_PROBLEM_H_
#define CC_KERNELS_TRAIN_PROBLEM_H_

#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "cc/kernels/lenet_train.h"
#include "cc/kernels/reference.h"

// Random training problems with their solution in double precision, for tests
// and for the self-check of cc/gpu.

namespace lenet::kernels {

using LenetFloats = std::array<std::vector<float>, kLenetParameters>;

struct TrainProblem {
  int height;
  int width;
  int batch;
  int steps;
};

// Random images, labels, order and weights, always the same for a seed. Images
// are random, so that no two windows of a pool are equal. The arrays have
// exactly their sizes, for AddressSanitizer.
struct TrainData {
  TrainData(const TrainProblem& train_problem, unsigned seed);

  // Valid until this object is changed.
  TrainBatches Batches() const;

  TrainProblem problem;
  std::vector<uint8_t> images;  // batch + 3
  std::vector<int32_t> labels;
  std::vector<float> normalize;
  std::vector<int32_t> order;
  std::vector<Momentum> optimizers;
  LenetFloats parameters;
};

struct TrainSolution {
  Doubles logits;  // [images, 10] before the first step
  LenetArrays parameters;
  LenetArrays moments;
  Doubles losses;
  double margin = std::numeric_limits<double>::infinity();  // see LenetGradient
};

LenetArrays ToLenetArrays(const LenetFloats& arrays);

// Trains from accumulators of zero.
TrainSolution TrainReference(const TrainData& data);

// Returns the first data, by seed, for which float32 and double precision
// select the same maxima and the same sides of each ReLU.
TrainData MakeClearData(const TrainProblem& problem, TrainSolution* solution);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_TRAIN_PROBLEM_H_

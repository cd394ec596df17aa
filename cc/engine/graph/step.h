#ifndef CC_ENGINE_GRAPH_STEP_H_
#define CC_ENGINE_GRAPH_STEP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "cc/base/shape.h"
#include "cc/kernels/window.h"

// A network as steps over values, with all shapes known. The first axis of
// every value is the batch, and every step treats each image alike, so sizes
// are per image.

namespace lenet::graph {

// Weights in the memory of the MindIrModel.
struct ConstantView {
  std::vector<int64_t> shape;
  const float* data = nullptr;

  size_t size() const { return ElementCount(shape); }
};

enum class StepKind {
  kConv,          // x * weights [+ bias] [ReLU]
  kConvReluPool,  // LeNet's convolution, ReLU and pool in one kernel
  kLinear,        // last axis of x times weights [+ bias] [ReLU]
  kMaxPool,
  kAveragePool,
  kRelu,
  kFunction,     // of each element
  kAdd,          // x + other [ReLU]
  kBinary,       // of x and other or a constant
  kConcat,       // x and other along an axis
  kAddConstant,  // x + constant [ReLU]
  kScale,        // x * constant
  kSoftmax,
  kLogSoftmax,
  kCopy,
};

// Returns, for example, "Conv".
const char* KindName(StepKind kind);

// Values are indices into StepGraph::value_sizes.
struct Step {
  StepKind kind = StepKind::kCopy;
  size_t x = 0;
  size_t other = 0;  // see HasOther
  size_t y = 0;
  bool relu = false;
  float (*function)(float) = nullptr;       // kFunction
  float (*binary)(float, float) = nullptr;  // kBinary
  bool swap = false;                        // kBinary: binary(constant, x)

  // Convolutions and pools: images [channels, height, width].
  kernels::Window window;
  int in_channels = 0;
  int out_channels = 0;
  int groups = 1;

  // Convolutions and kLinear.
  ConstantView weights;
  std::shared_ptr<std::vector<float>> scaled;  // memory of scaled weights
  bool out_first = true;  // kLinear: weights are [out, in], not [in, out]

  // kConv and kLinear: bias per output channel, or empty. kAddConstant, kScale
  // and kBinary use constant[(i / inner) % constant.size()] for element i;
  // kBinary without a constant uses other[i / inner].
  std::vector<float> constant;

  // x as [outer, axis, inner]. kSoftmax works along `axis`; kLinear along the
  // last axis, with inner = 1; kAddConstant, kScale and kBinary use only
  // `inner`. kConcat: x [outer, axis], other [outer, inner].
  size_t outer = 1;
  size_t axis = 1;
  size_t inner = 1;
};

// Returns whether the step uses `other`.
inline bool HasOther(const Step& step) {
  return step.kind == StepKind::kAdd || step.kind == StepKind::kConcat ||
         (step.kind == StepKind::kBinary && step.constant.empty());
}

struct StepGraph {
  int64_t batch = 0;
  std::vector<size_t> value_sizes;  // floats per image
  size_t input = 0;
  size_t output = 0;
  std::vector<int64_t> output_shape;
  std::vector<Step> steps;    // in the order in which they run
  std::deque<float> scalars;  // weights that the MindIR stores as numbers
};

// Fuses consecutive steps if no other step uses the value between them:
//   Conv or Linear, Scale with one element per channel       -> other weights
//   Conv or Linear, AddConstant with one element per channel -> with bias
//   Conv, Linear, Add or AddConstant, Relu                   -> with relu
//   Conv 5x5 (plain, no bias, relu), MaxPool 2x2             -> ConvReluPool
// The values between them remain in value_sizes, unused.
void FuseSteps(StepGraph* graph);

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_STEP_H_

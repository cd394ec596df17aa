#ifndef CC_ENGINE_GRAPH_STEP_H_
#define CC_ENGINE_GRAPH_STEP_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "cc/kernels/window.h"

// A network as steps over values: what is left of a MindIR when shapes are
// known and bookkeeping is gone. Every value has the images of a batch along
// its first axis, and every step does the same for each image: sizes are those
// of one image.

namespace lenet::graph {

// Weights, where the MindIR has them.
struct ConstantView {
  std::vector<int64_t> shape;
  const float* data = nullptr;

  size_t size() const;
};

enum class StepKind {
  kConv,          // x * weights [+ bias] [ReLU]
  kConvReluPool,  // the block of LeNet, one kernel
  kLinear,        // the last axis of x times weights [+ bias] [ReLU]
  kMaxPool,
  kAveragePool,
  kRelu,
  kAdd,          // x + other [ReLU]
  kAddConstant,  // x + constant [ReLU]
  kSoftmax,
  kCopy,
};

// "Conv", for tests and messages.
const char* KindName(StepKind kind);

// Values are indices into StepGraph.value_sizes.
struct Step {
  StepKind kind = StepKind::kCopy;
  std::string node;  // of the MindIR
  size_t x = 0;
  size_t other = 0;  // of kAdd
  size_t y = 0;
  bool relu = false;

  // Of the kinds with a window: image [channels, height, width].
  kernels::Window window;
  int in_channels = 0;
  int out_channels = 0;
  int groups = 1;

  // Of kConv and kLinear. A bias has one element an output channel.
  ConstantView weights;
  bool out_first = true;  // kLinear: weights are [out, in], not [in, out]

  // The bias of kConv and kLinear, empty if there is none. kAddConstant adds
  // constant[(i / inner) % constant.size()] to element i.
  std::vector<float> constant;

  // x as [outer, axis, inner]: kSoftmax works along the axis, kLinear along
  // the last, with inner = 1. kAddConstant uses inner alone.
  size_t outer = 1;
  size_t axis = 1;
  size_t inner = 1;
};

struct StepGraph {
  int64_t batch = 0;
  std::vector<size_t> value_sizes;  // floats an image
  size_t input = 0;
  size_t output = 0;
  std::vector<Step> steps;    // in the order in which they run
  std::deque<float> scalars;  // weights that the MindIR has as plain numbers
};

}  // namespace lenet::graph

#endif  // CC_ENGINE_GRAPH_STEP_H_

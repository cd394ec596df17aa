#include "cc/engine/graph/step.h"

namespace lenet::graph {

size_t ConstantView::size() const {
  size_t count = 1;
  for (const int64_t dimension : shape) count *= static_cast<size_t>(dimension);
  return count;
}

const char* KindName(StepKind kind) {
  switch (kind) {
    case StepKind::kConv:
      return "Conv";
    case StepKind::kConvReluPool:
      return "ConvReluPool";
    case StepKind::kLinear:
      return "Linear";
    case StepKind::kMaxPool:
      return "MaxPool";
    case StepKind::kAveragePool:
      return "AveragePool";
    case StepKind::kRelu:
      return "Relu";
    case StepKind::kAdd:
      return "Add";
    case StepKind::kAddConstant:
      return "AddConstant";
    case StepKind::kSoftmax:
      return "Softmax";
    case StepKind::kCopy:
      return "Copy";
  }
  return "";
}

}  // namespace lenet::graph

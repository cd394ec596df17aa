#include "cc/engine/graph/step.h"

#include <utility>

#include "cc/kernels/conv_relu_pool.h"

namespace lenet::graph {
namespace {

using kernels::WindowAxis;

bool HasRelu(StepKind kind) {
  return kind == StepKind::kConv || kind == StepKind::kLinear ||
         kind == StepKind::kAdd || kind == StepKind::kAddConstant;
}

bool IsPlain(const WindowAxis& axis, int kernel, int stride) {
  return axis.kernel == kernel && axis.stride == stride && axis.dilation == 1 &&
         axis.pad_before == 0 && axis.pad_after == 0;
}

bool FuseBias(const Step& next, Step* step) {
  if (next.kind != StepKind::kAddConstant || step->relu ||
      !step->constant.empty() ||
      next.constant.size() != static_cast<size_t>(step->out_channels)) {
    return false;
  }
  const bool is_conv =
      step->kind == StepKind::kConv && next.inner == step->window.out_size();
  const bool is_linear = step->kind == StepKind::kLinear && next.inner == 1;
  if (!is_conv && !is_linear) return false;
  step->constant = next.constant;
  step->relu = next.relu;
  return true;
}

bool FuseRelu(const Step& next, Step* step) {
  if (next.kind != StepKind::kRelu || !HasRelu(step->kind)) return false;
  step->relu = true;
  return true;
}

bool FusePool(const Step& next, Step* step) {
  const auto fits = [](const WindowAxis& conv, const WindowAxis& pool) {
    return IsPlain(conv, kernels::kConvKernel, 1) &&
           IsPlain(pool, kernels::kPool, kernels::kPool);
  };
  if (next.kind != StepKind::kMaxPool || step->kind != StepKind::kConv ||
      !step->relu || !step->constant.empty() || step->groups != 1 ||
      !fits(step->window.height, next.window.height) ||
      !fits(step->window.width, next.window.width)) {
    return false;
  }
  step->kind = StepKind::kConvReluPool;
  return true;
}

}  // namespace

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

void FuseSteps(StepGraph* graph) {
  std::vector<size_t> uses(graph->value_sizes.size());
  ++uses[graph->output];
  for (const Step& step : graph->steps) {
    ++uses[step.x];
    if (step.kind == StepKind::kAdd) ++uses[step.other];
  }
  constexpr size_t kNone = static_cast<size_t>(-1);
  std::vector<size_t> producer_of(graph->value_sizes.size(), kNone);
  std::vector<Step> fused;
  for (Step& next : graph->steps) {
    const size_t producer = producer_of[next.x];
    if (producer != kNone && uses[next.x] == 1 &&
        (FuseBias(next, &fused[producer]) || FuseRelu(next, &fused[producer]) ||
         FusePool(next, &fused[producer]))) {
      fused[producer].y = next.y;
      producer_of[next.y] = producer;
      continue;
    }
    producer_of[next.y] = fused.size();
    fused.push_back(std::move(next));
  }
  graph->steps = std::move(fused);
}

}  // namespace lenet::graph

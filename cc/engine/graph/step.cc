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

// Returns whether `step` is linear, and `next` has one constant per channel.
bool IsPerChannel(const Step& next, const Step& step) {
  if (step.relu ||
      next.constant.size() != static_cast<size_t>(step.out_channels)) {
    return false;
  }
  return (step.kind == StepKind::kConv &&
          next.inner == step.window.out_size()) ||
         (step.kind == StepKind::kLinear && next.inner == 1);
}

bool FuseBias(const Step& next, Step* step) {
  if (next.kind != StepKind::kAddConstant || !IsPerChannel(next, *step)) {
    return false;
  }
  step->constant.resize(next.constant.size());
  for (size_t i = 0; i < next.constant.size(); ++i) {
    step->constant[i] += next.constant[i];
  }
  step->relu = next.relu;
  return true;
}

bool FuseScale(const Step& next, Step* step) {
  if (next.kind != StepKind::kScale || !IsPerChannel(next, *step)) return false;
  const size_t channels = next.constant.size();
  if (step->scaled == nullptr) {
    const float* const data = step->weights.data;
    step->scaled =
        std::make_shared<std::vector<float>>(data, data + step->weights.size());
  }
  std::vector<float>& weights = *step->scaled;
  const size_t inner = step->out_first ? weights.size() / channels : 1;
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i] *= next.constant[i / inner % channels];
  }
  step->weights.data = weights.data();
  for (size_t i = 0; i < step->constant.size(); ++i) {
    step->constant[i] *= next.constant[i];
  }
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
    case StepKind::kFunction:
      return "Function";
    case StepKind::kAdd:
      return "Add";
    case StepKind::kBinary:
      return "Binary";
    case StepKind::kConcat:
      return "Concat";
    case StepKind::kAddConstant:
      return "AddConstant";
    case StepKind::kScale:
      return "Scale";
    case StepKind::kSoftmax:
      return "Softmax";
    case StepKind::kLogSoftmax:
      return "LogSoftmax";
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
    if (HasOther(step)) ++uses[step.other];
  }
  constexpr size_t kNone = static_cast<size_t>(-1);
  std::vector<size_t> producer_of(graph->value_sizes.size(), kNone);
  std::vector<Step> fused;
  for (Step& next : graph->steps) {
    const size_t producer = producer_of[next.x];
    if (producer != kNone && uses[next.x] == 1 &&
        (FuseScale(next, &fused[producer]) ||
         FuseBias(next, &fused[producer]) || FuseRelu(next, &fused[producer]) ||
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

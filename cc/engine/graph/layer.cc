#include "cc/engine/graph/layer.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

#include "cc/kernels/conv2d.h"
#include "cc/kernels/conv_relu_pool.h"
#include "cc/kernels/elementwise.h"
#include "cc/kernels/linear.h"
#include "cc/kernels/pool2d.h"

namespace lenet::graph {
namespace {

const float* OrNull(const std::vector<float>& values) {
  return values.empty() ? nullptr : values.data();
}

Layer MakeConv(const Step& step) {
  const kernels::Conv2dShape shape = {step.in_channels, step.out_channels,
                                      step.groups, step.window};
  const auto conv = std::make_shared<const kernels::Conv2d>(
      shape, step.weights.data, OrNull(step.constant));
  return {[=, relu = step.relu](int images, const float* x, const float*,
                                float* y, float* scratch) {
            for (int i = 0; i < images; ++i) {
              conv->Run(x, relu, y, scratch);
              x += shape.in_size();
              y += shape.out_size();
            }
          },
          conv->scratch_size()};
}

Layer MakeConvReluPool(const Step& step) {
  const kernels::ConvReluPoolShape shape = {
      step.in_channels, step.window.height.in, step.window.width.in,
      step.out_channels};
  std::vector<float> packed(kernels::PackedConvWeightsSize(shape));
  kernels::PackConvWeights(shape, step.weights.data, packed.data());
  return {
      [=](int images, const float* x, const float*, float* y, float* scratch) {
        kernels::ConvReluPoolForward(shape, packed.data(), images, x, y,
                                     /*argmax=*/nullptr, scratch);
      },
      kernels::ConvReluPoolForwardScratchSize(shape)};
}

Layer MakeLinear(const Step& step) {
  const auto linear = std::make_shared<const kernels::Linear>(
      step.axis, static_cast<size_t>(step.out_channels), step.weights.data,
      step.out_first, OrNull(step.constant));
  return {[=, rows = step.outer, relu = step.relu](
              int images, const float* x, const float*, float* y, float*) {
    linear->Run(static_cast<size_t>(images) * rows, x, relu, y);
  }};
}

Layer MakePool(const Step& step) {
  const auto run = step.kind == StepKind::kMaxPool ? &kernels::MaxPool2d
                                                   : &kernels::AveragePool2d;
  return {[run, window = step.window,
           channels = static_cast<size_t>(step.in_channels)](
              int images, const float* x, const float*, float* y, float*) {
    run(window, static_cast<size_t>(images) * channels, x, y);
  }};
}

Layer MakeAddConstant(const Step& step, size_t size) {
  return {[constant = step.constant, inner = step.inner, relu = step.relu,
           size](int images, const float* x, const float*, float* y, float*) {
    const size_t end = static_cast<size_t>(images) * size;
    if (inner == 1) {
      for (size_t i = 0; i < end; i += constant.size()) {
        kernels::Add(constant.size(), x + i, constant.data(), relu, y + i);
      }
      return;
    }
    size_t channel = 0;
    for (size_t i = 0; i < end; i += inner) {
      kernels::AddScalar(inner, x + i, constant[channel], relu, y + i);
      channel = channel + 1 == constant.size() ? 0 : channel + 1;
    }
  }};
}

Layer MakeBinary(const Step& step, size_t size) {
  const auto multiply = +[](float a, float b) { return a * b; };
  return {[function = step.kind == StepKind::kScale ? multiply : step.binary,
           swap = step.swap, constant = step.constant, inner = step.inner,
           size](int images, const float* x, const float* other, float* y,
                 float*) {
    const size_t end = static_cast<size_t>(images) * size;
    for (size_t i = 0; i < end; ++i) {
      const float b = constant.empty() ? other[i / inner]
                                       : constant[i / inner % constant.size()];
      y[i] = swap ? function(b, x[i]) : function(x[i], b);
    }
  }};
}

Layer MakeConcat(const Step& step) {
  return {
      [outer = step.outer, first = step.axis, second = step.inner](
          int images, const float* x, const float* other, float* y, float*) {
        for (size_t i = 0; i < static_cast<size_t>(images) * outer; ++i) {
          y = std::copy_n(x + i * first, first, y);
          y = std::copy_n(other + i * second, second, y);
        }
      }};
}

Layer MakeFunction(const Step& step, size_t size) {
  return {[function = step.function, size](int images, const float* x,
                                           const float*, float* y, float*) {
    std::transform(x, x + static_cast<size_t>(images) * size, y, function);
  }};
}

Layer MakeSoftmax(const Step& step) {
  return {[outer = step.outer, axis = step.axis, inner = step.inner,
           log = step.kind == StepKind::kLogSoftmax](
              int images, const float* x, const float*, float* y, float*) {
    kernels::Softmax(static_cast<size_t>(images) * outer, axis, inner, log, x,
                     y);
  }};
}

// kRelu, kAdd and kCopy.
Layer MakeElementwise(const Step& step, size_t size) {
  return {[kind = step.kind, relu = step.relu, size](int images, const float* x,
                                                     const float* other,
                                                     float* y, float*) {
    const size_t count = static_cast<size_t>(images) * size;
    if (kind == StepKind::kRelu) {
      kernels::Relu(count, x, y);
    } else if (kind == StepKind::kAdd) {
      kernels::Add(count, x, other, relu, y);
    } else {
      std::memcpy(y, x, count * sizeof(float));
    }
  }};
}

}  // namespace

Layer MakeLayer(const Step& step, size_t size) {
  switch (step.kind) {
    case StepKind::kConv:
      return MakeConv(step);
    case StepKind::kConvReluPool:
      return MakeConvReluPool(step);
    case StepKind::kLinear:
      return MakeLinear(step);
    case StepKind::kMaxPool:
    case StepKind::kAveragePool:
      return MakePool(step);
    case StepKind::kAddConstant:
      return MakeAddConstant(step, size);
    case StepKind::kScale:
    case StepKind::kBinary:
      return MakeBinary(step, size);
    case StepKind::kConcat:
      return MakeConcat(step);
    case StepKind::kFunction:
      return MakeFunction(step, size);
    case StepKind::kSoftmax:
    case StepKind::kLogSoftmax:
      return MakeSoftmax(step);
    default:
      return MakeElementwise(step, size);
  }
}

size_t PackedSize(const Step& step) {
  // The kernels pad the output channels (of each group) to whole vectors, which
  // have at most 64 floats.
  constexpr size_t kPadding = 64;
  const size_t channels = static_cast<size_t>(step.out_channels);
  switch (step.kind) {
    case StepKind::kConv:
    case StepKind::kConvReluPool:
      return step.weights.size() / channels *
             (channels + kPadding * static_cast<size_t>(step.groups));
    case StepKind::kLinear:
      return (step.axis + 1) * (channels + kPadding);
    default:
      return step.constant.size();
  }
}

}  // namespace lenet::graph

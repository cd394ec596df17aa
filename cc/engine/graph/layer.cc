#include "cc/engine/graph/layer.h"

#include <cstring>
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

kernels::Conv2dShape ConvShape(const Step& step) {
  return {step.in_channels, step.out_channels, step.groups, step.window};
}

class ConvLayer final : public Layer {
 public:
  explicit ConvLayer(const Step& step)
      : shape_(ConvShape(step)),
        relu_(step.relu),
        conv_(shape_, step.weights.data, OrNull(step.constant)) {}

  size_t scratch_size() const override { return conv_.scratch_size(); }

  void Run(int images, const float* x, const float*, float* y,
           float* scratch) const override {
    for (int i = 0; i < images; ++i) {
      conv_.Run(x, relu_, y, scratch);
      x += shape_.in_size();
      y += shape_.out_size();
    }
  }

 private:
  const kernels::Conv2dShape shape_;
  const bool relu_;
  const kernels::Conv2d conv_;
};

class ConvReluPoolLayer final : public Layer {
 public:
  explicit ConvReluPoolLayer(const Step& step)
      : shape_{step.in_channels, step.window.height.in, step.window.width.in,
               step.out_channels},
        packed_(kernels::PackedConvWeightsSize(shape_)) {
    kernels::PackConvWeights(shape_, step.weights.data, packed_.data());
  }

  size_t scratch_size() const override {
    return kernels::ConvReluPoolForwardScratchSize(shape_);
  }

  void Run(int images, const float* x, const float*, float* y,
           float* scratch) const override {
    kernels::ConvReluPoolForward(shape_, packed_.data(), images, x, y,
                                 /*argmax=*/nullptr, scratch);
  }

 private:
  const kernels::ConvReluPoolShape shape_;
  std::vector<float> packed_;
};

class LinearLayer final : public Layer {
 public:
  explicit LinearLayer(const Step& step)
      : rows_(step.outer),
        relu_(step.relu),
        linear_(step.axis, static_cast<size_t>(step.out_channels),
                step.weights.data, step.out_first, OrNull(step.constant)) {}

  void Run(int images, const float* x, const float*, float* y,
           float*) const override {
    linear_.Run(static_cast<size_t>(images) * rows_, x, relu_, y);
  }

 private:
  const size_t rows_;  // an image
  const bool relu_;
  const kernels::Linear linear_;
};

class PoolLayer final : public Layer {
 public:
  explicit PoolLayer(const Step& step)
      : window_(step.window),
        channels_(static_cast<size_t>(step.in_channels)),
        run_(step.kind == StepKind::kMaxPool ? &kernels::MaxPool2d
                                             : &kernels::AveragePool2d) {}

  void Run(int images, const float* x, const float*, float* y,
           float*) const override {
    run_(window_, static_cast<size_t>(images) * channels_, x, y);
  }

 private:
  const kernels::Window window_;
  const size_t channels_;
  decltype(&kernels::MaxPool2d) const run_;
};

// Relu, Add and Copy.
class ElementwiseLayer final : public Layer {
 public:
  ElementwiseLayer(const Step& step, size_t size)
      : kind_(step.kind), relu_(step.relu), size_(size) {}

  bool in_place() const override { return true; }

  void Run(int images, const float* x, const float* other, float* y,
           float*) const override {
    const size_t count = static_cast<size_t>(images) * size_;
    if (kind_ == StepKind::kRelu) {
      kernels::Relu(count, x, y);
    } else if (kind_ == StepKind::kAdd) {
      kernels::Add(count, x, other, relu_, y);
    } else if (x != y) {
      std::memcpy(y, x, count * sizeof(float));
    }
  }

 private:
  const StepKind kind_;
  const bool relu_;
  const size_t size_;  // an image
};

class AddConstantLayer final : public Layer {
 public:
  AddConstantLayer(const Step& step, size_t size)
      : constant_(step.constant),
        inner_(step.inner),
        relu_(step.relu),
        size_(size) {}

  bool in_place() const override { return true; }

  void Run(int images, const float* x, const float*, float* y,
           float*) const override {
    const size_t end = static_cast<size_t>(images) * size_;
    if (inner_ == 1) {
      for (size_t i = 0; i < end; i += constant_.size()) {
        kernels::Add(constant_.size(), x + i, constant_.data(), relu_, y + i);
      }
      return;
    }
    size_t channel = 0;
    for (size_t i = 0; i < end; i += inner_) {
      kernels::AddScalar(inner_, x + i, constant_[channel], relu_, y + i);
      channel = channel + 1 == constant_.size() ? 0 : channel + 1;
    }
  }

 private:
  const std::vector<float> constant_;
  const size_t inner_;
  const bool relu_;
  const size_t size_;  // an image
};

class SoftmaxLayer final : public Layer {
 public:
  explicit SoftmaxLayer(const Step& step)
      : outer_(step.outer), axis_(step.axis), inner_(step.inner) {}

  bool in_place() const override { return true; }

  void Run(int images, const float* x, const float*, float* y,
           float*) const override {
    kernels::Softmax(static_cast<size_t>(images) * outer_, axis_, inner_, x, y);
  }

 private:
  const size_t outer_;  // an image
  const size_t axis_;
  const size_t inner_;
};

}  // namespace

std::unique_ptr<const Layer> MakeLayer(const Step& step, size_t size) {
  switch (step.kind) {
    case StepKind::kConv:
      return std::make_unique<ConvLayer>(step);
    case StepKind::kConvReluPool:
      return std::make_unique<ConvReluPoolLayer>(step);
    case StepKind::kLinear:
      return std::make_unique<LinearLayer>(step);
    case StepKind::kMaxPool:
    case StepKind::kAveragePool:
      return std::make_unique<PoolLayer>(step);
    case StepKind::kRelu:
    case StepKind::kAdd:
    case StepKind::kCopy:
      return std::make_unique<ElementwiseLayer>(step, size);
    case StepKind::kAddConstant:
      return std::make_unique<AddConstantLayer>(step, size);
    case StepKind::kSoftmax:
      return std::make_unique<SoftmaxLayer>(step);
  }
  return nullptr;
}

size_t PackedSize(const Step& step) {
  // The kernels pad the output channels (of a group) to whole vectors, of at
  // most 64 floats.
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

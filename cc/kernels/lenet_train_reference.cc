#include "cc/kernels/lenet_train_reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "cc/kernels/dense_reference.h"
#include "cc/kernels/softmax_cross_entropy_reference.h"

namespace lenet::kernels {
namespace {

using Doubles = std::vector<double>;

constexpr int kKernel = 5;

size_t Size(int count) { return static_cast<size_t>(count); }

// Convolution 5x5, ReLU and max-pool 2x2 of one image.
struct Block {
  int channels;
  int height;
  int width;
  int out_channels;

  int out_height() const { return (height - kKernel + 1) / 2; }
  int out_width() const { return (width - kKernel + 1) / 2; }
  int in_size() const { return channels * height * width; }
  int out_size() const { return out_channels * out_height() * out_width(); }

  // Calls function(x index, weight index) for each product in the element at
  // (o, row, column) of the convolution.
  template <typename Function>
  void ForEachProduct(int o, int row, int column, Function function) const {
    for (int c = 0; c < channels; ++c) {
      for (int u = 0; u < kKernel; ++u) {
        for (int v = 0; v < kKernel; ++v) {
          function(Size((c * height + row + u) * width + column + v),
                   Size(((o * channels + c) * kKernel + u) * kKernel + v));
        }
      }
    }
  }

  // Calls function(y index, channel, row, column) for each pooled element.
  template <typename Function>
  void ForEachOutput(Function function) const {
    size_t at = 0;
    for (int o = 0; o < out_channels; ++o) {
      for (int row = 0; row < out_height(); ++row) {
        for (int column = 0; column < out_width(); ++column) {
          function(at++, o, row, column);
        }
      }
    }
  }
};

// y, and for each element of y the place (0..3) of the maximum.
struct Pooled {
  Doubles y;
  std::vector<int> argmax;
};

Pooled ForwardBlock(const Block& block, const Doubles& weights, const double* x,
                    double* margin) {
  Pooled result = {Doubles(Size(block.out_size())),
                   std::vector<int>(Size(block.out_size()))};
  block.ForEachOutput([&](size_t at, int o, int row, int column) {
    double values[4] = {};
    for (int i = 0; i < 4; ++i) {
      block.ForEachProduct(o, 2 * row + i / 2, 2 * column + i % 2,
                           [&](size_t x_at, size_t w_at) {
                             values[i] += x[x_at] * weights[w_at];
                           });
    }
    const int largest =
        static_cast<int>(std::max_element(values, values + 4) - values);
    result.argmax[at] = largest;
    result.y[at] = std::max(values[largest], 0.0);
    *margin = std::min(*margin, std::abs(values[largest]));
    for (int i = 0; i < 4 && values[largest] > 0.0; ++i) {
      if (i != largest)
        *margin = std::min(*margin, values[largest] - values[i]);
    }
  });
  return result;
}

// Adds to `dx` (unless null) and `dw`.
void BackwardBlock(const Block& block, const Doubles& weights, const double* x,
                   const Pooled& pooled, const Doubles& dy, Doubles* dx,
                   Doubles* dw) {
  block.ForEachOutput([&](size_t at, int o, int row, int column) {
    if (!(pooled.y[at] > 0.0)) return;
    const int place = pooled.argmax[at];
    block.ForEachProduct(o, 2 * row + place / 2, 2 * column + place % 2,
                         [&](size_t x_at, size_t w_at) {
                           (*dw)[w_at] += dy[at] * x[x_at];
                           if (dx != nullptr) {
                             (*dx)[x_at] += dy[at] * weights[w_at];
                           }
                         });
  });
}

void AddTo(Doubles* sum, const Doubles& values) {
  for (size_t i = 0; i < values.size(); ++i) (*sum)[i] += values[i];
}

// Dense layers and loss of one image: returns the gradient of the features.
Doubles RunDense(const LenetArrays& parameters, const Doubles& features,
                 int32_t label, int batch, LenetGradient* result) {
  constexpr int kLayers = 3;
  const int sizes[] = {static_cast<int>(features.size()), 120, 84, 10};
  Doubles x[kLayers + 1] = {features};
  for (size_t i = 0; i < kLayers; ++i) {
    x[i + 1].resize(Size(sizes[i + 1]));
    DenseForwardReference(sizes[i], sizes[i + 1], 1, x[i].data(),
                          parameters[2 + 2 * i].data(),
                          parameters[3 + 2 * i].data(), false, x[i + 1].data());
    if (i + 1 == kLayers) break;
    for (double& value : x[i + 1]) {
      result->margin = std::min(result->margin, std::abs(value));
      value = std::max(value, 0.0);
    }
  }
  Doubles dy(10);
  double loss = 0.0;
  SoftmaxCrossEntropyReference(10, 1, x[kLayers].data(), &label, batch, &loss,
                               dy.data());
  result->loss += loss / batch;
  for (size_t i = kLayers; i-- > 0;) {
    Doubles dw(parameters[2 + 2 * i].size());
    Doubles db(dy.size());
    Doubles dx(x[i].size());
    DenseBackwardWeightsReference(sizes[i], sizes[i + 1], 1, x[i].data(),
                                  dy.data(), sizes[i + 1], dw.data(),
                                  db.data());
    DenseBackwardInputReference(sizes[i], sizes[i + 1], 1, dy.data(),
                                parameters[2 + 2 * i].data(),
                                i == 0 ? nullptr : x[i].data(), dx.data());
    AddTo(&result->gradients[2 + 2 * i], dw);
    AddTo(&result->gradients[3 + 2 * i], db);
    dy = dx;
  }
  return dy;
}

}  // namespace

LenetGradient LenetGradientReference(const TrainBatches& batches,
                                     const int32_t* order,
                                     const LenetArrays& parameters) {
  const Block conv1 = {1, batches.height, batches.width, 6};
  const Block conv2 = {6, conv1.out_height(), conv1.out_width(), 16};
  LenetGradient result = {0.0, {}, std::numeric_limits<double>::infinity()};
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result.gradients[i].resize(parameters[i].size());
  }
  for (int image = 0; image < batches.batch; ++image) {
    const size_t index = Size(order[image]);
    Doubles x(Size(conv1.in_size()));
    for (size_t i = 0; i < x.size(); ++i) {
      x[i] = batches.normalize[batches.images[index * x.size() + i]];
    }
    const Pooled pooled1 =
        ForwardBlock(conv1, parameters[0], x.data(), &result.margin);
    const Pooled pooled2 =
        ForwardBlock(conv2, parameters[1], pooled1.y.data(), &result.margin);
    const Doubles d_features = RunDense(
        parameters, pooled2.y, batches.labels[index], batches.batch, &result);
    Doubles d_pooled1(pooled1.y.size());
    BackwardBlock(conv2, parameters[1], pooled1.y.data(), pooled2, d_features,
                  &d_pooled1, &result.gradients[1]);
    BackwardBlock(conv1, parameters[0], x.data(), pooled1, d_pooled1, nullptr,
                  &result.gradients[0]);
  }
  return result;
}

}  // namespace lenet::kernels

#include "cc/kernels/reference.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

namespace lenet::kernels {
namespace {

size_t Size(int count) { return static_cast<size_t>(count); }

size_t ConvHeight(const ConvReluPoolShape& s) {
  return s.in_height - kConvKernel + 1;
}
size_t ConvWidth(const ConvReluPoolShape& s) {
  return s.in_width - kConvKernel + 1;
}
size_t ConvSize(const ConvReluPoolShape& s) {
  return s.out_channels * ConvHeight(s) * ConvWidth(s);
}

// Calls term(output, weight, input), three indices, for each product of the
// convolutions.
template <class Term>
void ForEachTerm(const ConvReluPoolShape& s, int images, const Term& term) {
  const size_t width = ConvWidth(s);
  for (size_t output = 0; output < Size(images) * ConvSize(s); ++output) {
    const size_t image = output / ConvSize(s);
    const size_t oc = output / width / ConvHeight(s) % s.out_channels;
    const size_t row = output / width % ConvHeight(s);
    for (size_t k = 0; k < s.taps(); ++k) {
      const size_t y = row + k / kConvKernel % kConvKernel;
      const size_t x = output % width + k % kConvKernel;
      term(
          output, oc * s.taps() + k,
          ((image * s.in_channels + k / kTaps) * s.in_height + y) * s.in_width +
              x);
    }
  }
}

// Calls function(pooled, outputs) for each window: its index and the indices of
// its four outputs of the convolution.
template <class Function>
void ForEachWindow(const ConvReluPoolShape& s, int images,
                   const Function& function) {
  const size_t width = ConvWidth(s);
  for (size_t pooled = 0; pooled < Size(images) * s.out_size(); ++pooled) {
    const size_t channel = pooled / s.windows();
    const size_t row = pooled / s.out_width() % s.out_height() * kPool;
    const size_t first = (channel * ConvHeight(s) + row) * width +
                         pooled % s.out_width() * kPool;
    function(pooled, std::array<size_t, 4>{first, first + 1, first + width,
                                           first + width + 1});
  }
}

void AddTo(Doubles* sum, const Doubles& values) {
  for (size_t i = 0; i < values.size(); ++i) (*sum)[i] += values[i];
}

void LimitMargin(const ConvReluPoolShape& s, const Doubles& sums,
                 double* margin) {
  ForEachWindow(s, 1, [&](size_t, const std::array<size_t, 4>& outputs) {
    double values[4];
    for (size_t i = 0; i < 4; ++i) values[i] = sums[outputs[i]];
    std::sort(values, values + 4);
    *margin = std::min(*margin, std::abs(values[3]));
    if (values[3] > 0.0) *margin = std::min(*margin, values[3] - values[2]);
  });
}

// Computes the dense layers and the loss of one image; returns the gradient of
// the features.
Doubles RunDense(const LenetArrays& parameters, const Doubles& features,
                 int32_t label, int batch, LenetGradient* result) {
  constexpr size_t kLayers = 3;
  const int sizes[] = {static_cast<int>(features.size()), 120, 84, 10};
  Doubles x[kLayers + 1] = {features};
  for (size_t i = 0; i < kLayers; ++i) {
    x[i + 1] = DenseForwardReference(sizes[i], sizes[i + 1], 1, x[i],
                                     parameters[2 + 2 * i],
                                     parameters[3 + 2 * i], false);
    if (i + 1 == kLayers) break;
    for (double& value : x[i + 1]) {
      result->margin = std::min(result->margin, std::abs(value));
      value = std::max(value, 0.0);
    }
  }
  const LossAndGradients loss =
      SoftmaxCrossEntropyReference(10, x[kLayers], {label}, batch);
  result->loss += loss.losses[0] / batch;
  Doubles dy = loss.gradients;
  for (size_t i = kLayers; i-- > 0;) {
    const LayerGradients layer = DenseBackwardReference(
        sizes[i], sizes[i + 1], 1, x[i], parameters[2 + 2 * i],
        i == 0 ? Doubles() : x[i], dy);
    AddTo(&result->gradients[2 + 2 * i], layer.dw);
    AddTo(&result->gradients[3 + 2 * i], layer.db);
    dy = layer.dx;
  }
  return dy;
}

}  // namespace

ConvReluPoolResult ConvReluPoolForwardReference(const ConvReluPoolShape& shape,
                                                int images, const Doubles& x,
                                                const Doubles& weights) {
  ConvReluPoolResult result = {
      Doubles(Size(images) * ConvSize(shape)),
      Doubles(Size(images) * shape.out_size()),
      std::vector<uint8_t>(Size(images) * shape.out_size())};
  ForEachTerm(shape, images, [&](size_t output, size_t weight, size_t input) {
    result.sums[output] += weights[weight] * x[input];
  });
  ForEachWindow(shape, images,
                [&](size_t pooled, const std::array<size_t, 4>& outputs) {
                  for (uint8_t place = 0; place < 4; ++place) {
                    const double sum = result.sums[outputs[place]];
                    if (sum > result.y[pooled]) {
                      result.y[pooled] = sum;
                      result.argmax[pooled] = place;
                    }
                  }
                });
  return result;
}

LayerGradients ConvReluPoolBackwardReference(const ConvReluPoolShape& shape,
                                             int images, const Doubles& x,
                                             const Doubles& weights,
                                             const Doubles& y,
                                             const std::vector<uint8_t>& argmax,
                                             const Doubles& dy) {
  LayerGradients result = {Doubles(x.size()), Doubles(weights.size()), {}};
  Doubles gradients(Size(images) * ConvSize(shape));
  ForEachWindow(shape, images,
                [&](size_t pooled, const std::array<size_t, 4>& outputs) {
                  if (y[pooled] > 0) {
                    gradients[outputs[argmax[pooled]]] = dy[pooled];
                  }
                });
  ForEachTerm(shape, images, [&](size_t output, size_t weight, size_t input) {
    result.dw[weight] += gradients[output] * x[input];
    result.dx[input] += gradients[output] * weights[weight];
  });
  return result;
}

Doubles DenseForwardReference(int in, int out, int rows, const Doubles& x,
                              const Doubles& w, const Doubles& bias,
                              bool relu) {
  Doubles y;
  for (int i = 0; i < rows * out; ++i) {
    double sum = bias.empty() ? 0.0 : bias[Size(i % out)];
    for (int k = 0; k < in; ++k) {
      sum += x[Size(i / out * in + k)] * w[Size(i % out * in + k)];
    }
    y.push_back(relu && sum < 0.0 ? 0.0 : sum);
  }
  return y;
}

LayerGradients DenseBackwardReference(int in, int out, int rows,
                                      const Doubles& x, const Doubles& w,
                                      const Doubles& relu_output,
                                      const Doubles& dy) {
  LayerGradients result = {Doubles(x.size()), Doubles(w.size()),
                           Doubles(Size(out))};
  for (int row = 0; row < rows; ++row) {
    for (int o = 0; o < out; ++o) {
      const double gradient = dy[Size(row * out + o)];
      result.db[Size(o)] += gradient;
      for (int i = 0; i < in; ++i) {
        const size_t at = Size(row * in + i);
        result.dw[Size(o * in + i)] += gradient * x[at];
        if (relu_output.empty() || relu_output[at] > 0.0) {
          result.dx[at] += gradient * w[Size(o * in + i)];
        }
      }
    }
  }
  return result;
}

// With q the sum of exp(logit - label's logit) over the other classes: loss =
// log(1 + q). Nothing is subtracted from 1.
LossAndGradients SoftmaxCrossEntropyReference(
    int classes, const Doubles& logits, const std::vector<int32_t>& labels,
    double divisor) {
  LossAndGradients result;
  for (size_t row = 0; row < labels.size(); ++row) {
    const double* const first = logits.data() + row * Size(classes);
    const int32_t label = labels[row];
    double others = 0.0;
    for (int c = 0; c < classes; ++c) {
      if (c != label) others += std::exp(first[c] - first[label]);
    }
    result.losses.push_back(std::log1p(others));
    for (int c = 0; c < classes; ++c) {
      const double term =
          c == label ? -others : std::exp(first[c] - first[label]);
      result.gradients.push_back(term / (1.0 + others) / divisor);
    }
  }
  return result;
}

LenetGradient LenetGradientReference(const TrainBatches& batches,
                                     const int32_t* order,
                                     const LenetArrays& parameters) {
  const ConvReluPoolShape conv1 = {1, batches.height, batches.width, 6};
  const ConvReluPoolShape conv2 = {6, static_cast<int>(conv1.out_height()),
                                   static_cast<int>(conv1.out_width()), 16};
  LenetGradient result = {0.0, {}, std::numeric_limits<double>::infinity()};
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result.gradients[i].resize(parameters[i].size());
  }
  for (int image = 0; image < batches.batch; ++image) {
    const size_t index = Size(order[image]);
    Doubles x;
    for (size_t i = 0; i < conv1.in_size(); ++i) {
      const uint8_t pixel = batches.images[index * conv1.in_size() + i];
      x.push_back(batches.normalize[pixel]);
    }
    const ConvReluPoolResult block1 =
        ConvReluPoolForwardReference(conv1, 1, x, parameters[0]);
    const ConvReluPoolResult block2 =
        ConvReluPoolForwardReference(conv2, 1, block1.y, parameters[1]);
    LimitMargin(conv1, block1.sums, &result.margin);
    LimitMargin(conv2, block2.sums, &result.margin);
    const Doubles d_features = RunDense(
        parameters, block2.y, batches.labels[index], batches.batch, &result);
    const LayerGradients gradients2 = ConvReluPoolBackwardReference(
        conv2, 1, block1.y, parameters[1], block2.y, block2.argmax, d_features);
    const LayerGradients gradients1 = ConvReluPoolBackwardReference(
        conv1, 1, x, parameters[0], block1.y, block1.argmax, gradients2.dx);
    AddTo(&result.gradients[0], gradients1.dw);
    AddTo(&result.gradients[1], gradients2.dw);
  }
  return result;
}

}  // namespace lenet::kernels

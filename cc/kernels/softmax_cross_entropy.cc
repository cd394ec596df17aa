#include "cc/kernels/softmax_cross_entropy.h"

#include <algorithm>
#include <cmath>

namespace lenet::kernels {
namespace {

// With m the largest logit, s the sum of exp(logit - m), r that sum without the
// term of m itself, which is 1: loss = m - logit[label] + log(1 + r), and the
// gradients are exp(logit - m) / s, less 1 at the label. There they are written
// as -(terms of the others) / s, because the difference would lose digits. In
// double precision, as float32 would round logit - m.
float Row(int classes, const float* logits, int32_t label, float divisor,
          float* gradients) {
  const float* const largest = std::max_element(logits, logits + classes);
  const double m = *largest;
  double rest = 0.0;
  for (int c = 0; c < classes; ++c) {
    const double term = std::exp(logits[c] - m);
    gradients[c] = static_cast<float>(term);
    if (logits + c != largest) rest += term;
  }
  const double others =
      logits + label == largest ? rest : 1.0 + rest - gradients[label];
  const double scale = 1.0 / ((1.0 + rest) * divisor);
  for (int c = 0; c < classes; ++c) {
    gradients[c] = static_cast<float>(gradients[c] * scale);
  }
  gradients[label] = static_cast<float>(-others * scale);
  return static_cast<float>(m - logits[label] + std::log1p(rest));
}

}  // namespace

void SoftmaxCrossEntropy(int classes, int rows, const float* logits,
                         const int32_t* labels, float divisor, float* losses,
                         float* gradients) {
  for (int row = 0; row < rows; ++row) {
    losses[row] = Row(classes, logits, labels[row], divisor, gradients);
    logits += classes;
    gradients += classes;
  }
}

}  // namespace lenet::kernels

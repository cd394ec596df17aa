#include "cc/kernels/softmax_cross_entropy_reference.h"

#include <cmath>

namespace lenet::kernels {

// Written with differences to the logit of the label, of which none is
// subtracted from 1: loss = log(1 + q), q the sum of exp(logit - label's) over
// the other classes.
void SoftmaxCrossEntropyReference(int classes, int rows, const double* logits,
                                  const int32_t* labels, double divisor,
                                  double* losses, double* gradients) {
  for (int row = 0; row < rows; ++row) {
    const double* const of_row = logits + row * classes;
    const int32_t label = labels[row];
    double others = 0.0;
    for (int c = 0; c < classes; ++c) {
      if (c != label) others += std::exp(of_row[c] - of_row[label]);
    }
    losses[row] = std::log1p(others);
    for (int c = 0; c < classes; ++c) {
      const double share =
          c == label ? -others : std::exp(of_row[c] - of_row[label]);
      gradients[row * classes + c] = share / (1.0 + others) / divisor;
    }
  }
}

}  // namespace lenet::kernels

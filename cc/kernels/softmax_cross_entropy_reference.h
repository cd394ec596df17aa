#ifndef CC_KERNELS_SOFTMAX_CROSS_ENTROPY_REFERENCE_H_
#define CC_KERNELS_SOFTMAX_CROSS_ENTROPY_REFERENCE_H_

#include <cstdint>

namespace lenet::kernels {

// What SoftmaxCrossEntropy computes, in double precision, for logits that
// differ by less than 700, for tests.
void SoftmaxCrossEntropyReference(int classes, int rows, const double* logits,
                                  const int32_t* labels, double divisor,
                                  double* losses, double* gradients);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_SOFTMAX_CROSS_ENTROPY_REFERENCE_H_

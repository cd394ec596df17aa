#ifndef CC_KERNELS_SOFTMAX_CROSS_ENTROPY_H_
#define CC_KERNELS_SOFTMAX_CROSS_ENTROPY_H_

#include <cstdint>

namespace lenet::kernels {

// The loss of a classifier: cross-entropy of the softmax of logits
// [rows, classes] with one right class per row, labels [rows] in
// 0..classes-1.
//
// losses [rows] are not divided by anything. gradients [rows, classes] are
// those of the sum of the losses / divisor; for the mean of a batch the divisor
// is the number of images in all of it. No logit overflows, small losses keep
// their digits, and a row with a NaN gives NaN.
void SoftmaxCrossEntropy(int classes, int rows, const float* logits,
                         const int32_t* labels, float divisor, float* losses,
                         float* gradients);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_SOFTMAX_CROSS_ENTROPY_H_

#ifndef CC_KERNELS_POOL2D_H_
#define CC_KERNELS_POOL2D_H_

#include <cstddef>

#include "cc/kernels/window.h"

namespace lenet::kernels {

// Pools of any size and stride without dilation, from x [planes, height.in,
// width.in] to y [planes, height.out(), width.out()]. Padding is excluded from
// the maximum, and from the mean and its count. Every output must cover at
// least one element of the input.
void MaxPool2d(const Window& window, size_t planes, const float* x, float* y);
void AveragePool2d(const Window& window, size_t planes, const float* x,
                   float* y);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_POOL2D_H_

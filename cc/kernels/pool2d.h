#ifndef CC_KERNELS_POOL2D_H_
#define CC_KERNELS_POOL2D_H_

#include <cstddef>

#include "cc/kernels/window.h"

// Pools of any size and stride, without dilation. What lies in the padding is
// left out: of the maximum, and of the mean and its count.

namespace lenet::kernels {

// Each of `planes` planes x [height.in, width.in] to y [height.out(),
// width.out()]. Every output must see at least one element of the input.
void MaxPool2d(const Window& window, size_t planes, const float* x, float* y);
void AveragePool2d(const Window& window, size_t planes, const float* x,
                   float* y);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_POOL2D_H_

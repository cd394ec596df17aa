#ifndef CC_KERNELS_CONV_RELU_POOL_REFERENCE_H_
#define CC_KERNELS_CONV_RELU_POOL_REFERENCE_H_

#include <cstdint>

#include "cc/kernels/conv_relu_pool.h"

namespace lenet::kernels {

// What the functions of conv_relu_pool.h compute, in double precision, term by
// term and in plain loops, for tests. Arrays as there.

// sums: what the convolution gives [images, out_channels, in_height - 4,
// in_width - 4].
void ConvReluPoolForwardReference(const ConvReluPoolShape& shape,
                                  const double* weights, int images,
                                  const double* x, double* sums, double* y,
                                  uint8_t* argmax);

void ConvReluPoolBackwardReference(const ConvReluPoolShape& shape,
                                   const double* weights, int images,
                                   const double* x, const double* y,
                                   const uint8_t* argmax, const double* dy,
                                   double* dx, double* dw);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_CONV_RELU_POOL_REFERENCE_H_

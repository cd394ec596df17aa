#ifndef CC_KERNELS_CONV_RELU_POOL_DENSE_H_
#define CC_KERNELS_CONV_RELU_POOL_DENSE_H_

#include <cstddef>
#include <cstdint>

#include "cc/kernels/conv_relu_pool.h"

namespace lenet::kernels {

// Gradients of one image term by term, with the products by zero that the fast
// way leaves out: for numbers that are not all finite, where they count.
// gradients: memory for one channel of the convolution's output.
// dw: [out_channels, 5, dw_row_size], in each row [5, in_channels]; added to.
void DenseGradients(const ConvReluPoolShape& shape, const float* weights,
                    const float* x, const float* y, const uint8_t* argmax,
                    const float* dy, float* gradients, float* dx, float* dw,
                    size_t dw_row_size);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_CONV_RELU_POOL_DENSE_H_

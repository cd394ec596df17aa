#ifndef CC_KERNELS_ELEMENTWISE_H_
#define CC_KERNELS_ELEMENTWISE_H_

#include <cstddef>

namespace lenet::kernels {

// y = max(x, 0), where NaN stays; y may be x.
void Relu(size_t count, const float* x, float* y);

// y = a + b, and with `relu` max(a + b, 0); y may be a or b.
void Add(size_t count, const float* a, const float* b, bool relu, float* y);

// The same with one number for b.
void AddScalar(size_t count, const float* a, float b, bool relu, float* y);

// Softmax over the middle axis of x [outer, axis, inner]; y may be x.
// y = exp(x - m) / sum(exp(x - m)), m the maximum of x.
void Softmax(size_t outer, size_t axis, size_t inner, const float* x, float* y);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_ELEMENTWISE_H_

#ifndef CC_KERNELS_ELEMENTWISE_H_
#define CC_KERNELS_ELEMENTWISE_H_

#include <cstddef>

namespace lenet::kernels {

// y = max(x, 0); NaN stays NaN. y may be x.
void Relu(size_t count, const float* x, float* y);

// y = a + b, or max(a + b, 0) with `relu`. y may be a or b.
void Add(size_t count, const float* a, const float* b, bool relu, float* y);

// Add with one number b for all elements.
void AddScalar(size_t count, const float* a, float b, bool relu, float* y);

// Softmax over the middle axis of x [outer, axis, inner]:
// y = exp(x - m) / sum(exp(x - m)) with m = max(x), or its logarithm with
// `log`. y may be x.
void Softmax(size_t outer, size_t axis, size_t inner, bool log, const float* x,
             float* y);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_ELEMENTWISE_H_

#ifndef CC_KERNELS_LINEAR_H_
#define CC_KERNELS_LINEAR_H_

#include <cstddef>
#include <vector>

namespace lenet::kernels {

// Dense layer for inference: y = x * weights + bias, with constant weights that
// are packed once in the order in which they are read.
class Linear {
 public:
  // weights: [out, in], or [in, out] without `out_first`. bias: [out] or null.
  // Both are copied.
  Linear(size_t in, size_t out, const float* weights, bool out_first,
         const float* bias);

  // Computes y [rows, out] of x [rows, in], which must not overlap. With `relu`
  // negative results become 0; NaN stays NaN.
  void Run(size_t rows, const float* x, bool relu, float* y) const;

 private:
  size_t in_;
  size_t out_;
  // Panels of two vectors of outputs: the biases, then the weights
  // [in, 2 vectors].
  std::vector<float> packed_;
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_LINEAR_H_

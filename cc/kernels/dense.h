#ifndef CC_KERNELS_DENSE_H_
#define CC_KERNELS_DENSE_H_

#include <cstddef>
#include <vector>

// Dense layers. Arrays are float32, row-major, of any size and alignment:
// x [rows, in], weights w [out, in], bias [out], y [rows, out], as in
// MindSpore. An element of a result depends only on its own row and column.

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

// The functions below are for training, where weights change in each step.

// Computes y = x w^T + bias, then max(y, 0) with `relu` (NaN stays NaN). A null
// `bias` means zero.
void DenseForward(int in, int out, int rows, const float* x, const float* w,
                  const float* bias, bool relu, float* y);

// Computes the gradient dx = dy w. If x is the output of a ReLU, pass it as
// `relu_output` [rows, in]: dx is 0 where it is not positive. Otherwise pass
// null.
void DenseBackwardInput(int in, int out, int rows, const float* dy,
                        const float* w, const float* relu_output, float* dx);

// Computes the gradients dw = dy^T x [out, in] and db [out], the sum of the
// rows of dy in order. Rows of dy are `dy_stride` floats apart (at least
// `out`), so a caller can process a part of the outputs: dy + first output.
void DenseBackwardWeights(int in, int out, int rows, const float* x,
                          const float* dy, int dy_stride, float* dw, float* db);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_DENSE_H_

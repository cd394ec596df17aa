#ifndef CC_KERNELS_DENSE_H_
#define CC_KERNELS_DENSE_H_

// Dense layers for training, where weights change in each step; linear.h is
// for constant weights. Arrays are float32, row-major, of any size and
// alignment: x [rows, in], weights w [out, in], bias [out], y [rows, out], as
// in MindSpore. An element of a result depends only on its own row and column.

namespace lenet::kernels {

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

#ifndef CC_KERNELS_DENSE_H_
#define CC_KERNELS_DENSE_H_

// Dense layers in MindSpore's layouts: x [rows, in], weights w [out, in],
// bias [out], y [rows, out], all float32, row by row, of any size and any
// alignment. Nothing outside the arrays is read. A result depends on its own
// row and column only, not on how many there are beside it. For training, where
// the weights change each step; linear.h is for weights that stay.

namespace lenet::kernels {

// y = x w^T + bias, then max(y, 0) if `relu` (NaN stays NaN). A null `bias` is
// zero.
void DenseForward(int in, int out, int rows, const float* x, const float* w,
                  const float* bias, bool relu, float* y);

// The gradient of x from that of y: dx = dy w. If x is itself the output of a
// ReLU, give it as `relu_output` [rows, in] to have dx zero wherever that is
// not positive; else null.
void DenseBackwardInput(int in, int out, int rows, const float* dy,
                        const float* w, const float* relu_output, float* dx);

// The gradients of w and bias: dw = dy^T x [out, in], db [out] the sum of the
// rows of dy. They are overwritten. Rows are added in their order. Consecutive
// rows of dy lie `dy_stride` floats apart (at least `out`), so that a part of
// the outputs can be asked for: dy + o, out - o, and the same dy_stride.
void DenseBackwardWeights(int in, int out, int rows, const float* x,
                          const float* dy, int dy_stride, float* dw, float* db);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_DENSE_H_

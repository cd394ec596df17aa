#ifndef CC_KERNELS_DENSE_REFERENCE_H_
#define CC_KERNELS_DENSE_REFERENCE_H_

namespace lenet::kernels {

// What the functions of dense.h compute, in double precision and plain loops,
// for tests.
void DenseForwardReference(int in, int out, int rows, const double* x,
                           const double* w, const double* bias, bool relu,
                           double* y);
void DenseBackwardInputReference(int in, int out, int rows, const double* dy,
                                 const double* w, const double* relu_output,
                                 double* dx);
void DenseBackwardWeightsReference(int in, int out, int rows, const double* x,
                                   const double* dy, int dy_stride, double* dw,
                                   double* db);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_DENSE_REFERENCE_H_

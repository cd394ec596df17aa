#include "cc/kernels/dense_reference.h"

namespace lenet::kernels {

void DenseForwardReference(int in, int out, int rows, const double* x,
                           const double* w, const double* bias, bool relu,
                           double* y) {
  for (int r = 0; r < rows; ++r) {
    for (int o = 0; o < out; ++o) {
      double sum = bias == nullptr ? 0.0 : bias[o];
      for (int i = 0; i < in; ++i) sum += x[r * in + i] * w[o * in + i];
      y[r * out + o] = relu && sum < 0.0 ? 0.0 : sum;
    }
  }
}

void DenseBackwardInputReference(int in, int out, int rows, const double* dy,
                                 const double* w, const double* relu_output,
                                 double* dx) {
  for (int r = 0; r < rows; ++r) {
    for (int i = 0; i < in; ++i) {
      double sum = 0.0;
      for (int o = 0; o < out; ++o) sum += dy[r * out + o] * w[o * in + i];
      const int at = r * in + i;
      dx[at] = relu_output == nullptr || relu_output[at] > 0.0 ? sum : 0.0;
    }
  }
}

void DenseBackwardWeightsReference(int in, int out, int rows, const double* x,
                                   const double* dy, int dy_stride, double* dw,
                                   double* db) {
  for (int o = 0; o < out; ++o) {
    db[o] = 0.0;
    for (int r = 0; r < rows; ++r) db[o] += dy[r * dy_stride + o];
    for (int i = 0; i < in; ++i) {
      double sum = 0.0;
      for (int r = 0; r < rows; ++r) {
        sum += dy[r * dy_stride + o] * x[r * in + i];
      }
      dw[o * in + i] = sum;
    }
  }
}

}  // namespace lenet::kernels

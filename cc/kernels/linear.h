#ifndef CC_KERNELS_LINEAR_H_
#define CC_KERNELS_LINEAR_H_

#include <cstddef>
#include <vector>

namespace lenet::kernels {

// A dense layer for inference: y = x * weights + bias, with weights that never
// change and so are laid out once, in the order in which they are read.
class Linear {
 public:
  // `weights` [out, in], or [in, out] if not `out_first`; `bias` [out], or
  // null. Neither is kept.
  Linear(size_t in, size_t out, const float* weights, bool out_first,
         const float* bias);

  // x [rows, in] to y [rows, out], which must not overlap. `relu`: negative
  // results become 0, NaN stays.
  void Run(size_t rows, const float* x, bool relu, float* y) const;

 private:
  size_t in_;
  size_t out_;
  // Panels of outputs, as many as fill two vectors: [in][panel] and, before
  // that, the biases [panel].
  std::vector<float> packed_;
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_LINEAR_H_

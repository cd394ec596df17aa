#ifndef CC_KERNELS_CONV2D_H_
#define CC_KERNELS_CONV2D_H_

#include <cstddef>
#include <vector>

#include "cc/kernels/window.h"

namespace lenet::kernels {

struct Conv2dShape {
  int in_channels;   // a multiple of groups
  int out_channels;  // a multiple of groups
  int groups;
  Window window;

  size_t in_size() const {
    return static_cast<size_t>(in_channels) * window.in_size();
  }
  size_t out_size() const {
    return static_cast<size_t>(out_channels) * window.out_size();
  }
};

// Convolution of any kernel size, stride, dilation, zero padding and groups,
// with constant weights that are packed once.
class Conv2d {
 public:
  // weights: [out_channels, in_channels / groups, kernel height, kernel width].
  // bias: [out_channels] or null. Both are copied.
  Conv2d(const Conv2dShape& shape, const float* weights, const float* bias);

  // Returns the number of floats of scratch memory that Run needs.
  size_t scratch_size() const;

  // Computes y [out_channels, height, width] of one image x [in_channels,
  // height, width]; x and y must not overlap. With `relu` negative results
  // become 0; NaN stays NaN.
  void Run(const float* x, bool relu, float* y, float* scratch) const;

 private:
  Conv2dShape shape_;
  std::vector<float> packed_;  // blocks of 4 output channels: [inputs, taps, 4]
  std::vector<float> bias_;    // for whole blocks
  std::vector<size_t> offsets_;
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_CONV2D_H_

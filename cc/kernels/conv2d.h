#ifndef CC_KERNELS_CONV2D_H_
#define CC_KERNELS_CONV2D_H_

#include <cstddef>
#include <vector>

#include "cc/kernels/window.h"

// Convolution of any size, stride, dilation, padding with zeros, and groups.

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

// Weights and shape, made ready once.
class Conv2d {
 public:
  // `weights` [out_channels, in_channels / groups, kernel height, width];
  // `bias` [out_channels], or null. Neither is kept.
  Conv2d(const Conv2dShape& shape, const float* weights, const float* bias);

  // Floats of scratch memory that Run needs.
  size_t scratch_size() const;

  // One image: x [in_channels, height, width] to y [out_channels, ...], which
  // must not overlap. `relu`: negative results become 0, NaN stays.
  void Run(const float* x, bool relu, float* y, float* scratch) const;

 private:
  Conv2dShape shape_;
  std::vector<float> packed_;  // blocks of 4 output channels, see conv2d.cc
  std::vector<float> bias_;    // a whole number of blocks
  std::vector<size_t> offsets_;
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_CONV2D_H_

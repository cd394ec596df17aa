#ifndef CC_KERNELS_CONV_RELU_POOL_SIZES_H_
#define CC_KERNELS_CONV_RELU_POOL_SIZES_H_

#include <cstddef>

#include "cc/kernels/conv_relu_pool.h"

namespace lenet::kernels {

// Taps of the kernel per input channel.
constexpr size_t kTaps = size_t{kConvKernel} * kConvKernel;

// Rows and columns of the input that a pooling window depends on.
constexpr size_t kPatch = size_t{kConvKernel} + kPool - 1;

// A ConvReluPoolShape in size_t.
struct ConvReluPoolSizes {
  explicit ConvReluPoolSizes(const ConvReluPoolShape& s)
      : in_channels(static_cast<size_t>(s.in_channels)),
        in_height(static_cast<size_t>(s.in_height)),
        in_width(static_cast<size_t>(s.in_width)),
        out_channels(static_cast<size_t>(s.out_channels)),
        out_height(static_cast<size_t>(s.out_height())),
        out_width(static_cast<size_t>(s.out_width())) {}

  size_t pixels() const { return in_height * in_width; }
  size_t windows() const { return out_height * out_width; }
  size_t taps() const { return in_channels * kTaps; }

  size_t in_channels;
  size_t in_height;
  size_t in_width;
  size_t out_channels;
  size_t out_height;
  size_t out_width;
};

constexpr size_t RoundUp(size_t n, size_t to) { return (n + to - 1) / to * to; }

}  // namespace lenet::kernels

#endif  // CC_KERNELS_CONV_RELU_POOL_SIZES_H_

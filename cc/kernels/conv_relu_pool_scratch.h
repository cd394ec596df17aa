#ifndef CC_KERNELS_CONV_RELU_POOL_SCRATCH_H_
#define CC_KERNELS_CONV_RELU_POOL_SCRATCH_H_

#include <cstddef>
#include <cstdint>

#include "cc/kernels/conv_relu_pool_sizes.h"

namespace lenet::kernels {

// Floats from one place where the longest vector may be stored to the next.
constexpr size_t kScratchAlignment = 16;

// Parts of the scratch memory of ConvReluPoolBackward. Each starts where a
// vector may, and may be read and written up to a vector behind its end.
struct ConvReluPoolScratch {
  // row_size: of rows of the weights. With memory == nullptr only `size` means
  // something.
  ConvReluPoolScratch(const ConvReluPoolSizes& s, size_t row_size,
                      float* memory);

  size_t size;         // floats that `memory` must have
  float* x;            // [in_height, in_width, in_channels]
  float* dx;           // like x
  float* dw;           // [out_channels, 5, row_size]
  float* weights;      // [out_channels][zeros, 5 rows][row_size], zeros
  float* taps;         // weights of a channel: [5, 5, in_channels]
  float* gradients;    // dense: [in_height - 4, in_width - 4]
  float* values;       // items of each channel [out_channels, windows]
  float* dx_values;    // items of each half window [windows, 2, out_channels]
  int32_t* places;     // of the items: 4 * window + place in it
  int32_t* dx_rows;    // of the items: where in `weights` their rows start
  int32_t* counts;     // items of each channel
  int32_t* dx_counts;  // items of each half window
  int32_t* offsets;    // where in `x` the patch of a place starts
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_CONV_RELU_POOL_SCRATCH_H_

#ifndef CC_KERNELS_CONV_RELU_POOL_H_
#define CC_KERNELS_CONV_RELU_POOL_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

// A block of LeNet as one kernel: convolution 5x5 (stride 1, no padding, no
// bias), ReLU, max-pool 2x2 (stride 2).
//
// Results depend only on the arguments and on the instruction set of the CPU.
// Arrays need no alignment beyond their type; packed weights and scratch memory
// are fastest when aligned to 64 bytes.
//
// NaN and infinity: ReLU turns NaN into 0, as in MindSpore on the CPU. With
// values that are not finite, gradients are unspecified.

namespace lenet::kernels {

constexpr int kConvKernel = 5;
constexpr int kPool = 2;

// Taps per input channel, and rows and columns of the input per pooling window.
constexpr size_t kTaps = size_t{kConvKernel} * kConvKernel;
constexpr size_t kPatch = size_t{kConvKernel} + kPool - 1;

struct ConvReluPoolShape {
  constexpr ConvReluPoolShape() = default;
  constexpr ConvReluPoolShape(int channels, int height, int width, int outputs)
      : in_channels(static_cast<size_t>(channels)),
        in_height(static_cast<size_t>(height)),
        in_width(static_cast<size_t>(width)),
        out_channels(static_cast<size_t>(outputs)) {}

  // Size of the pooled output. As in MindSpore, an odd last row or column of
  // the convolution is dropped.
  size_t out_height() const { return (in_height - kConvKernel + 1) / kPool; }
  size_t out_width() const { return (in_width - kConvKernel + 1) / kPool; }

  size_t pixels() const { return in_height * in_width; }
  size_t windows() const { return out_height() * out_width(); }
  size_t taps() const { return in_channels * kTaps; }
  size_t in_size() const { return in_channels * pixels(); }
  size_t out_size() const { return out_channels * windows(); }
  size_t weight_size() const { return out_channels * taps(); }

  size_t in_channels = 0;
  size_t in_height = 0;  // at least 6
  size_t in_width = 0;   // at least 6
  size_t out_channels = 0;
};

// Packs weights [out_channels, in_channels, 5, 5] into the layout of the
// forward kernel for this CPU: `packed` has PackedConvWeightsSize(shape)
// floats.
size_t PackedConvWeightsSize(const ConvReluPoolShape& shape);
void PackConvWeights(const ConvReluPoolShape& shape, const float* weights,
                     float* packed);

// Return the number of floats of scratch memory that a call of Forward, of
// Backward, or of either needs.
size_t ConvReluPoolForwardScratchSize(const ConvReluPoolShape& shape);
size_t ConvReluPoolBackwardScratchSize(const ConvReluPoolShape& shape);
inline size_t ConvReluPoolScratchSize(const ConvReluPoolShape& shape) {
  return std::max(ConvReluPoolForwardScratchSize(shape),
                  ConvReluPoolBackwardScratchSize(shape));
}

// Computes y [images, out_channels, out_height, out_width] of x [images,
// in_channels, in_height, in_width]. `argmax`, of the shape of y, receives the
// position 0..3 (row-major) of each maximum within its window, the first one
// among equals after ReLU. Null: not computed.
void ConvReluPoolForward(const ConvReluPoolShape& shape, const float* packed,
                         int images, const float* x, float* y, uint8_t* argmax,
                         float* scratch);

// Packs weights into the layout of the backward kernel for this CPU: `rows` has
// ConvRowsSize(shape) floats.
size_t ConvRowsSize(const ConvReluPoolShape& shape);
void PackConvRows(const ConvReluPoolShape& shape, const float* weights,
                  float* rows);

// Computes the gradients `dx`, of the shape of x (null: not computed), and
// `d_rows`, that of the weights summed over the images in order, from `dy`, of
// the shape of y. `rows` are the packed weights (not read if dx is null); `y`
// and `argmax` are results of Forward.
void ConvReluPoolBackward(const ConvReluPoolShape& shape, const float* rows,
                          int images, const float* x, const float* y,
                          const uint8_t* argmax, const float* dy, float* dx,
                          float* d_rows, float* scratch);

// Adds d_rows [parts, ConvRowsSize(shape)], in order, and writes the sum to
// `dw` [out_channels, in_channels, 5, 5]. Changes d_rows. At least one part.
void SumConvRows(const ConvReluPoolShape& shape, int parts, float* d_rows,
                 float* dw);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_CONV_RELU_POOL_H_

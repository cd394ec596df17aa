#ifndef CC_KERNELS_CONV_RELU_POOL_H_
#define CC_KERNELS_CONV_RELU_POOL_H_

#include <cstddef>
#include <cstdint>

// A block of LeNet as one kernel: convolution 5x5 (stride 1, no padding, no
// bias), ReLU, max-pool 2x2 (stride 2).
//
// Results depend on the numbers given and on the instruction set that the CPU
// has, on nothing else: not on addresses, nor on what scratch memory held. No
// array need be aligned beyond its type; for speed align `packed` and scratch
// memory to 64 bytes.
//
// Not finite numbers go where they go in MindSpore 2.10 on CPU (tried): ReLU is
// z > 0 ? z : 0, which makes 0 of NaN, so y is never NaN; a gradient passes
// where y > 0, whatever it is, and becomes 0 elsewhere; the gradients of the
// convolution are sums over all its outputs, those without a gradient included,
// so that a NaN or an infinity in x is in dw, and one in the weights in dx,
// even times 0. Images with such numbers take a slow way.

namespace lenet::kernels {

constexpr int kConvKernel = 5;
constexpr int kPool = 2;

struct ConvReluPoolShape {
  int in_channels;
  int in_height;  // at least 6, as in_width
  int in_width;
  int out_channels;

  // Of the pooled output. As in MindSpore a last odd row or column of the
  // convolution is left out.
  int out_height() const { return (in_height - kConvKernel + 1) / kPool; }
  int out_width() const { return (in_width - kConvKernel + 1) / kPool; }
  size_t in_size() const {
    return static_cast<size_t>(in_channels) * static_cast<size_t>(in_height) *
           static_cast<size_t>(in_width);
  }
  size_t out_size() const {
    return static_cast<size_t>(out_channels) *
           static_cast<size_t>(out_height()) * static_cast<size_t>(out_width());
  }
  size_t weight_size() const {
    return static_cast<size_t>(out_channels) *
           static_cast<size_t>(in_channels) * kConvKernel * kConvKernel;
  }
};

// Weights as the forward kernel of this CPU reads them. `packed` has
// PackedConvWeightsSize(shape) floats, which mean something in this process
// only. Pack again when the weights change.
size_t PackedConvWeightsSize(const ConvReluPoolShape& shape);
void PackConvWeights(const ConvReluPoolShape& shape, const float* weights,
                     float* packed);

// Floats of scratch memory that one call of Forward, of Backward, or of either
// needs.
size_t ConvReluPoolForwardScratchSize(const ConvReluPoolShape& shape);
size_t ConvReluPoolBackwardScratchSize(const ConvReluPoolShape& shape);
inline size_t ConvReluPoolScratchSize(const ConvReluPoolShape& shape) {
  const size_t forward = ConvReluPoolForwardScratchSize(shape);
  const size_t backward = ConvReluPoolBackwardScratchSize(shape);
  return forward > backward ? forward : backward;
}

// For each of `images` images: x [in_channels, in_height, in_width] to
// y [out_channels, out_height, out_width]. `argmax`, of the shape of y, says
// which of the four (0..3, row by row, the first of equals after ReLU) was the
// maximum; null where no gradient is wanted.
void ConvReluPoolForward(const ConvReluPoolShape& shape, const float* packed,
                         int images, const float* x, float* y, uint8_t* argmax,
                         float* scratch);

// Gradients, from those of y: `dx` like x (null: not wanted), and `dw`
// [out_channels, in_channels, 5, 5], summed over the images in their order and
// overwritten. `weights` as MindSpore has them, `y` and `argmax` as Forward
// gave them.
void ConvReluPoolBackward(const ConvReluPoolShape& shape, const float* weights,
                          int images, const float* x, const float* y,
                          const uint8_t* argmax, const float* dy, float* dx,
                          float* dw, float* scratch);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_CONV_RELU_POOL_H_

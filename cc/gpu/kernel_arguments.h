#ifndef CC_GPU_KERNEL_ARGUMENTS_H_
#define CC_GPU_KERNEL_ARGUMENTS_H_

// Arguments and memory layout of the kernels in lenet_kernel.inc, shared by
// the host and the device. NVRTC compiles this file too.

#ifdef __CUDACC_RTC__
#define LENET_HOST_DEVICE __host__ __device__
#else
#include <cstddef>
#define LENET_HOST_DEVICE
#endif

namespace lenet {
namespace gpu {

// Pointers are device memory, aligned to 16 bytes.
struct TrainArguments {
  const unsigned char* images;  // pixels [count, height, width]
  const int* labels;            // [count], 0..9
  const float* normalize;       // [256], input of the network per pixel value
  const int* order;             // [steps, batch], valid indices into images
  const float* optimizers;      // [steps, 2]: learning rate, momentum
  float* parameters;            // the arrays of LenetParameters, the first
  float* moments;               // element of array i at ParameterOffset(i)
  float* losses;                // [steps], mean loss before each update
  float* workspace;             // [WorkspaceFloats()], any content
  unsigned* barrier;            // zeroed by the host before each launch
  int steps;
  int batch;
};

struct ForwardArguments {
  const unsigned char* images;
  const float* normalize;
  const float* parameters;
  float* logits;  // [count, 10]
  int count;
};

// How a card runs the kernels. Each member is a macro of the kernels' source:
// LENET_HEIGHT, LENET_WIDTH, LENET_CLUSTER and so on.
struct Config {
  int height;
  int width;
  // Blocks that share an image: a thread-block cluster (compute capability 9.0)
  // or one.
  int cluster;
  // 1: each block holds its weights of the dense layers in shared memory.
  int staged;
  // Channels of the gradient of conv2 that are expanded at a time, a divisor of
  // 16, and groups of them whose input gradients separate threads sum, a
  // divisor of `planes`.
  int planes;
  int groups;
};

constexpr int kThreads = 512;  // per block
constexpr int kClasses = 10;
constexpr int kChannels1 = 6;
constexpr int kChannels2 = 16;
constexpr int kTaps = 25;
constexpr int kPaddedTaps = 28;  // seven vectors of four floats
constexpr int kDense1 = 120;
constexpr int kDense2 = 84;
constexpr int kArrays = 8;
constexpr int kKernel1 = kChannels1 * kTaps;               // weights of conv1
constexpr int kKernel2 = kChannels2 * kChannels1 * kTaps;  // weights of conv2
// Rows of 5 weights.
constexpr int kRows1 = kChannels1 * 5;
constexpr int kRowsPerChannel2 = kChannels1 * 5;
// Images whose activations and gradients an update adds at a time.
constexpr int kChunk = 32;
// Inputs and outputs of a dense layer, and weights of a convolution, that a
// block updates at a time.
constexpr int kTileIn = 52;
constexpr int kTileOut = 12;
constexpr int kTileConv1 = 50;
constexpr int kTileConv2 = 150;

constexpr LENET_HOST_DEVICE int RoundUp(int value, int multiple) {
  return (value + multiple - 1) / multiple * multiple;
}

constexpr LENET_HOST_DEVICE int Larger(int a, int b) { return a > b ? a : b; }

constexpr LENET_HOST_DEVICE int Pooled(int side) { return (side - 4) / 2; }

// Outputs of the convolutions, 400 for 32x32 images.
constexpr LENET_HOST_DEVICE int Features(int height, int width) {
  return kChannels2 * Pooled(Pooled(height)) * Pooled(Pooled(width));
}

constexpr LENET_HOST_DEVICE int ParameterSize(int array, int features) {
  return array == 0   ? kKernel1
         : array == 1 ? kKernel2
         : array == 2 ? kDense1 * features
         : array == 3 ? kDense1
         : array == 4 ? kDense2 * kDense1
         : array == 5 ? kDense2
         : array == 6 ? kClasses * kDense2
                      : kClasses;
}

// Returns where array `array` of LenetParameters starts in `parameters` and
// `moments`, a multiple of four floats; for kArrays, the size of all.
constexpr LENET_HOST_DEVICE int ParameterOffset(int array, int features) {
  return array == 0 ? 0
                    : ParameterOffset(array - 1, features) +
                          RoundUp(ParameterSize(array - 1, features), 4);
}

// Sizes and the layout of a block's shared memory; offsets are in floats.
//
// The windows of the first pooling are grouped in tiles of 2x4. Block `rank` of
// a cluster owns tiles rank * own_tiles and following, in all channels.
struct Layout {
  int pool_height, pool_width;  // output of the first pooling
  int windows;                  // of the second pooling, per channel
  int features;
  int tiles_x, tiles;
  int own_tiles, own_windows;  // per channel
  int own_channels;            // of conv2
  int own_dense1;              // outputs of the first dense layer
  // Row lengths and channel sizes; `copy` is a second one of the first pooling.
  int image_stride, pool_stride, copy_stride, copy_size;
  int plane_stride, plane_size;
  // Groups of input channels of conv2 that separate threads sum; rows of
  // weights of own_channels; threads per row of weight gradients of conv1 and
  // conv2.
  int splits2, rows2, parts1, parts2;

  // Valid from step to step. `table` is TrainArguments::normalize; `planes` are
  // gradients of conv2, each with a border of zeros.
  int image, table, planes, label;
  // Valid within a step; an update uses the same memory from `kernel1` on.
  int kernel1, kernel2, biases;
  int dense1_weights, dense2_weights, dense3_weights;  // if staged
  int pool, pool_copy;
  // Bytes: position 0..3 of each maximum, kDead if it is 0.
  int pool_codes, feature_codes;
  int feature_values;
  int feature_partials;  // gradients, sums over own_dense1
  int winners;           // pairs: gradient, offset of its input in pool_copy
  int dense1, dense2, logits, terms;
  int d_logits, d_dense2, d_dense1, d_pool;
  int scratch, scratch2;  // scratch2 is used in the same phase
  int floats;
};

constexpr int kUpdateFloats = (kChunk + 4) * (kTileIn + kTileOut);

// Returns the offset of an array of `count` floats and moves `end` beyond it.
constexpr LENET_HOST_DEVICE int Take(int* end, int count) {
  const int offset = *end;
  *end += RoundUp(count, 4);
  return offset;
}

constexpr LENET_HOST_DEVICE Layout MakeLayout(const Config& c) {
  Layout l = {};
  const bool is_shared = c.cluster > 1;
  const bool is_lean = c.planes < kChannels2;
  l.pool_height = Pooled(c.height);
  l.pool_width = Pooled(c.width);
  l.windows = Pooled(l.pool_height) * Pooled(l.pool_width);
  l.features = kChannels2 * l.windows;
  l.tiles_x = (l.pool_width + 3) / 4;
  const int tiles_y = (l.pool_height + 1) / 2;
  l.tiles = l.tiles_x * tiles_y;
  l.own_tiles = (l.tiles + c.cluster - 1) / c.cluster;
  l.own_windows = 8 * l.own_tiles;
  l.own_channels = kChannels2 / c.cluster;
  l.own_dense1 = kDense1 / c.cluster;
  // With clusters, memory is ample, so rows are padded: the threads of a
  // half-warp, which read pairs of floats, then access different banks.
  l.image_stride = RoundUp(c.width + 8, 16) - 8;
  l.pool_stride = is_shared ? RoundUp(l.pool_width + 10, 16) - 10
                            : RoundUp(l.pool_width, 2);
  l.copy_stride = is_shared ? RoundUp(l.pool_width, 32) + 1 : l.pool_stride;
  l.copy_size = is_shared ? RoundUp(l.pool_height * l.copy_stride, 32) + 5
                          : l.pool_height * l.pool_stride;
  l.plane_stride = 4 * l.tiles_x + 4;
  if (is_shared) l.plane_stride = RoundUp(l.plane_stride + 8, 16) - 8;
  l.plane_size = (2 * tiles_y + 4) * l.plane_stride + 2;
  l.splits2 = is_shared ? 6 : is_lean ? 1 : 2;
  l.rows2 = l.own_channels * kRowsPerChannel2;
  l.parts2 = is_shared ? 2 : 1;
  l.parts1 = is_lean ? 8 : 16;

  const int own_features = l.own_channels * l.windows;
  const int d_pool_sums = c.groups * kChannels1 * l.own_windows;
  const int scratch_floats =
      Larger(Larger(4 * l.splits2 * own_features, kThreads),
             Larger(d_pool_sums + (l.parts2 > 1 ? l.parts2 * l.rows2 * 5 : 0),
                    l.parts1 * kKernel1));
  int end = 0;
  l.image = Take(&end, c.height * l.image_stride);
  l.table = Take(&end, 256);
  l.planes = Take(&end, c.planes * l.plane_size);
  l.label = Take(&end, 1);
  l.kernel1 = Take(&end, kChannels1 * kPaddedTaps);
  l.kernel2 = Take(&end, kChannels2 * kChannels1 * kPaddedTaps);
  l.biases = Take(&end, kDense1 + kDense2 + kClasses);
  l.dense1_weights = Take(&end, c.staged * l.own_dense1 * l.features);
  l.dense2_weights = Take(&end, c.staged * kDense2 * kDense1);
  l.dense3_weights = Take(&end, c.staged * kClasses * kDense2);
  l.pool = Take(&end, kChannels1 * l.pool_height * l.pool_stride);
  l.pool_copy = is_shared ? Take(&end, kChannels1 * l.copy_size) : l.pool;
  l.pool_codes = Take(&end, (kChannels1 * l.own_windows + 3) / 4);
  l.feature_values = Take(&end, l.features);
  l.feature_codes = Take(&end, (l.features + 3) / 4);
  l.feature_partials = Take(&end, l.features);
  l.winners = Take(&end, 2 * l.features);
  l.dense1 = Take(&end, kDense1);
  l.dense2 = Take(&end, kDense2);
  l.logits = Take(&end, kClasses);
  l.terms = Take(&end, kClasses);
  l.d_logits = Take(&end, kClasses + 1);  // and the loss
  l.d_dense2 = Take(&end, kDense2);
  l.d_dense1 = Take(&end, l.own_dense1);
  l.d_pool = Take(&end, kChannels1 * l.own_windows);
  l.scratch = Take(&end, scratch_floats);
  l.scratch2 = l.scratch + d_pool_sums;
  end = Larger(end, l.kernel1 + kUpdateFloats);
  l.floats = end;
  return l;
}

// Arrays of TrainArguments::workspace, one row per image; offsets are in
// floats.
struct Workspace {
  size_t features, dense1, dense2;  // inputs of the dense layers
  size_t d_dense1, d_dense2;        // gradients of their outputs
  size_t d_logits;   // [batch, kTileOut], with the loss / batch at kClasses
  size_t d_kernel1;  // [batch, cluster, 6, 1, 5, 5]
  size_t d_kernel2;  // [batch, 16, 6, 5, 5]
  size_t floats;
};

constexpr LENET_HOST_DEVICE Workspace MakeWorkspace(const Config& c,
                                                    int batch) {
  Workspace w = {};
  const size_t images = static_cast<size_t>(batch);
  w.dense1 = images * static_cast<size_t>(Features(c.height, c.width));
  w.dense2 = w.dense1 + images * kDense1;
  w.d_dense1 = w.dense2 + images * kDense2;
  w.d_dense2 = w.d_dense1 + images * kDense1;
  w.d_logits = w.d_dense2 + images * kDense2;
  w.d_kernel1 = w.d_logits + images * kTileOut;
  w.d_kernel2 =
      w.d_kernel1 + images * static_cast<size_t>(c.cluster) * kKernel1;
  w.floats = w.d_kernel2 + images * kKernel2;
  return w;
}

}  // namespace gpu
}  // namespace lenet

#endif  // CC_GPU_KERNEL_ARGUMENTS_H_

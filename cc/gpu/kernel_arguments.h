#ifndef CC_GPU_KERNEL_ARGUMENTS_H_
#define CC_GPU_KERNEL_ARGUMENTS_H_

// Arguments and memory layout of the kernels in lenet_kernel.inc, shared by
// the host and the device. NVRTC compiles this file too, so it includes
// nothing.

#ifdef __CUDACC_RTC__
#define LENET_HOST_DEVICE __host__ __device__
#else
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

// How a card runs the kernels. Each member is a macro of the kernel's source,
// LENET_HEIGHT for `height` and so on.
struct Config {
  int height;
  int width;
  // Blocks that share an image: a thread-block cluster of compute capability
  // 9.0, or one.
  int cluster;
  // 1: each block holds its weights of the dense layers in shared memory.
  int staged;
  // Channels of the gradient of conv2 that are expanded at a time, and groups
  // of them whose input gradients are summed by separate threads. Divides 16;
  // `groups` divides `planes`.
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
// Images per row chunk of the arrays that wait for an update.
constexpr int kChunk = 32;

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
  return array == 0   ? kChannels1 * kTaps
         : array == 1 ? kChannels2 * kChannels1 * kTaps
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

}  // namespace gpu
}  // namespace lenet

#endif  // CC_GPU_KERNEL_ARGUMENTS_H_

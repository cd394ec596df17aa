#ifndef CC_GPU_KERNEL_HOST_H_
#define CC_GPU_KERNEL_HOST_H_

#include <vector>

#include "cc/gpu/kernel_arguments.h"

namespace lenet::gpu {

// The kernels compiled as C++ for one Config. `clusters` is the number of
// clusters of the grid, as config.cluster * clusters blocks on a GPU. Blocks of
// a cluster, and threads of a phase, run one after the other, in descending
// order if `is_reversed`: results differ in a bit if a barrier is missing.
struct HostKernel {
  const char* name;
  Config config;
  void (*train)(const TrainArguments& arguments, int clusters,
                bool is_reversed);
  void (*forward)(const ForwardArguments& arguments, int clusters,
                  bool is_reversed);
};

// Returns a kernel for each kind of plan and for some image sizes.
std::vector<HostKernel> HostKernels();

}  // namespace lenet::gpu

#endif  // CC_GPU_KERNEL_HOST_H_

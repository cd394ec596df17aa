#ifndef CC_GPU_KERNEL_PLAN_H_
#define CC_GPU_KERNEL_PLAN_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/gpu/kernel_arguments.h"

namespace lenet::gpu {

struct Card {
  int capability;         // 80 for 8.0
  int processors;         // multiprocessors
  int max_shared_memory;  // opt-in bytes per block
  bool has_clusters;      // can launch thread-block clusters
};

// How a card runs LenetTrain and LenetForward.
struct Plan {
  Config config;
  // Upper limit, a multiple of config.cluster; fewer blocks, also a multiple,
  // are correct but slower.
  int blocks;
  int dynamic_shared_bytes;                  // per block of kThreads threads
  std::vector<std::string> compile_options;  // macros for NVRTC
};

// Returns the fastest plan for images of this size. InvalidArgument if they are
// smaller than 16x16 or exceed the card's shared memory.
absl::StatusOr<Plan> PlanKernel(const Card& card, int height, int width);

// Returns the size of TrainArguments::workspace in floats.
size_t WorkspaceFloats(const Config& config, int batch);

}  // namespace lenet::gpu

#endif  // CC_GPU_KERNEL_PLAN_H_

#include "cc/gpu/kernel_host.h"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>

// Defines the CUDA keywords and functions that the kernels use, in C++.

#define FUNCTION inline
#define UNROLL(count)
#define PHASE(t) PHASE_OF(t, false)
#define LAST_PHASE(t) PHASE_OF(t, true)
#define PHASE_OF(t, is_last)                                         \
  for (int count_t = BeginPhase(is_last), t = FirstThread(kThreads); \
       count_t < kThreads; ++count_t, t += is_reversed_now ? -1 : 1)
#define EACH_BLOCK(of_cluster, b)                     \
  for (int count_b = 0; count_b < kBlocks; ++count_b) \
    if (const Block b = BlockOf(of_cluster, count_b, kBlocks); true)
#define CLUSTER_PART(of_cluster, b)                                          \
  for (int count_b = 0; count_b < kBlocks; ++count_b, lacks_barrier = false) \
    if (const Block b = BlockOf(of_cluster, count_b, kBlocks); true)
#define EACH_CLUSTER(grid, cluster)                           \
  for (int count_c = 0; count_c < (grid).clusters; ++count_c) \
    if (const Block cluster = ClusterOf(grid, count_c, kBlocks); true)

#define LENET_HEIGHT kHostConfig.height
#define LENET_WIDTH kHostConfig.width
#define LENET_CLUSTER kHostConfig.cluster
#define LENET_STAGED kHostConfig.staged
#define LENET_PLANES kHostConfig.planes
#define LENET_GROUPS kHostConfig.groups

namespace lenet::gpu {
namespace {

struct alignas(8) float2 {
  float x;
  float y;
};

struct alignas(16) float4 {
  float x;
  float y;
  float z;
  float w;
};

bool is_reversed_now = false;
bool lacks_barrier = false;  // the last phase was a LAST_PHASE

// Copies that have started. They are done when the kernel waits for them.
struct PendingCopy {
  float4* to;
  const float4* from;
};
std::vector<PendingCopy> pending_copies;

void Expect(bool condition, const char* failure) {
  if (condition) return;
  std::fprintf(stderr, "%s\n", failure);
  std::abort();
}

// Returns 0, the number of threads that have run.
int BeginPhase(bool is_last) {
  Expect(!lacks_barrier, "a LAST_PHASE is not the last");
  lacks_barrier = is_last;
  return 0;
}

int FirstThread(int threads) { return is_reversed_now ? threads - 1 : 0; }

// A block; of a cluster or a grid, the first block.
struct Block {
  float* shared;
  int rank;
  int cluster;
  int clusters;
  int floats;  // of shared memory per block
};
using Cluster = Block;
using Grid = Block;

Block BlockOf(const Cluster& cluster, int count, int blocks) {
  Block block = cluster;
  block.rank = is_reversed_now ? blocks - 1 - count : count;
  block.shared += static_cast<ptrdiff_t>(block.rank) * block.floats;
  return block;
}

Cluster ClusterOf(const Grid& grid, int count, int blocks) {
  Cluster cluster = grid;
  cluster.cluster = is_reversed_now ? grid.clusters - 1 - count : count;
  cluster.shared +=
      static_cast<ptrdiff_t>(cluster.cluster) * blocks * cluster.floats;
  return cluster;
}

float* SharedOf(const Block& b, int rank) {
  return b.shared + static_cast<ptrdiff_t>(rank - b.rank) * b.floats;
}

// Updates use the memory that copies of weights write.
void GridArrive(const Grid&) {
  Expect(pending_copies.empty(), "copies are pending at a barrier of the grid");
}

void GridWait(const Grid&, int) {}
void ClusterBarrier() {}
void EndCopies() {}

void Copy(float* to, const float* from) {
  pending_copies.push_back(
      {reinterpret_cast<float4*>(to), reinterpret_cast<const float4*>(from)});
}

template <int kGroups>
void WaitForCopies() {
  for (const PendingCopy& copy : pending_copies) *copy.to = *copy.from;
  pending_copies.clear();
}

float LoadShared(const float* p) { return *p; }
float4 LoadShared(const float4* p) { return *p; }

// Runs `kernel` on a grid whose shared memory has no initial values.
template <class Arguments>
void Run(void (*kernel)(const Grid&, const Arguments&), const Config& config,
         const Arguments& arguments, int clusters, bool is_reversed) {
  const int floats = MakeLayout(config).floats;
  std::vector<float4> shared(static_cast<size_t>(floats) / 4 *
                                 static_cast<size_t>(config.cluster * clusters),
                             float4{NAN, NAN, NAN, NAN});
  is_reversed_now = is_reversed;
  kernel({&shared[0].x, 0, 0, clusters, floats}, arguments);
  Expect(pending_copies.empty(), "copies are pending at the end");
}

namespace clusters {
constexpr Config kHostConfig = {32, 32, 4, 1, 16, 16};
#include "cc/gpu/lenet_kernel.inc"
}  // namespace clusters

namespace small_clusters {
constexpr Config kHostConfig = {20, 17, 4, 1, 16, 16};
#include "cc/gpu/lenet_kernel.inc"
}  // namespace small_clusters

namespace single {
constexpr Config kHostConfig = {32, 32, 1, 0, 16, 4};
#include "cc/gpu/lenet_kernel.inc"
}  // namespace single

namespace small_single {
constexpr Config kHostConfig = {20, 17, 1, 0, 4, 2};
#include "cc/gpu/lenet_kernel.inc"
}  // namespace small_single

namespace lean {
constexpr Config kHostConfig = {16, 16, 1, 0, 2, 1};
#include "cc/gpu/lenet_kernel.inc"
}  // namespace lean

#define HOST_KERNEL(name)                                                \
  {                                                                      \
#name, name::kConfig,                                                  \
        [](const TrainArguments& arguments, int clusters, bool reversed) { \
          Run(name::Train, name::kConfig, arguments, clusters, reversed);  \
        },                                                                 \
        [](const ForwardArguments& arguments, int clusters,                \
           bool reversed) {                                                \
          Run(name::Forward, name::kConfig, arguments, clusters, reversed); \
        } \
  }

}  // namespace

std::vector<HostKernel> HostKernels() {
  return {HOST_KERNEL(clusters), HOST_KERNEL(small_clusters),
          HOST_KERNEL(single), HOST_KERNEL(small_single), HOST_KERNEL(lean)};
}

}  // namespace lenet::gpu

#include "cc/gpu/kernel_plan.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "cc/base/error.h"

namespace lenet::gpu {
namespace {

constexpr int kMinSide = 16;

Plan MakePlan(const Card& card, const Config& config) {
  Plan plan = {config,
               card.processors / config.cluster * config.cluster,
               MakeLayout(config).floats * static_cast<int>(sizeof(float)),
               {}};
  const auto define = [&plan](const char* name, int value) {
    plan.compile_options.push_back(absl::StrCat("-DLENET_", name, "=", value));
  };
  define("HEIGHT", config.height);
  define("WIDTH", config.width);
  define("CLUSTER", config.cluster);
  define("STAGED", config.staged);
  define("PLANES", config.planes);
  define("GROUPS", config.groups);
  return plan;
}

}  // namespace

absl::StatusOr<Plan> PlanKernel(const Card& card, int height, int width) {
  if (height < kMinSide || width < kMinSide) {
    return InvalidArgument("images of ", height, "x", width,
                           " are smaller than ", kMinSide, "x", kMinSide);
  }
  // From the fastest to the one that needs the least shared memory.
  const Config configs[] = {{height, width, 4, 1, 16, 16},
                            {height, width, 1, 0, 16, 4},
                            {height, width, 1, 0, 4, 2},
                            {height, width, 1, 0, 2, 1}};
  for (const Config& config : configs) {
    if (config.cluster > 1 &&
        (!card.has_clusters || card.processors < config.cluster)) {
      continue;
    }
    // Prevents overflow in the layout.
    if (int64_t{4} * height * width > card.max_shared_memory) break;
    Plan plan = MakePlan(card, config);
    if (plan.dynamic_shared_bytes <= card.max_shared_memory) return plan;
  }
  return InvalidArgument(
      "images of ", height, "x", width,
      " are too large for this GPU: its blocks have ", card.max_shared_memory,
      " bytes of shared memory; use smaller images or another device");
}

size_t WorkspaceFloats(const Config& config, int batch) {
  return MakeWorkspace(config, batch).floats;
}

}  // namespace lenet::gpu

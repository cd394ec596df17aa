#include "cc/engine/graph/arena.h"

#include <algorithm>
#include <numeric>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace lenet::graph {
namespace {

constexpr size_t kAlignment = 64 / sizeof(float);

size_t Aligned(size_t size) {
  return (size + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

absl::Status Arena::Allocate(int threads) {
  const size_t bytes =
      std::max(size * static_cast<size_t>(threads), kAlignment) * sizeof(float);
  memory.reset(static_cast<float*>(
      std::aligned_alloc(kAlignment * sizeof(float), bytes)));
  if (memory != nullptr) return absl::OkStatus();
  return absl::ResourceExhaustedError(absl::StrCat(
      "cannot allocate ", bytes, " bytes for the values of the network"));
}

absl::StatusOr<Arena> PlanArena(const std::vector<Buffer>& buffers,
                                size_t limit) {
  // The largest buffers first, so that small ones fill the gaps.
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return buffers[a].size > buffers[b].size;
  });
  Arena arena;
  arena.offsets.resize(buffers.size());
  std::vector<size_t> placed;  // sorted by offset
  for (const size_t index : order) {
    const Buffer& buffer = buffers[index];
    if (buffer.size > limit) {
      return absl::InvalidArgumentError(absl::StrCat(
          "a step needs ", buffer.size * sizeof(float),
          " bytes of memory; the limit is ", limit * sizeof(float)));
    }
    size_t offset = 0;
    for (const size_t other : placed) {
      if (buffer.first > buffers[other].last ||
          buffers[other].first > buffer.last) {
        continue;
      }
      if (offset + buffer.size <= arena.offsets[other]) break;
      offset =
          std::max(offset, Aligned(arena.offsets[other] + buffers[other].size));
    }
    arena.offsets[index] = offset;
    arena.size = std::max(arena.size, Aligned(offset + buffer.size));
    if (arena.size > limit) {
      return absl::InvalidArgumentError(
          absl::StrCat("the values of the network need more than ",
                       limit * sizeof(float), " bytes of memory"));
    }
    const auto position = std::upper_bound(
        placed.begin(), placed.end(), offset, [&](size_t value, size_t other) {
          return value < arena.offsets[other];
        });
    placed.insert(position, index);
  }
  return arena;
}

}  // namespace lenet::graph

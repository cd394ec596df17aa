#include "cc/engine/graph/graph.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/error.h"
#include "cc/engine/graph/builder.h"

namespace lenet::graph {
namespace {

constexpr size_t kMaxFloats = size_t{1} << 28;  // 1 GB

// Images per chunk: enough to reuse the weights that are read, but few enough
// to give several threads work and to keep the values in the L2 cache.
constexpr int64_t kMaxImages = 24;  // whole tiles of kernels::Linear
constexpr int64_t kMinImages = 6;
constexpr int64_t kMinChunks = 4;
constexpr size_t kCacheFloats = 64 * 1024;

int64_t ChunkSize(const StepGraph& graph) {
  size_t largest = 1;
  for (const size_t size : graph.value_sizes) {
    largest = std::max(largest, size);
  }
  const auto in_cache =
      std::max<int64_t>(1, static_cast<int64_t>(kCacheFloats / largest));
  const int64_t share = (graph.batch + kMinChunks - 1) / kMinChunks;
  int64_t chunk = std::clamp(share, kMinImages, kMaxImages);
  if (chunk > kMinImages) chunk = chunk / kMinImages * kMinImages;
  return std::min({chunk, in_cache, graph.batch});
}

absl::Status CheckPackedSize(const StepGraph& graph) {
  size_t total = 0;
  for (const Step& step : graph.steps) {
    total += PackedSize(step);
    if (total > kMaxFloats) {
      return absl::InvalidArgumentError(
          absl::StrCat("the network needs more than ",
                       kMaxFloats * sizeof(float), " bytes for its weights"));
    }
  }
  return absl::OkStatus();
}

// Returns for each value the last step that uses it, or 0.
std::vector<size_t> LastUses(const StepGraph& graph) {
  std::vector<size_t> last(graph.value_sizes.size());
  for (size_t i = 0; i < graph.steps.size(); ++i) {
    last[graph.steps[i].x] = i;
    if (HasOther(graph.steps[i])) last[graph.steps[i].other] = i;
  }
  return last;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Graph>> Graph::Create(const MindIrModel& model,
                                                     int threads) {
  LENET_ASSIGN_OR_RETURN(StepGraph graph, BuildSteps(model));
  FuseSteps(&graph);
  LENET_RETURN_IF_ERROR(CheckPackedSize(graph));
  const auto chunk = static_cast<size_t>(ChunkSize(graph));
  const std::vector<size_t> last_uses = LastUses(graph);
  // Buffers 2 i and 2 i + 1 are the result and the scratch memory of step i.
  std::vector<Buffer> buffers;
  std::vector<PlannedStep> steps;
  for (size_t i = 0; i < graph.steps.size(); ++i) {
    const Step& step = graph.steps[i];
    steps.push_back({MakeLayer(step, graph.value_sizes[step.x]), step.kind,
                     step.x, step.other, step.y});
    const bool in_arena = step.y != graph.output;
    buffers.push_back({in_arena ? graph.value_sizes[step.y] * chunk : 0, i,
                       std::max(i, last_uses[step.y])});
    buffers.push_back({steps.back().layer.scratch_size, i, i});
  }
  LENET_ASSIGN_OR_RETURN(Arena arena, PlanArena(buffers, kMaxFloats));
  std::vector<size_t> offsets(graph.value_sizes.size());
  for (size_t i = 0; i < steps.size(); ++i) {
    offsets[steps[i].y] = arena.offsets[2 * i];
    steps[i].scratch = arena.offsets[2 * i + 1];
  }
  // A thread for less than half a chunk would cost more than it gains.
  const size_t max_threads =
      std::min((static_cast<size_t>(graph.batch) + chunk / 2) / chunk,
               kMaxFloats / std::max(arena.size, size_t{1}));
  threads = static_cast<int>(
      std::clamp(static_cast<size_t>(threads), size_t{1}, max_threads));
  LENET_RETURN_IF_ERROR(arena.Allocate(threads));
  return std::unique_ptr<Graph>(new Graph(
      graph, std::move(steps), std::move(offsets), std::move(arena), threads));
}

Graph::Graph(const StepGraph& graph, std::vector<PlannedStep> steps,
             std::vector<size_t> offsets, Arena arena, int threads)
    : batch_(graph.batch),
      chunk_(ChunkSize(graph)),
      input_(graph.input),
      output_(graph.output),
      input_size_(graph.value_sizes[graph.input]),
      output_size_(graph.value_sizes[graph.output]),
      output_shape_(graph.output_shape),
      steps_(std::move(steps)),
      offsets_(std::move(offsets)),
      arena_(std::move(arena)),
      pool_(threads) {}

size_t Graph::arena_bytes() const {
  return arena_.size * static_cast<size_t>(threads()) * sizeof(float);
}

std::vector<std::string> Graph::StepNames() const {
  std::vector<std::string> names;
  for (const PlannedStep& step : steps_) names.push_back(KindName(step.kind));
  return names;
}

void Graph::RunChunk(size_t index, size_t thread, const float* in,
                     float* out) const {
  float* const memory = arena_.memory.get() + thread * arena_.size;
  const auto first = static_cast<int64_t>(index) * chunk_;
  const int images = static_cast<int>(std::min(chunk_, batch_ - first));
  in += static_cast<size_t>(first) * input_size_;
  out += static_cast<size_t>(first) * output_size_;
  const auto value = [&](size_t i) {
    return i == output_ ? out : memory + offsets_[i];
  };
  const auto source = [&](size_t i) { return i == input_ ? in : value(i); };
  for (const PlannedStep& step : steps_) {
    step.layer.run(images, source(step.x), source(step.other), value(step.y),
                   memory + step.scratch);
  }
}

void Graph::Run(const float* in, float* out) {
  const auto chunks = static_cast<int>((batch_ + chunk_ - 1) / chunk_);
  pool_.Run(chunks, [=](int index, int thread) {
    RunChunk(static_cast<size_t>(index), static_cast<size_t>(thread), in, out);
  });
}

}  // namespace lenet::graph

#include "cc/engine/graph/graph.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/status_macros.h"
#include "cc/engine/graph/arena.h"
#include "cc/engine/graph/builder.h"
#include "cc/engine/graph/fusion.h"

namespace lenet::graph {
namespace {

constexpr size_t kMaxFloats = size_t{1} << 28;  // 1 GB
constexpr size_t kAlignment = 64;                // bytes

// Images in one run: as many as share the weights that are read, as few as
// leave work for a few threads and as keep what lies between the steps in the
// L2 cache. Never by the number of threads.
constexpr int64_t kMaxImages = 24;  // whole tiles of kernels::Linear
constexpr int64_t kMinImages = 6;
constexpr int64_t kMinRuns = 4;
constexpr size_t kCacheFloats = 64 * 1024;

int64_t ChunkSize(int64_t batch, const std::vector<size_t>& value_sizes) {
  size_t largest = 1;
  for (const size_t size : value_sizes) largest = std::max(largest, size);
  const auto in_cache =
      std::max<int64_t>(1, static_cast<int64_t>(kCacheFloats / largest));
  const int64_t share = (batch + kMinRuns - 1) / kMinRuns;
  int64_t chunk = std::clamp(share, kMinImages, kMaxImages);
  if (chunk > kMinImages) chunk = chunk / kMinImages * kMinImages;
  return std::min({chunk, in_cache, batch});
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

}  // namespace

struct Graph::Plan {
  size_t input_size = 0;
  size_t output_size = 0;
  int64_t batch = 0;
  int64_t chunk = 0;
  std::vector<PlannedStep> steps;
  size_t arena_size = 0;
};

// Gives every value its place.
class Graph::Planner {
 public:
  explicit Planner(const StepGraph& graph) : graph_(graph) {
    plan_.batch = graph.batch;
    plan_.chunk = ChunkSize(graph.batch, graph.value_sizes);
    plan_.input_size = graph.value_sizes[graph.input];
    plan_.output_size = graph.value_sizes[graph.output];
  }

  absl::StatusOr<Plan> Make() {
    for (const Step& step : graph_.steps) {
      PlannedStep& planned = plan_.steps.emplace_back();
      planned.layer = MakeLayer(step, graph_.value_sizes[step.x]);
      planned.kind = step.kind;
    }
    FindLifetimes();
    ShareBuffers();
    LENET_RETURN_IF_ERROR(PlaceBuffers());
    return std::move(plan_);
  }

 private:
  void FindLifetimes() {
    last_use_.resize(graph_.value_sizes.size());
    for (size_t i = 0; i < graph_.steps.size(); ++i) {
      last_use_[graph_.steps[i].x] = i;
      if (graph_.steps[i].kind == StepKind::kAdd) {
        last_use_[graph_.steps[i].other] = i;
      }
    }
    last_use_[graph_.output] = graph_.steps.size();
  }

  // Values that share memory get the same buffer: a step that can write over
  // its input does so when nothing reads that any more.
  void ShareBuffers() {
    buffer_.resize(graph_.value_sizes.size());
    for (size_t v = 0; v < buffer_.size(); ++v) buffer_[v] = v;
    for (size_t i = 0; i < graph_.steps.size(); ++i) {
      const Step& step = graph_.steps[i];
      if (plan_.steps[i].layer->in_place() && last_use_[step.x] == i &&
          buffer_[step.x] != graph_.input) {
        buffer_[step.y] = buffer_[step.x];
      }
    }
  }

  absl::Status PlaceBuffers() {
    const auto chunk = static_cast<size_t>(plan_.chunk);
    std::vector<MemoryUse> uses;
    std::vector<size_t> use_of(buffer_.size(), kNone);  // by buffer
    std::vector<size_t> scratch_uses;
    for (size_t i = 0; i < graph_.steps.size(); ++i) {
      const size_t y = graph_.steps[i].y;
      const size_t buffer = buffer_[y];
      const size_t last = std::max(i, last_use_[y]);
      if (buffer == buffer_[graph_.output]) {
        // The caller's.
      } else if (use_of[buffer] == kNone) {
        use_of[buffer] = uses.size();
        uses.push_back({graph_.value_sizes[y] * chunk, i, last});
      } else {
        MemoryUse& use = uses[use_of[buffer]];
        use.last = std::max(use.last, last);
      }
      scratch_uses.push_back(uses.size());
      uses.push_back({plan_.steps[i].layer->scratch_size(), i, i});
    }
    LENET_ASSIGN_OR_RETURN(const ArenaPlan arena, PlanArena(uses, kMaxFloats));
    const auto locate = [&](size_t value) {
      Location location;
      if (value == graph_.input) {
        location.place = Place::kIn;
      } else if (buffer_[value] == buffer_[graph_.output]) {
        location.place = Place::kOut;
      } else {
        location.offset = arena.offsets[use_of[buffer_[value]]];
      }
      return location;
    };
    for (size_t i = 0; i < graph_.steps.size(); ++i) {
      const Step& step = graph_.steps[i];
      PlannedStep& planned = plan_.steps[i];
      planned.x = locate(step.x);
      if (step.kind == StepKind::kAdd) planned.other = locate(step.other);
      planned.y = locate(step.y);
      planned.scratch = arena.offsets[scratch_uses[i]];
    }
    plan_.arena_size = arena.size;
    return absl::OkStatus();
  }

  static constexpr size_t kNone = static_cast<size_t>(-1);

  const StepGraph& graph_;
  Plan plan_;
  std::vector<size_t> last_use_;  // by value: index of a step
  std::vector<size_t> buffer_;    // by value: the first value in its memory
};

void Graph::FreeDeleter::operator()(float* memory) const { std::free(memory); }

absl::StatusOr<std::unique_ptr<Graph>> Graph::Create(const MindIrModel& model,
                                                     int threads) {
  LENET_ASSIGN_OR_RETURN(StepGraph graph, BuildSteps(model));
  FuseSteps(&graph);
  LENET_RETURN_IF_ERROR(CheckPackedSize(graph));
  LENET_ASSIGN_OR_RETURN(Plan plan, Planner(graph).Make());
  const int64_t chunks = (plan.batch + plan.chunk - 1) / plan.chunk;
  const auto most =
      static_cast<int64_t>(kMaxFloats / std::max(plan.arena_size, size_t{1}));
  threads =
      static_cast<int>(std::clamp<int64_t>(threads, 1, std::min(chunks, most)));
  // A multiple of the alignment, as planned.
  const size_t bytes =
      std::max(plan.arena_size * static_cast<size_t>(threads) * sizeof(float),
               kAlignment);
  Arena arena(static_cast<float*>(std::aligned_alloc(kAlignment, bytes)));
  if (arena == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("no memory for the ", bytes, " bytes that the network ",
                     "needs between its operators"));
  }
  return std::unique_ptr<Graph>(
      new Graph(std::move(plan), threads, std::move(arena)));
}

Graph::Graph(Plan plan, int threads, Arena arena)
    : input_size_(plan.input_size),
      output_size_(plan.output_size),
      batch_(plan.batch),
      chunk_(plan.chunk),
      steps_(std::move(plan.steps)),
      arena_size_(plan.arena_size),
      pool_(threads),
      arena_(std::move(arena)) {}

size_t Graph::arena_bytes() const {
  return arena_size_ * static_cast<size_t>(threads()) * sizeof(float);
}

std::vector<std::string> Graph::StepNames() const {
  std::vector<std::string> names;
  for (const PlannedStep& step : steps_) names.push_back(KindName(step.kind));
  return names;
}

void Graph::RunChunk(size_t index, size_t thread, const float* in,
                     float* out) const {
  float* const arena = arena_.get() + thread * arena_size_;
  const auto first = static_cast<int64_t>(index) * chunk_;
  const int images = static_cast<int>(std::min(chunk_, batch_ - first));
  in += static_cast<size_t>(first) * input_size_;
  out += static_cast<size_t>(first) * output_size_;
  const auto read = [&](const Location& location) -> const float* {
    if (location.place == Place::kIn) return in;
    return location.place == Place::kOut ? out : arena + location.offset;
  };
  for (const PlannedStep& step : steps_) {
    float* const y = step.y.place == Place::kOut ? out : arena + step.y.offset;
    step.layer->Run(images, read(step.x), read(step.other), y,
                    arena + step.scratch);
  }
}

void Graph::Run(const float* in, float* out) {
  // A thread takes the next chunk when it is through with one: where another
  // program holds up one of them, the others do its share.
  struct Call {
    const Graph* graph;
    const float* in;
    float* out;
    size_t chunks;
    std::atomic<size_t> next{0};
  } call = {this, in, out, static_cast<size_t>((batch_ + chunk_ - 1) / chunk_)};
  pool_.Run(
      std::min(static_cast<int>(call.chunks), threads()),
      [](void* context, int thread) {
        auto& current = *static_cast<Call*>(context);
        for (size_t i = current.next++; i < current.chunks;
             i = current.next++) {
          current.graph->RunChunk(i, static_cast<size_t>(thread), current.in,
                                  current.out);
        }
      },
      &call);
}

}  // namespace lenet::graph

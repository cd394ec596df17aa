// Measures LeNet-5 on the CPU: one image on one thread, and 10,000 images in
// batches.
//
//   bazel run //cc/engine:native_engine_benchmark

#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/base/file.h"
#include "cc/engine/graph/graph.h"
#include "cc/kernels/benchmark_report.h"
#include "cc/mindir/model.h"
#include "tools/cpp/runfiles/runfiles.h"

namespace lenet {
namespace {

constexpr char kModel[] = "lenet_mindspore/python/lenet.mindir";
constexpr size_t kMaxBytes = size_t{1} << 20;
constexpr int64_t kImages = 10000;
constexpr double kOperations =
    2 * 416520;  // per image; a multiply-add counts as 2

const MindIrModel* model = nullptr;

MindIrModel ReadModel(const std::string& program) {
  using bazel::tools::cpp::runfiles::Runfiles;
  std::string error;
  const std::unique_ptr<Runfiles> runfiles(Runfiles::Create(program, &error));
  absl::StatusOr<std::string> bytes = ReadFile(
      runfiles == nullptr ? "" : runfiles->Rlocation(kModel), kMaxBytes);
  absl::StatusOr<MindIrModel> read =
      bytes.ok() ? ReadMindIr(*bytes) : bytes.status();
  if (!read.ok()) {
    std::fprintf(stderr, "%s\n", std::string(read.status().message()).c_str());
    std::exit(2);
  }
  return *std::move(read);
}

std::unique_ptr<graph::Graph> MakeGraph(int64_t batch, int threads) {
  MindIrModel batched = *model;
  batched.inputs[0].shape[0] = batch;
  batched.outputs[0].shape[0] = batch;
  return graph::Graph::Create(batched, threads).value();
}

// Returns varying pixels; their values do not change the time.
std::vector<float> Images(int64_t count, size_t size) {
  std::vector<float> images(static_cast<size_t>(count) * size);
  for (size_t i = 0; i < images.size(); ++i) {
    images[i] = static_cast<float>(i * 7 % 255) / 255.0f;
  }
  return images;
}

void SetRate(int64_t images, int threads, benchmark::State* state) {
  state->SetItemsProcessed(state->iterations() * images);
  kernels::ReportOperations(kOperations * static_cast<double>(images), threads,
                            state);
}

void BM_OneImage(benchmark::State& state) {
  const auto graph = MakeGraph(1, 1);
  const std::vector<float> in = Images(1, graph->input_size());
  std::vector<float> out(graph->output_size());
  for (auto _ : state) {
    graph->Run(in.data(), out.data());
    benchmark::DoNotOptimize(out.data());
    benchmark::ClobberMemory();
  }
  SetRate(1, 1, &state);
}
BENCHMARK(BM_OneImage)->Unit(benchmark::kMicrosecond);

// Runs 10,000 images in batches of range(0) on range(1) threads. The last batch
// is run in full, as infer310 does.
void BM_TestSet(benchmark::State& state) {
  const int64_t batch = state.range(0);
  const int threads = static_cast<int>(state.range(1));
  const auto graph = MakeGraph(batch, threads);
  const int64_t batches = (kImages + batch - 1) / batch;
  const size_t in_size = static_cast<size_t>(batch) * graph->input_size();
  const std::vector<float> in = Images(batches * batch, graph->input_size());
  std::vector<float> out(static_cast<size_t>(batch) * graph->output_size());
  for (auto _ : state) {
    for (int64_t i = 0; i < batches; ++i) {
      graph->Run(in.data() + static_cast<size_t>(i) * in_size, out.data());
      benchmark::DoNotOptimize(out.data());
      benchmark::ClobberMemory();
    }
  }
  SetRate(kImages, threads, &state);
}
BENCHMARK(BM_TestSet)
    ->ArgsProduct({{1, 32, 64, 128, 256, 1000}, kernels::BenchmarkThreads()})
    ->ArgNames({"batch", "threads"})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lenet

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  const lenet::MindIrModel read = lenet::ReadModel(argv[0]);
  lenet::model = &read;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}

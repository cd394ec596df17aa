// Speed of a training step of LeNet-5 for 32x32 images:
// bazel run //cc/kernels:lenet_train_benchmark

#include <benchmark/benchmark.h>

#include <array>
#include <random>
#include <vector>

#include "cc/kernels/benchmark_report.h"
#include "cc/kernels/lenet_train.h"

namespace lenet::kernels {
namespace {

constexpr int kSide = 32;
constexpr int kImages = 2000;
constexpr int kSteps = 100;  // per call
constexpr std::array<size_t, kLenetParameters> kSizes = {
    150, 2400, 48000, 120, 10080, 84, 840, 10};

// Multiplications and additions per image. The backward pass of a convolution
// counts only the outputs that the pool selects, a quarter, once for the
// weights and, in the second, once for its input.
constexpr double kConv = 2.0 * (28 * 28 * 6 * 25 + 10 * 10 * 16 * 150);
constexpr double kConvBackward =
    2.0 * (14 * 14 * 6 * 25 + 2 * 5 * 5 * 16 * 150);
constexpr double kDense = 2.0 * (400 * 120 + 120 * 84 + 84 * 10);
constexpr double kOperations = kConv + kConvBackward + 3 * kDense;

// Random images and labels, and an untrained network.
struct Data {
  explicit Data(int batch)
      : images(static_cast<size_t>(kImages) * kSide * kSide),
        labels(kImages),
        normalize(256),
        order(static_cast<size_t>(kSteps) * static_cast<size_t>(batch)) {
    std::mt19937 generator(1);
    for (uint8_t& pixel : images) pixel = static_cast<uint8_t>(generator());
    for (int32_t& label : labels) {
      label = static_cast<int32_t>(generator() % 10);
    }
    for (int32_t& index : order) {
      index = static_cast<int32_t>(generator() % kImages);
    }
    for (size_t i = 0; i < normalize.size(); ++i) {
      normalize[i] = static_cast<float>(i) / 255.0f - 0.5f;
    }
    std::normal_distribution<float> normal(0.0f, 0.02f);
    for (size_t i = 0; i < kLenetParameters; ++i) {
      arrays[i].resize(kSizes[i]);
      for (float& value : arrays[i]) value = normal(generator);
      moments_arrays[i].resize(kSizes[i]);
      parameters[i] = arrays[i].data();
      moments[i] = moments_arrays[i].data();
    }
  }

  std::vector<uint8_t> images;
  std::vector<int32_t> labels;
  std::vector<float> normalize;
  std::vector<int32_t> order;
  std::vector<Momentum> optimizers =
      std::vector<Momentum>(kSteps, {0.001f, 0.9f});
  std::array<std::vector<float>, kLenetParameters> arrays;
  std::array<std::vector<float>, kLenetParameters> moments_arrays;
  LenetParameters parameters;
  LenetParameters moments;
};

void Step(benchmark::State& state) {
  const int batch = static_cast<int>(state.range(0));
  const int threads = static_cast<int>(state.range(1));
  const Data data(batch);
  const TrainBatches batches = {data.images.data(),
                                data.labels.data(),
                                data.normalize.data(),
                                kImages,
                                kSide,
                                kSide,
                                data.order.data(),
                                data.optimizers.data(),
                                kSteps,
                                batch};
  std::vector<float> losses(kSteps);
  ThreadPool pool(UsefulTrainThreads(batches, threads));
  for (auto _ : state) {
    TrainLenet(batches, data.parameters, data.moments, losses.data(), &pool);
  }
  state.SetItemsProcessed(state.iterations() * kSteps);  // steps
  ReportOperations(kSteps * batch * kOperations, threads, &state);
  // Per step, over all threads.
  ThreadPool::Counts all;
  for (int i = 0; i < pool.threads(); ++i) {
    all.calls += pool.counts(i).calls;
    all.sleeps += pool.counts(i).sleeps;
  }
  const double steps = static_cast<double>(state.iterations()) * kSteps;
  state.counters["calls"] = static_cast<double>(all.calls) / steps;
  state.counters["sleeps"] = static_cast<double>(all.sleeps) / steps;
}

BENCHMARK(Step)
    ->ArgNames({"batch", "threads"})
    ->ArgsProduct({{32, 256}, BenchmarkThreads()})
    ->UseRealTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace lenet::kernels

BENCHMARK_MAIN();

// Speed of the dense layers of LeNet-5 on one core:
// bazel run //cc/kernels:dense_benchmark

#include <benchmark/benchmark.h>

#include <vector>

#include "cc/kernels/benchmark_report.h"
#include "cc/kernels/dense.h"

namespace lenet::kernels {
namespace {

// One layer with data for `rows` images.
struct Layer {
  explicit Layer(const benchmark::State& state)
      : in(static_cast<int>(state.range(0))),
        out(static_cast<int>(state.range(1))),
        rows(static_cast<int>(state.range(2))),
        x(Filled(rows * in)),
        w(Filled(out * in)),
        bias(Filled(out)),
        y(Filled(rows * out)),
        dx(x),
        dw(w),
        db(bias) {}

  // Multiplications and additions.
  double operations() const { return 2.0 * in * out * rows; }

  static std::vector<float> Filled(int size) {
    return std::vector<float>(static_cast<size_t>(size), 0.5F);
  }

  int in;
  int out;
  int rows;
  std::vector<float> x;
  std::vector<float> w;
  std::vector<float> bias;
  std::vector<float> y;
  std::vector<float> dx;
  std::vector<float> dw;
  std::vector<float> db;
};

void Forward(benchmark::State& state) {
  Layer layer(state);
  for (auto _ : state) {
    DenseForward(layer.in, layer.out, layer.rows, layer.x.data(),
                 layer.w.data(), layer.bias.data(), true, layer.y.data());
    benchmark::DoNotOptimize(layer.y.data());
  }
  ReportOperations(layer.operations(), 1, &state);
}

void BackwardInput(benchmark::State& state) {
  Layer layer(state);
  for (auto _ : state) {
    DenseBackwardInput(layer.in, layer.out, layer.rows, layer.y.data(),
                       layer.w.data(), layer.x.data(), layer.dx.data());
    benchmark::DoNotOptimize(layer.dx.data());
  }
  ReportOperations(layer.operations(), 1, &state);
}

void BackwardWeights(benchmark::State& state) {
  Layer layer(state);
  for (auto _ : state) {
    DenseBackwardWeights(layer.in, layer.out, layer.rows, layer.x.data(),
                         layer.y.data(), layer.out, layer.dw.data(),
                         layer.db.data());
    benchmark::DoNotOptimize(layer.dw.data());
  }
  ReportOperations(layer.operations(), 1, &state);
}

void LayersOfLenet(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"in", "out", "rows"});
  for (const int rows : {1, 8, 16, 32}) {
    benchmark->Args({400, 120, rows});
    benchmark->Args({120, 84, rows});
    benchmark->Args({84, 10, rows});
  }
}

BENCHMARK(Forward)->Apply(LayersOfLenet);
BENCHMARK(BackwardInput)->Apply(LayersOfLenet);
BENCHMARK(BackwardWeights)->Apply(LayersOfLenet);

}  // namespace
}  // namespace lenet::kernels

BENCHMARK_MAIN();

// Speed of the convolution blocks of LeNet-5 on one core:
// bazel run //cc/kernels:conv_relu_pool_benchmark

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "cc/kernels/benchmark_report.h"
#include "cc/kernels/conv_relu_pool.h"

namespace lenet::kernels {
namespace {

constexpr ConvReluPoolShape kBlocks[] = {{1, 32, 32, 6}, {6, 14, 14, 16}};

// A block of the network with data for some images.
struct Block {
  explicit Block(const benchmark::State& state)
      : shape(kBlocks[state.range(0) - 1]),
        images(static_cast<int>(state.range(1))),
        x(Random(shape.in_size())),
        weights(static_cast<size_t>(shape.weight_size())),
        packed(PackedConvWeightsSize(shape)),
        y(static_cast<size_t>(images) * shape.out_size()),
        argmax(y.size()),
        dy(Random(shape.out_size())),
        dx(x.size()),
        dw(weights.size()),
        scratch(ConvReluPoolScratchSize(shape)) {
    std::normal_distribution<float> normal;
    for (float& weight : weights) weight = normal(generator);
    PackConvWeights(shape, weights.data(), packed.data());
    Forward();
  }

  std::vector<float> Random(size_t size) {
    std::normal_distribution<float> normal;
    std::vector<float> values(static_cast<size_t>(images) * size);
    std::generate(values.begin(), values.end(),
                  [&] { return normal(generator); });
    return values;
  }

  void Forward() {
    ConvReluPoolForward(shape, packed.data(), images, x.data(), y.data(),
                        argmax.data(), scratch.data());
  }

  // Multiplications and additions of the convolution itself, as if every
  // product were computed.
  double operations() const {
    return 2.0 * static_cast<double>(images) *
           static_cast<double>(shape.weight_size()) * kPool * kPool *
           shape.out_height() * shape.out_width();
  }

  std::mt19937 generator;
  ConvReluPoolShape shape;
  int images;
  std::vector<float> x;
  std::vector<float> weights;
  std::vector<float> packed;
  std::vector<float> y;
  std::vector<uint8_t> argmax;
  std::vector<float> dy;
  std::vector<float> dx;
  std::vector<float> dw;
  std::vector<float> scratch;
};

void Forward(benchmark::State& state) {
  Block block(state);
  for (auto _ : state) {
    block.Forward();
    benchmark::DoNotOptimize(block.y.data());
  }
  ReportOperations(block.operations(), 1, &state);
}

// The first block needs no gradient of its input. Only windows with a gradient
// cost time; `zeros` per cent of them are made to have none (in training about
// half have none).
void Backward(benchmark::State& state) {
  Block block(state);
  const bool with_dx = state.range(0) > 1;
  std::bernoulli_distribution is_zero(static_cast<double>(state.range(2)) /
                                      100);
  for (float& gradient : block.dy) {
    if (is_zero(block.generator)) gradient = 0;
  }
  for (auto _ : state) {
    ConvReluPoolBackward(block.shape, block.weights.data(), block.images,
                         block.x.data(), block.y.data(), block.argmax.data(),
                         block.dy.data(), with_dx ? block.dx.data() : nullptr,
                         block.dw.data(), block.scratch.data());
    benchmark::DoNotOptimize(block.dw.data());
  }
  ReportOperations(block.operations() * (with_dx ? 2 : 1), 1, &state);
}

BENCHMARK(Forward)
    ->ArgNames({"block", "images"})
    ->Args({1, 16})
    ->Args({2, 16})
    ->Args({1, 1})
    ->Args({2, 1})
    ->Unit(benchmark::kMicrosecond);
BENCHMARK(Backward)
    ->ArgNames({"block", "images", "zeros"})
    ->Args({1, 16, 0})
    ->Args({2, 16, 0})
    ->Args({1, 16, 50})
    ->Args({2, 16, 50})
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace lenet::kernels

BENCHMARK_MAIN();

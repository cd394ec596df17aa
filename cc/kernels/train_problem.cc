#include "cc/kernels/train_problem.h"

#include <algorithm>
#include <cstddef>
#include <random>

namespace lenet::kernels {
namespace {

// Rounding error of float32 in an element of the forward pass.
constexpr double kMargin = 4e-7;

size_t Size(int count) { return static_cast<size_t>(count); }

Doubles Logits(const TrainData& data, const LenetArrays& parameters) {
  const int count = static_cast<int>(data.labels.size());
  const ConvReluPoolShape conv1 = {1, data.problem.height, data.problem.width,
                                   6};
  const ConvReluPoolShape conv2 = {6, static_cast<int>(conv1.out_height()),
                                   static_cast<int>(conv1.out_width()), 16};
  Doubles x;
  for (const uint8_t pixel : data.images) x.push_back(data.normalize[pixel]);
  x = ConvReluPoolForwardReference(conv1, count, x, parameters[0]).y;
  x = ConvReluPoolForwardReference(conv2, count, x, parameters[1]).y;
  const int sizes[] = {static_cast<int>(conv2.out_size()), 120, 84, 10};
  for (size_t i = 0; i < 3; ++i) {
    x = DenseForwardReference(sizes[i], sizes[i + 1], count, x,
                              parameters[2 + 2 * i], parameters[3 + 2 * i],
                              i < 2);
  }
  return x;
}

}  // namespace

TrainData::TrainData(const TrainProblem& train_problem, unsigned seed)
    : problem(train_problem) {
  std::mt19937 generator(seed);
  const auto below = [&](unsigned limit) {
    return static_cast<int>(generator() % limit);
  };
  const auto count = static_cast<unsigned>(problem.batch + 3);
  images.resize(count * Size(problem.height) * Size(problem.width));
  for (uint8_t& pixel : images) pixel = static_cast<uint8_t>(below(256));
  labels.resize(count);
  for (int32_t& label : labels) label = below(10);
  for (int i = 0; i < 256; ++i) {
    normalize.push_back(static_cast<float>((i / 255.0 - 0.1307) / 0.3081));
  }
  order.resize(Size(problem.batch) * Size(problem.steps));
  for (int32_t& index : order) index = below(count);
  for (int i = 1; i <= problem.steps; ++i) {
    optimizers.push_back({0.05f / static_cast<float>(i), 0.9f});
  }
  const auto shapes = LenetParameterShapes(problem.height, problem.width);
  std::normal_distribution<float> normal(0.0f, 0.1f);
  for (size_t i = 0; i < kLenetParameters; ++i) {
    size_t size = 1;
    for (const int64_t dim : shapes[i]) size *= static_cast<size_t>(dim);
    parameters[i].resize(size);
    for (float& value : parameters[i]) value = normal(generator);
  }
}

TrainBatches TrainData::Batches() const {
  return {images.data(),    labels.data(),
          normalize.data(), static_cast<int64_t>(labels.size()),
          problem.height,   problem.width,
          order.data(),     optimizers.data(),
          problem.steps,    problem.batch};
}

LenetArrays ToLenetArrays(const LenetFloats& arrays) {
  LenetArrays result;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result[i].assign(arrays[i].begin(), arrays[i].end());
  }
  return result;
}

TrainSolution TrainReference(const TrainData& data) {
  const TrainBatches batches = data.Batches();
  TrainSolution result;
  result.parameters = ToLenetArrays(data.parameters);
  result.logits = Logits(data, result.parameters);
  for (int step = 0; step < batches.steps; ++step) {
    const Momentum& optimizer = batches.optimizers[step];
    const LenetGradient gradient = LenetGradientReference(
        batches, batches.order + step * batches.batch, result.parameters);
    result.losses.push_back(gradient.loss);
    result.margin = std::min(result.margin, gradient.margin);
    for (size_t i = 0; i < kLenetParameters; ++i) {
      result.moments[i].resize(result.parameters[i].size());
      for (size_t j = 0; j < result.parameters[i].size(); ++j) {
        double& moment = result.moments[i][j];
        moment = double{optimizer.momentum} * moment + gradient.gradients[i][j];
        result.parameters[i][j] -= double{optimizer.learning_rate} * moment;
      }
    }
  }
  return result;
}

TrainData MakeClearData(const TrainProblem& problem, TrainSolution* solution) {
  for (unsigned seed = 1;; ++seed) {
    TrainData data(problem, seed);
    *solution = TrainReference(data);
    if (solution->margin > kMargin) return data;
  }
}

}  // namespace lenet::kernels

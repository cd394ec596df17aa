#include "cc/gpu/check.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/base/error.h"
#include "cc/gpu/trainer.h"
#include "cc/kernels/reference.h"

namespace lenet::gpu {
namespace {

using kernels::Doubles;
using kernels::kLenetParameters;
using kernels::LenetArrays;
using kernels::LenetParameters;
using kernels::TrainBatches;
using Arrays = std::array<std::vector<float>, kLenetParameters>;

// Rounding error of float32 in an element of the forward pass.
constexpr double kMargin = 4e-7;

constexpr const char* kNames[kLenetParameters] = {
    "conv1.weight", "conv2.weight", "fc1.weight", "fc1.bias",
    "fc2.weight",   "fc2.bias",     "fc3.weight", "fc3.bias"};

size_t Size(int count) { return static_cast<size_t>(count); }

// Random images and weights, the same for the same seed with every compiler.
struct Data {
  Data(const CheckProblem& check, unsigned seed)
      : problem(check), generator(seed) {
    const int count = problem.batch + 3;
    images.resize(Size(count) * Size(problem.height) * Size(problem.width));
    for (uint8_t& pixel : images) pixel = static_cast<uint8_t>(Below(256));
    labels.resize(Size(count));
    for (int32_t& label : labels) label = Below(10);
    for (int i = 0; i < 256; ++i) {
      normalize.push_back(static_cast<float>((i / 255.0 - 0.1307) / 0.3081));
    }
    order.resize(Size(problem.batch) * Size(problem.steps));
    for (int32_t& index : order) index = Below(count);
    for (int i = 1; i <= problem.steps; ++i) {
      optimizers.push_back({0.05f / static_cast<float>(i), 0.9f});
    }
    const int features = Features(problem.height, problem.width);
    for (size_t i = 0; i < kLenetParameters; ++i) {
      parameters[i].resize(Size(ParameterSize(static_cast<int>(i), features)));
      for (float& value : parameters[i]) {
        value = 1e-4f * static_cast<float>(Below(4001) - 2000);
      }
    }
  }

  int Below(unsigned limit) { return static_cast<int>(generator() % limit); }

  TrainBatches Batches() const {
    return {images.data(),    labels.data(),
            normalize.data(), static_cast<int64_t>(labels.size()),
            problem.height,   problem.width,
            order.data(),     optimizers.data(),
            problem.steps,    problem.batch};
  }

  CheckProblem problem;
  std::mt19937 generator;
  std::vector<uint8_t> images;
  std::vector<int32_t> labels;
  std::vector<float> normalize;
  std::vector<int32_t> order;
  std::vector<kernels::Momentum> optimizers;
  Arrays parameters;
};

struct Expected {
  LenetArrays parameters;
  LenetArrays moments;
  Doubles losses;
  Doubles logits;  // of all images, before training
  double margin = std::numeric_limits<double>::infinity();
};

Doubles Logits(const Data& data, const LenetArrays& parameters) {
  const int count = static_cast<int>(data.labels.size());
  const kernels::ConvReluPoolShape conv1 = {1, data.problem.height,
                                            data.problem.width, 6};
  const kernels::ConvReluPoolShape conv2 = {
      6, static_cast<int>(conv1.out_height()),
      static_cast<int>(conv1.out_width()), 16};
  Doubles x;
  x.reserve(data.images.size());
  for (const uint8_t pixel : data.images) x.push_back(data.normalize[pixel]);
  x = kernels::ConvReluPoolForwardReference(conv1, count, x, parameters[0]).y;
  x = kernels::ConvReluPoolForwardReference(conv2, count, x, parameters[1]).y;
  const int sizes[] = {static_cast<int>(conv2.out_size()), 120, 84, 10};
  for (size_t i = 0; i < 3; ++i) {
    x = kernels::DenseForwardReference(sizes[i], sizes[i + 1], count, x,
                                       parameters[2 + 2 * i],
                                       parameters[3 + 2 * i], i < 2);
  }
  return x;
}

Expected TrainReference(const Data& data) {
  const TrainBatches batches = data.Batches();
  Expected result;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result.parameters[i].assign(data.parameters[i].begin(),
                                data.parameters[i].end());
    result.moments[i].resize(data.parameters[i].size());
  }
  result.logits = Logits(data, result.parameters);
  for (int step = 0; step < batches.steps; ++step) {
    const kernels::Momentum& optimizer = batches.optimizers[step];
    const kernels::LenetGradient gradient = kernels::LenetGradientReference(
        batches, batches.order + step * batches.batch, result.parameters);
    result.losses.push_back(gradient.loss);
    result.margin = std::min(result.margin, gradient.margin);
    for (size_t i = 0; i < kLenetParameters; ++i) {
      for (size_t j = 0; j < result.parameters[i].size(); ++j) {
        double& moment = result.moments[i][j];
        moment = double{optimizer.momentum} * moment + gradient.gradients[i][j];
        result.parameters[i][j] -= double{optimizer.learning_rate} * moment;
      }
    }
  }
  return result;
}

absl::Status Compare(absl::string_view name, const std::vector<float>& actual,
                     const Doubles& expected, const Trainer& trainer) {
  double largest = 0.0;
  double worst = 0.0;
  for (size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    const double difference = std::abs(actual[i] - expected[i]);
    // NaN differs.
    if (!(difference <= worst)) worst = difference;
  }
  if (worst <= kCheckTolerance * largest) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      "GPU: ", trainer.card(), " computes wrong results: ", name,
      " differs by ", worst, " from the reference, of numbers up to ", largest,
      "; update NVIDIA's driver, or use another card or --device_target=CPU"));
}

LenetParameters Pointers(Arrays* arrays) {
  LenetParameters result;
  for (size_t i = 0; i < kLenetParameters; ++i) result[i] = (*arrays)[i].data();
  return result;
}

}  // namespace

absl::Status CheckCard(const CheckProblem& problem, Trainer* trainer) {
  // The first data for which float32 and double precision select the same
  // maxima and the same sides of each ReLU.
  unsigned seed = 1;
  Data data(problem, seed);
  Expected expected = TrainReference(data);
  while (expected.margin < kMargin) {
    data = Data(problem, ++seed);
    expected = TrainReference(data);
  }

  const TrainBatches batches = data.Batches();
  std::vector<float> logits(expected.logits.size());
  std::vector<float> losses(Size(problem.steps));
  Arrays moments;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    moments[i].resize(data.parameters[i].size());
  }
  LENET_RETURN_IF_ERROR(
      trainer->Forward(batches.images, batches.count, batches.normalize,
                       Pointers(&data.parameters).data(), logits.data()));
  LENET_RETURN_IF_ERROR(trainer->Train(batches, Pointers(&data.parameters),
                                       Pointers(&moments), losses.data()));
  LENET_RETURN_IF_ERROR(
      Compare("the logits", logits, expected.logits, *trainer));
  LENET_RETURN_IF_ERROR(Compare("the loss", losses, expected.losses, *trainer));
  for (size_t i = 0; i < kLenetParameters; ++i) {
    LENET_RETURN_IF_ERROR(Compare(kNames[i], data.parameters[i],
                                  expected.parameters[i], *trainer));
    LENET_RETURN_IF_ERROR(Compare(absl::StrCat("the moment of ", kNames[i]),
                                  moments[i], expected.moments[i], *trainer));
  }
  return absl::OkStatus();
}

}  // namespace lenet::gpu

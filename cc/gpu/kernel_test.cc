#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cc/gpu/kernel_host.h"
#include "cc/gpu/kernel_plan.h"
#include "cc/kernels/reference.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// The kernels' source, compiled as C++, against the reference in double
// precision and against the kernels for CPUs.

namespace lenet::gpu {
namespace {

using kernels::Doubles;
using kernels::kLenetParameters;
using kernels::LenetArrays;
using kernels::LenetGradient;
using kernels::LenetParameters;
using kernels::TrainBatches;
using Floats = std::vector<float>;

// Rounding error of float32 in an element of the forward pass.
constexpr double kMargin = 4e-7;

size_t Size(int count) { return static_cast<size_t>(count); }

// A training call on random images and weights. Arrays have exactly their
// sizes, for AddressSanitizer.
struct Problem {
  Problem(const Config& image_config, int batch_size, int step_count,
          unsigned seed)
      : config(image_config), batch(batch_size), steps(step_count) {
    std::mt19937 generator(seed);
    const auto below = [&](unsigned limit) {
      return static_cast<int>(generator() % limit);
    };
    const int count = batch + 3;
    images.resize(Size(count) * Size(config.height) * Size(config.width));
    for (uint8_t& pixel : images) pixel = static_cast<uint8_t>(below(256));
    labels.resize(Size(count));
    for (int32_t& label : labels) label = below(10);
    for (int i = 0; i < 256; ++i) {
      normalize.push_back(static_cast<float>((i / 255.0 - 0.1307) / 0.3081));
    }
    order.resize(Size(batch) * Size(steps));
    for (int32_t& index : order) index = below(static_cast<unsigned>(count));
    for (int i = 1; i <= steps; ++i) {
      optimizers.push_back({0.05F / static_cast<float>(i), 0.9F});
    }
    const int features = Features(config.height, config.width);
    parameters.resize(Size(ParameterOffset(kArrays, features)));
    std::normal_distribution<float> normal(0.0F, 0.1F);
    for (int i = 0; i < kArrays; ++i) {
      const auto first = parameters.begin() + ParameterOffset(i, features);
      std::generate_n(first, ParameterSize(i, features),
                      [&] { return normal(generator); });
    }
  }

  TrainBatches Batches() const {
    return {images.data(),    labels.data(),
            normalize.data(), static_cast<int64_t>(labels.size()),
            config.height,    config.width,
            order.data(),     optimizers.data(),
            steps,            batch};
  }

  // Returns array `i` of `values`, which has the layout of `parameters`.
  float* Array(Floats* values, size_t i) const {
    const int array = static_cast<int>(i);
    return values->data() +
           ParameterOffset(array, Features(config.height, config.width));
  }

  LenetArrays Arrays(Floats values) const {
    LenetArrays result;
    for (size_t i = 0; i < kLenetParameters; ++i) {
      const float* const first = Array(&values, i);
      result[i].assign(
          first, first + ParameterSize(static_cast<int>(i),
                                       Features(config.height, config.width)));
    }
    return result;
  }

  Config config;
  int batch;
  int steps;
  std::vector<uint8_t> images;
  std::vector<int32_t> labels;
  Floats normalize;
  std::vector<int32_t> order;
  std::vector<kernels::Momentum> optimizers;
  Floats parameters;
};

struct Trained {
  Floats parameters;
  Floats moments;
  Floats losses;

  bool operator==(const Trained& other) const {
    return parameters == other.parameters && moments == other.moments &&
           losses == other.losses;
  }
};

// An array aligned for the kernels.
template <typename T>
class Aligned {
 public:
  explicit Aligned(const std::vector<T>& values)
      : vectors_((values.size() * sizeof(T) + 15) / 16) {
    std::copy(values.begin(), values.end(), data());
  }
  T* data() { return reinterpret_cast<T*>(vectors_.data()); }

 private:
  struct alignas(16) Vector {
    float values[4];
  };
  std::vector<Vector> vectors_;
};

Trained Train(const HostKernel& kernel, const Problem& problem, int clusters,
              bool is_reversed) {
  const size_t size = problem.parameters.size();
  Aligned<float> parameters(problem.parameters);
  Aligned<float> moments((Floats(size)));
  Aligned<float> workspace(
      Floats(WorkspaceFloats(kernel.config, problem.batch),
             std::numeric_limits<float>::quiet_NaN()));
  Trained result;
  result.losses.resize(Size(problem.steps));
  unsigned barrier = 0;
  kernel.train({problem.images.data(), problem.labels.data(),
                problem.normalize.data(), problem.order.data(),
                &problem.optimizers.data()->learning_rate, parameters.data(),
                moments.data(), result.losses.data(), workspace.data(),
                &barrier, problem.steps, problem.batch},
               clusters, is_reversed);
  result.parameters.assign(parameters.data(), parameters.data() + size);
  result.moments.assign(moments.data(), moments.data() + size);
  return result;
}

struct Expected {
  LenetArrays parameters;
  LenetArrays moments;
  Doubles losses;
  double margin = std::numeric_limits<double>::infinity();
};

Expected TrainReference(const Problem& problem) {
  const TrainBatches batches = problem.Batches();
  Expected result;
  result.parameters = problem.Arrays(problem.parameters);
  for (int step = 0; step < batches.steps; ++step) {
    const kernels::Momentum& optimizer = batches.optimizers[step];
    const LenetGradient gradient = kernels::LenetGradientReference(
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

void ExpectClose(const Doubles& actual, const Doubles& expected,
                 const std::string& name) {
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0.0;
  for (const double value : expected) {
    largest = std::max(largest, std::abs(value));
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-5 * largest) << name << ", " << i;
  }
}

void ExpectClose(const Trained& trained, const Problem& problem,
                 const Expected& expected) {
  ExpectClose(Doubles(trained.losses.begin(), trained.losses.end()),
              expected.losses, "loss");
  const LenetArrays parameters = problem.Arrays(trained.parameters);
  const LenetArrays moments = problem.Arrays(trained.moments);
  for (size_t i = 0; i < kLenetParameters; ++i) {
    const std::string name = std::to_string(i);
    ExpectClose(moments[i], expected.moments[i], "moment " + name);
    ExpectClose(parameters[i], expected.parameters[i], "parameter " + name);
  }
}

class KernelTest : public testing::TestWithParam<HostKernel> {};

INSTANTIATE_TEST_SUITE_P(
    Configs, KernelTest, testing::ValuesIn(HostKernels()),
    [](const auto& tested) { return std::string(tested.param.name); });

TEST_P(KernelTest, MatchesReference) {
  const HostKernel& kernel = GetParam();
  const bool is_small = kernel.config.height < 32;
  // The reference takes long for large images.
  const std::vector<int> batches = is_small
                                       ? std::vector<int>{1, 2, 31, 32, 33, 257}
                                       : std::vector<int>{1, 33};
  for (const int batch : batches) {
    SCOPED_TRACE("batch " + std::to_string(batch));
    const int steps = batch < 31 ? 3 : 1;
    // The first data for which float32 and double precision select the same
    // maxima and the same sides of each ReLU.
    unsigned seed = 1;
    Problem problem(kernel.config, batch, steps, seed);
    Expected expected = TrainReference(problem);
    while (expected.margin < kMargin) {
      problem = Problem(kernel.config, batch, steps, ++seed);
      expected = TrainReference(problem);
    }
    ExpectClose(Train(kernel, problem, 3, false), problem, expected);
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace lenet::gpu

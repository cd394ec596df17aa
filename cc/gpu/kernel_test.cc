#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <numeric>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "cc/gpu/kernel_host.h"
#include "cc/gpu/kernel_plan.h"
#include "cc/kernels/reference.h"
#include "cc/kernels/thread_pool.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

// The kernels' source, compiled as C++, against the reference in double
// precision and against the kernels for CPUs.

namespace lenet::gpu {

void PrintTo(const HostKernel& kernel, std::ostream* out) {
  *out << kernel.name;
}

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
    return {images.data(),
            labels.data(),
            normalize.data(),
            static_cast<int64_t>(labels.size()),
            config.height,
            config.width,
            order.data(),
            optimizers.data(),
            steps,
            batch};
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
  Aligned<float> workspace(Floats(WorkspaceFloats(kernel.config, problem.batch),
                                  std::numeric_limits<float>::quiet_NaN()));
  Trained result;
  result.losses.resize(Size(problem.steps));
  unsigned barrier = 0;
  kernel.train(
      {problem.images.data(), problem.labels.data(), problem.normalize.data(),
       problem.order.data(), &problem.optimizers.data()->learning_rate,
       parameters.data(), moments.data(), result.losses.data(),
       workspace.data(), &barrier, problem.steps, problem.batch},
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

INSTANTIATE_TEST_SUITE_P(Configs, KernelTest, testing::ValuesIn(HostKernels()),
                         [](const auto& tested) {
                           return std::string(tested.param.name);
                         });

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

// Equal windows of a pool, outputs that are 0 for all images, and logits of
// hundreds or close to 0.
TEST_P(KernelTest, MatchesReferenceInSpecialCases) {
  const HostKernel& kernel = GetParam();
  using Change = void (*)(Problem*);
  const std::pair<const char*, Change> changes[] = {
      // Blocks of 4x4 equal pixels, and one weight per pair of channels.
      {"ties",
       [](Problem* p) {
         const size_t width = Size(p->config.width);
         for (size_t i = 0; i < p->images.size(); ++i) {
           const size_t row = i / width % Size(p->config.height) % 4;
           p->images[i] = p->images[i - row * width - i % width % 4];
         }
         for (const auto& [array, tap] : {std::pair{0, 12}, {1, 6}}) {
           const int size = ParameterSize(array, 0);
           for (int i = 0; i < size; ++i) {
             if (i % kTaps == tap) continue;
             p->Array(&p->parameters, Size(array))[i] = 0.0F;
           }
         }
       }},
      {"dead outputs",
       [](Problem* p) {
         const auto kill = [](float* first, int count) {
           std::for_each(first, first + count, [](float& v) { v -= 30.0F; });
         };
         kill(p->Array(&p->parameters, 0) + kTaps, kTaps);
         kill(p->Array(&p->parameters, 1), kChannels1 * kTaps);
         kill(p->Array(&p->parameters, 3), kDense1 / 2);
         kill(p->Array(&p->parameters, 5) + 5, kDense2 / 2);
       }},
      {"nothing but biases",
       [](Problem* p) {
         float* const biases = p->Array(&p->parameters, 5);
         std::fill(biases, biases + kDense2, -1000.0F);
       }},
      {"large logits",
       [](Problem* p) {
         float* const weights = p->Array(&p->parameters, 6);
         std::for_each(weights, weights + kClasses * kDense2,
                       [](float& v) { v *= 100.0F; });
       }},
      {"small logits",
       [](Problem* p) {
         float* const weights = p->Array(&p->parameters, 6);
         std::for_each(weights, weights + kClasses * kDense2 + 12,
                       [](float& v) { v *= 1e-18F; });
       }},
  };
  for (const auto& [name, change] : changes) {
    SCOPED_TRACE(name);
    unsigned seed = 1;
    const auto make = [&, change = change] {
      Problem problem(kernel.config, 5, 1, seed++);
      change(&problem);
      return problem;
    };
    Problem problem = make();
    Expected expected = TrainReference(problem);
    while (name != changes[0].first && expected.margin < kMargin) {
      problem = make();
      expected = TrainReference(problem);
    }
    ExpectClose(Train(kernel, problem, 3, false), problem, expected);
    if (HasFatalFailure()) return;
  }
}

TEST_P(KernelTest, NaNGivesNaN) {
  Problem problem(GetParam().config, 2, 1, 1);
  problem.Array(&problem.parameters, 7)[3] = NAN;
  EXPECT_THAT(Train(GetParam(), problem, 1, false).losses,
              testing::Each(testing::IsNan()));
}

TEST_P(KernelTest, SameBitsForAnyOrderAndNumberOfBlocks) {
  const HostKernel& kernel = GetParam();
  const Problem problem(kernel.config, 5, 2, 1);
  const Trained expected = Train(kernel, problem, 2, false);
  for (const int clusters : {1, 2, 5, 40}) {
    SCOPED_TRACE(clusters);
    EXPECT_TRUE(Train(kernel, problem, clusters, false) == expected);
    EXPECT_TRUE(Train(kernel, problem, clusters, true) == expected);
  }
}

TEST_P(KernelTest, ForwardMatchesReference) {
  const HostKernel& kernel = GetParam();
  for (const int count : {1, 7}) {
    const Problem problem(kernel.config, count, 1, 1);
    const double loss =
        LenetGradientReference(problem.Batches(), problem.order.data(),
                               problem.Arrays(problem.parameters))
            .loss;
    const size_t size = problem.images.size() / problem.labels.size();
    std::vector<uint8_t> images;
    std::vector<int32_t> labels;
    for (const int32_t index : problem.order) {
      const auto first =
          problem.images.begin() + static_cast<ptrdiff_t>(Size(index) * size);
      images.insert(images.end(), first, first + static_cast<ptrdiff_t>(size));
      labels.push_back(problem.labels[Size(index)]);
    }
    Aligned<float> parameters(problem.parameters);
    for (const bool is_reversed : {false, true}) {
      Floats logits(Size(count) * kClasses);
      kernel.forward({images.data(), problem.normalize.data(),
                      parameters.data(), logits.data(), count},
                     2, is_reversed);
      const Doubles losses =
          kernels::SoftmaxCrossEntropyReference(
              kClasses, Doubles(logits.begin(), logits.end()), labels, count)
              .losses;
      EXPECT_NEAR(std::accumulate(losses.begin(), losses.end(), 0.0) / count,
                  loss, 1e-5);
    }
  }
}

// The images of a class share a pattern, so the loss falls.
TEST_P(KernelTest, LossesOf50StepsAreThoseOfTheKernelsForCpus) {
  const HostKernel& kernel = GetParam();
  constexpr int kSteps = 50;
  Problem problem(kernel.config, 32, kSteps, 1);
  const size_t size = problem.images.size() / problem.labels.size();
  for (size_t i = 0; i < problem.images.size(); ++i) {
    const size_t pattern = i % size + 37 * Size(problem.labels[i / size]);
    problem.images[i] = static_cast<uint8_t>(
        problem.images[i] / 4 + (pattern * pattern / 50 % 2) * 150);
  }
  for (kernels::Momentum& optimizer : problem.optimizers) {
    optimizer.learning_rate = 0.01F;
  }
  const Trained trained = Train(kernel, problem, 3, false);

  Floats parameters = problem.parameters;
  Floats moments(parameters.size());
  Floats losses(kSteps);
  LenetParameters parameter_arrays;
  LenetParameters moment_arrays;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    parameter_arrays[i] = problem.Array(&parameters, i);
    moment_arrays[i] = problem.Array(&moments, i);
  }
  kernels::ThreadPool pool(1);
  ASSERT_TRUE(kernels::TrainLenet(problem.Batches(), parameter_arrays,
                                  moment_arrays, losses.data(), &pool));
  EXPECT_LT(losses.back(), 0.5F * losses.front());
  EXPECT_THAT(trained.losses,
              testing::Pointwise(testing::FloatNear(1e-4F), losses));
}

TEST(PlanKernelTest, ChoosesByCard) {
  struct Case {
    Card card;
    int cluster;
    int planes;
  };
  const Case cases[] = {{{60, 56, 49152, false}, 1, 2},     // P100
                        {{70, 80, 98304, false}, 1, 16},    // V100
                        {{75, 40, 65536, false}, 1, 4},     // T4
                        {{80, 108, 166912, false}, 1, 16},  // A100
                        {{90, 132, 232448, true}, 4, 16},   // H100
                        {{90, 132, 232448, false}, 1, 16},
                        {{90, 3, 232448, true}, 1, 16}};
  for (const Case& tested : cases) {
    const auto plan = PlanKernel(tested.card, 32, 32);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->config.cluster, tested.cluster);
    EXPECT_EQ(plan->config.planes, tested.planes);
    EXPECT_EQ(plan->blocks,
              tested.card.processors / tested.cluster * tested.cluster);
  }
}

TEST(PlanKernelTest, RejectsImagesThatDoNotFit) {
  const Card card = {75, 40, 65536, false};
  EXPECT_THAT(PlanKernel(card, 15, 32).status().ToString(),
              testing::HasSubstr("images of 15x32 are smaller than 16x16"));
  EXPECT_THAT(PlanKernel(card, 100, 100).status().ToString(),
              testing::HasSubstr("images of 100x100 are too large"));
  EXPECT_THAT(PlanKernel(card, 1 << 20, 1 << 20).status().ToString(),
              testing::HasSubstr("are too large"));
}

}  // namespace
}  // namespace lenet::gpu

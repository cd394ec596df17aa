#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "cc/gpu/kernel_host.h"
#include "cc/gpu/kernel_plan.h"
#include "cc/kernels/thread_pool.h"
#include "cc/kernels/train_problem.h"
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
using kernels::LenetFloats;
using kernels::LenetParameters;
using kernels::TrainData;
using kernels::TrainProblem;
using kernels::TrainSolution;
using Floats = std::vector<float>;

// Rounding error of float32 in an element of the forward pass.
constexpr double kMargin = 4e-7;

size_t Size(int count) { return static_cast<size_t>(count); }

TrainProblem MakeProblem(const HostKernel& kernel, int batch, int steps) {
  return {kernel.config.height, kernel.config.width, batch, steps};
}

struct Trained {
  LenetFloats parameters;
  LenetFloats moments;
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

// Returns the arrays one after the other, as the kernels need them.
Aligned<float> Pack(const LenetFloats& arrays, int features) {
  Aligned<float> packed(Floats(Size(ParameterOffset(kArrays, features))));
  for (int i = 0; i < kArrays; ++i) {
    const Floats& array = arrays[Size(i)];
    std::copy(array.begin(), array.end(),
              packed.data() + ParameterOffset(i, features));
  }
  return packed;
}

void Unpack(Aligned<float>* packed, int features, LenetFloats* arrays) {
  for (int i = 0; i < kArrays; ++i) {
    Floats& array = (*arrays)[Size(i)];
    std::copy_n(packed->data() + ParameterOffset(i, features), array.size(),
                array.begin());
  }
}

// Trains from accumulators of zero.
Trained Train(const HostKernel& kernel, const TrainData& data, int clusters,
              bool is_reversed) {
  const int features = Features(data.problem.height, data.problem.width);
  Trained result = {data.parameters, data.parameters,
                    Floats(Size(data.problem.steps))};
  for (Floats& array : result.moments) {
    std::fill(array.begin(), array.end(), 0.0F);
  }
  Aligned<float> parameters = Pack(data.parameters, features);
  Aligned<float> moments = Pack(result.moments, features);
  Aligned<float> workspace(
      Floats(WorkspaceFloats(kernel.config, data.problem.batch), NAN));
  unsigned barrier = 0;
  kernel.train(
      {data.images.data(), data.labels.data(), data.normalize.data(),
       data.order.data(), &data.optimizers.data()->learning_rate,
       parameters.data(), moments.data(), result.losses.data(),
       workspace.data(), &barrier, data.problem.steps, data.problem.batch},
      clusters, is_reversed);
  Unpack(&parameters, features, &result.parameters);
  Unpack(&moments, features, &result.moments);
  return result;
}

void ExpectClose(const Floats& actual, const Doubles& expected,
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

void ExpectClose(const Trained& trained, const TrainSolution& expected) {
  ExpectClose(trained.losses, expected.losses, "loss");
  for (size_t i = 0; i < kLenetParameters; ++i) {
    const std::string name = std::to_string(i);
    ExpectClose(trained.moments[i], expected.moments[i], "moment " + name);
    ExpectClose(trained.parameters[i], expected.parameters[i],
                "parameter " + name);
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
    TrainSolution expected;
    const TrainData data =
        MakeClearData(MakeProblem(kernel, batch, steps), &expected);
    ExpectClose(Train(kernel, data, 3, false), expected);
    if (HasFatalFailure()) return;
  }
}

// Equal windows of a pool, outputs that are 0 for all images, and logits of
// hundreds or close to 0.
TEST_P(KernelTest, MatchesReferenceInSpecialCases) {
  const HostKernel& kernel = GetParam();
  using Change = void (*)(TrainData*);
  const std::pair<const char*, Change> changes[] = {
      // Blocks of 4x4 equal pixels, and one weight per pair of channels.
      {"ties",
       [](TrainData* data) {
         const size_t width = Size(data->problem.width);
         for (size_t i = 0; i < data->images.size(); ++i) {
           const size_t row = i / width % Size(data->problem.height) % 4;
           data->images[i] = data->images[i - row * width - i % width % 4];
         }
         for (const auto& [array, tap] : {std::pair{0U, 12U}, {1U, 6U}}) {
           Floats& weights = data->parameters[array];
           for (size_t i = 0; i < weights.size(); ++i) {
             if (i % kTaps != tap) weights[i] = 0.0F;
           }
         }
       }},
      {"dead outputs",
       [](TrainData* data) {
         const auto kill = [](float* first, int count) {
           std::for_each(first, first + count, [](float& v) { v -= 30.0F; });
         };
         kill(&data->parameters[0][kTaps], kTaps);
         kill(&data->parameters[1][0], kChannels1 * kTaps);
         kill(&data->parameters[3][0], kDense1 / 2);
         kill(&data->parameters[5][5], kDense2 / 2);
       }},
      {"nothing but biases",
       [](TrainData* data) { data->parameters[5].assign(kDense2, -1000.0F); }},
      {"large logits",
       [](TrainData* data) {
         for (float& weight : data->parameters[6]) weight *= 100.0F;
       }},
      {"small logits",
       [](TrainData* data) {
         for (float& weight : data->parameters[6]) weight *= 1e-18F;
         for (float& bias : data->parameters[7]) bias *= 1e-18F;
       }},
  };
  for (const auto& [name, change] : changes) {
    SCOPED_TRACE(name);
    TrainSolution expected;
    for (unsigned seed = 1;; ++seed) {
      TrainData data(MakeProblem(kernel, 5, 1), seed);
      change(&data);
      expected = TrainReference(data);
      // Ties are exact in both precisions.
      if (name != changes[0].first && expected.margin < kMargin) continue;
      ExpectClose(Train(kernel, data, 3, false), expected);
      break;
    }
    if (HasFatalFailure()) return;
  }
}

TEST_P(KernelTest, NaNGivesNaN) {
  TrainData data(MakeProblem(GetParam(), 2, 1), 1);
  data.parameters[7][3] = NAN;
  EXPECT_THAT(Train(GetParam(), data, 1, false).losses,
              testing::Each(testing::IsNan()));
}

TEST_P(KernelTest, SameBitsForAnyOrderAndNumberOfBlocks) {
  const HostKernel& kernel = GetParam();
  const TrainData data(MakeProblem(kernel, 5, 2), 1);
  const Trained expected = Train(kernel, data, 2, false);
  for (const int clusters : {1, 2, 5, 40}) {
    SCOPED_TRACE(clusters);
    EXPECT_TRUE(Train(kernel, data, clusters, false) == expected);
    EXPECT_TRUE(Train(kernel, data, clusters, true) == expected);
  }
}

TEST_P(KernelTest, ForwardMatchesReference) {
  const HostKernel& kernel = GetParam();
  const TrainData data(MakeProblem(kernel, 4, 1), 1);  // seven images
  const TrainSolution expected = TrainReference(data);
  Aligned<float> parameters = Pack(
      data.parameters, Features(kernel.config.height, kernel.config.width));
  for (const bool is_reversed : {false, true}) {
    Floats logits(expected.logits.size());
    kernel.forward(
        {data.images.data(), data.normalize.data(), parameters.data(),
         logits.data(), static_cast<int>(data.labels.size())},
        2, is_reversed);
    ExpectClose(logits, expected.logits, "logit");
  }
}

// The images of a class share a pattern, so the loss falls.
TEST_P(KernelTest, LossesOf50StepsAreThoseOfTheKernelsForCpus) {
  const HostKernel& kernel = GetParam();
  constexpr int kSteps = 50;
  TrainData data(MakeProblem(kernel, 32, kSteps), 1);
  const size_t size = data.images.size() / data.labels.size();
  for (size_t i = 0; i < data.images.size(); ++i) {
    const size_t pattern = i % size + 37 * Size(data.labels[i / size]);
    data.images[i] = static_cast<uint8_t>(data.images[i] / 4 +
                                          (pattern * pattern / 50 % 2) * 150);
  }
  for (kernels::Momentum& optimizer : data.optimizers) {
    optimizer.learning_rate = 0.01F;
  }
  const Trained trained = Train(kernel, data, 3, false);

  LenetFloats parameters = data.parameters;
  LenetFloats moments;
  Floats losses(kSteps);
  LenetParameters parameter_arrays;
  LenetParameters moment_arrays;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    moments[i].resize(parameters[i].size());
    parameter_arrays[i] = parameters[i].data();
    moment_arrays[i] = moments[i].data();
  }
  kernels::ThreadPool pool(1);
  ASSERT_TRUE(kernels::TrainLenet(data.Batches(), parameter_arrays,
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

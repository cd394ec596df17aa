#include "cc/kernels/lenet_train.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "cc/kernels/testing.h"
#include "cc/kernels/train_problem.h"

namespace lenet::kernels {
namespace {

size_t Size(int count) { return static_cast<size_t>(count); }

struct Trained {
  bool is_done = false;
  LenetFloats parameters;
  LenetFloats moments;
  Floats losses;

  bool operator==(const Trained& other) const {
    return is_done == other.is_done && parameters == other.parameters &&
           moments == other.moments && losses == other.losses;
  }
};

// Trains from accumulators of zero.
Trained Train(const TrainData& data, ThreadPool* pool) {
  const TrainBatches batches = data.Batches();
  Trained result;
  result.parameters = data.parameters;
  result.losses.resize(Size(batches.steps));
  LenetParameters parameters;
  LenetParameters moments;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result.moments[i].resize(result.parameters[i].size());
    parameters[i] = result.parameters[i].data();
    moments[i] = result.moments[i].data();
  }
  result.is_done =
      TrainLenet(batches, parameters, moments, result.losses.data(), pool);
  return result;
}

Trained Train(const TrainData& data, int threads) {
  ThreadPool pool(threads);
  return Train(data, &pool);
}

double Largest(const Doubles& values) {
  double largest = 0.0;
  for (const double value : values) {
    largest = std::max(largest, std::abs(value));
  }
  return largest;
}

void ExpectClose(const Floats& actual, const Doubles& expected,
                 const std::string& name) {
  ASSERT_EQ(actual.size(), expected.size());
  const double tolerance = 1e-5 * Largest(expected);
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance) << name << ", " << i;
  }
}

class LenetTrainTest : public hwy::TestWithParamTarget {};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(LenetTrainTest);

TEST_P(LenetTrainTest, MatchesReference) {
  std::vector<TrainProblem> problems = {{16, 16, 4, 1}, {32, 32, 9, 3}};
  for (const int batch : {1, 2, 3, 7, 8, 9, 31, 33, 257}) {
    problems.push_back({20, 17, batch, 1});
  }
  for (const TrainProblem& problem : problems) {
    SCOPED_TRACE("batch " + std::to_string(problem.batch));
    TrainSolution expected;
    const TrainData data = MakeClearData(problem, &expected);
    const Trained trained = Train(data, 2);
    ASSERT_TRUE(trained.is_done);
    ExpectClose(trained.losses, expected.losses, "loss");
    for (size_t i = 0; i < kLenetParameters; ++i) {
      const std::string name = std::to_string(i);
      ExpectClose(trained.parameters[i], expected.parameters[i],
                  "parameter " + name);
      ExpectClose(trained.moments[i], expected.moments[i], "moment " + name);
    }
    if (HasFatalFailure()) return;
  }
}

TEST(LenetTrainTest, GradientIsTheSlopeOfTheLoss) {
  constexpr double kDistance = 1e-7;
  TrainSolution expected;
  const TrainData data = MakeClearData({20, 17, 2, 1}, &expected);
  const TrainBatches batches = data.Batches();
  const Trained trained = Train(data, 2);
  LenetArrays parameters = ToLenetArrays(data.parameters);
  for (size_t i = 0; i < kLenetParameters; ++i) {
    const double tolerance = 1e-5 * Largest(expected.moments[i]);
    const size_t stride = parameters[i].size() / 10;
    for (size_t j = 0; j < parameters[i].size(); j += stride) {
      double& parameter = parameters[i][j];
      const auto loss_at = [&](double value) {
        parameter = value;
        return LenetGradientReference(batches, batches.order, parameters).loss;
      };
      const double old = parameter;
      const double slope =
          (loss_at(old + kDistance) - loss_at(old - kDistance)) /
          (2.0 * kDistance);
      parameter = old;
      EXPECT_NEAR(trained.moments[i][j], slope, tolerance)
          << "parameter " << i << ", " << j;
    }
  }
}

TEST(LenetTrainTest, SameBitsForAnyNumberOfThreads) {
  for (const int batch : {1, 33, 100}) {
    const TrainData data({20, 17, batch, 3}, 5);
    const Trained one = Train(data, 1);
    ASSERT_TRUE(one.is_done);
    for (const int threads : {0, 1, 2, 3, 4, 7}) {
      for (int run = 0; run < 3; ++run) {
        EXPECT_TRUE(Train(data, threads) == one) << threads << " threads";
      }
    }
  }
}

// A batch of 32 has 8 chunks of images, then 19 tasks that update parameters.
TEST(LenetTrainTest, CallsOnlyThreadsWithAChunkOrAnUpdate) {
  const TrainData data({20, 17, 32, 3}, 5);
  for (const auto& [asked, threads] : {std::pair{8, 8}, {16, 16}, {64, 19}}) {
    ThreadPool pool(UsefulTrainThreads(data.Batches(), asked));
    ASSERT_EQ(pool.threads(), threads);
    EXPECT_TRUE(Train(data, &pool).is_done);
    for (int i = 1; i < threads; ++i) {
      EXPECT_EQ(pool.counts(i).calls, i < 8 ? 2 * 3 : 3) << "thread " << i;
    }
  }
}

TEST(LenetTrainTest, NoStepsChangeNothing) {
  const TrainData data({32, 32, 8, 0}, 5);
  const Trained trained = Train(data, 2);
  EXPECT_TRUE(trained.is_done);
  EXPECT_EQ(trained.parameters, data.parameters);
}

void ExpectRejected(const TrainData& data) {
  const Trained trained = Train(data, 2);
  EXPECT_FALSE(trained.is_done);
  EXPECT_EQ(trained.parameters, data.parameters);
  for (const Floats& moments : trained.moments) {
    EXPECT_EQ(moments, Floats(moments.size(), 0.0f));
  }
  EXPECT_EQ(trained.losses, Floats(trained.losses.size(), 0.0f));
}

TEST(LenetTrainTest, RejectsInvalidData) {
  for (const int32_t index : {-1, 5, std::numeric_limits<int32_t>::min(),
                              std::numeric_limits<int32_t>::max()}) {
    TrainData data({32, 32, 2, 3}, 5);  // five images
    data.order.back() = index;
    ExpectRejected(data);
  }
  for (const int32_t label : {-1, 10}) {
    TrainData data({32, 32, 2, 3}, 5);
    data.labels[Size(data.order.back())] = label;
    ExpectRejected(data);
  }
  ExpectRejected(TrainData({17, 15, 2, 1}, 5));
  ExpectRejected(TrainData({15, 17, 2, 1}, 5));
  ExpectRejected(TrainData({32, 32, 0, 1}, 5));
}

}  // namespace
}  // namespace lenet::kernels

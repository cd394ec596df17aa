#include "cc/kernels/lenet_train.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cc/kernels/lenet_train_reference.h"

namespace lenet::kernels {
namespace {

using Floats = std::vector<float>;
using Arrays = std::array<Floats, kLenetParameters>;

// Less than float32 may err by in an element of the forward pass.
constexpr double kMargin = 4e-7;

struct Problem {
  int height;
  int width;
  int batch;
  int steps;
};

// Noise, so that no two windows of a pool are alike, and everything in arrays
// of exactly their size, for AddressSanitizer.
class Data {
 public:
  Data(const Problem& problem, unsigned seed)
      : problem_(problem), generator_(seed) {
    const int count = problem.batch + 3;
    images_.resize(Size(count) * Size(problem.height) * Size(problem.width));
    for (uint8_t& pixel : images_) pixel = static_cast<uint8_t>(Below(256));
    labels_.resize(Size(count));
    for (int32_t& label : labels_) label = Below(10);
    for (int i = 0; i < 256; ++i) {
      normalize_.push_back(static_cast<float>((i / 255.0 - 0.1307) / 0.3081));
    }
    order_.resize(Size(problem.batch) * Size(problem.steps));
    for (int32_t& index : order_) index = Below(count);
    for (int i = 1; i <= problem.steps; ++i) {
      optimizers_.push_back({0.05F / static_cast<float>(i), 0.9F});
    }
    MakeParameters();
  }

  TrainBatches Batches() const {
    return {images_.data(),    labels_.data(),
            normalize_.data(), static_cast<int64_t>(labels_.size()),
            problem_.height,   problem_.width,
            order_.data(),     optimizers_.data(),
            problem_.steps,    problem_.batch};
  }

  std::vector<int32_t>& labels() { return labels_; }
  std::vector<int32_t>& order() { return order_; }
  Arrays& parameters() { return parameters_; }
  const Arrays& parameters() const { return parameters_; }

 private:
  static size_t Size(int count) { return static_cast<size_t>(count); }
  int Below(unsigned limit) { return static_cast<int>(generator_() % limit); }

  void MakeParameters() {
    const auto after_block = [](int side) { return (side - 4) / 2; };
    const size_t features = 16 *
                            Size(after_block(after_block(problem_.height))) *
                            Size(after_block(after_block(problem_.width)));
    const size_t sizes[] = {150,      2400, 120 * features, 120,
                            84 * 120, 84,   10 * 84,        10};
    std::normal_distribution<float> normal(0.0F, 0.1F);
    for (size_t i = 0; i < kLenetParameters; ++i) {
      parameters_[i].resize(sizes[i]);
      for (float& value : parameters_[i]) value = normal(generator_);
    }
  }

  Problem problem_;
  std::mt19937 generator_;
  std::vector<uint8_t> images_;
  std::vector<int32_t> labels_;
  Floats normalize_;
  std::vector<int32_t> order_;
  std::vector<Momentum> optimizers_;
  Arrays parameters_;
};

struct Trained {
  bool is_done = false;
  Arrays parameters;
  Arrays moments;
  Floats losses;
};

bool IsSame(const Trained& a, const Trained& b) {
  return a.is_done == b.is_done && a.parameters == b.parameters &&
         a.moments == b.moments && a.losses == b.losses;
}

// With accumulators that are zero in the beginning.
Trained Train(const Data& data, int threads) {
  const TrainBatches batches = data.Batches();
  Trained result;
  result.parameters = data.parameters();
  result.losses.resize(static_cast<size_t>(batches.steps));
  LenetParameters parameters;
  LenetParameters moments;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result.moments[i].resize(result.parameters[i].size());
    parameters[i] = result.parameters[i].data();
    moments[i] = result.moments[i].data();
  }
  result.is_done =
      TrainLenet(batches, threads, parameters, moments, result.losses.data());
  return result;
}

struct Expected {
  LenetArrays parameters;
  LenetArrays moments;
  std::vector<double> losses;
  double margin = std::numeric_limits<double>::infinity();
};

LenetArrays Double(const Arrays& arrays) {
  LenetArrays result;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result[i].assign(arrays[i].begin(), arrays[i].end());
  }
  return result;
}

Expected TrainReference(const Data& data) {
  const TrainBatches batches = data.Batches();
  Expected result;
  result.parameters = Double(data.parameters());
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

// The first data, in order of their seed, on which float32 and double precision
// take the same side of each maximum and ReLU.
Data MakeClearData(const Problem& problem, Expected* expected) {
  for (unsigned seed = 1;; ++seed) {
    Data data(problem, seed);
    *expected = TrainReference(data);
    if (expected->margin > kMargin) return data;
  }
}

// 1e-5 of the largest.
void ExpectNear(const Floats& actual, const std::vector<double>& expected,
                const std::string& what) {
  ASSERT_EQ(actual.size(), expected.size());
  double largest = 0.0;
  for (const double value : expected) {
    largest = std::max(largest, std::abs(value));
  }
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-5 * largest) << what << ", " << i;
  }
}

template <typename Function>
void ForEachTarget(Function function) {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    SCOPED_TRACE(hwy::TargetName(target));
    hwy::SetSupportedTargetsForTest(target);
    function();
  }
  hwy::SetSupportedTargetsForTest(0);
}

void ExpectAsReference(const Problem& problem) {
  SCOPED_TRACE("batch " + std::to_string(problem.batch));
  Expected expected;
  const Data data = MakeClearData(problem, &expected);
  ForEachTarget([&] {
    const Trained trained = Train(data, 2);
    ASSERT_TRUE(trained.is_done);
    ExpectNear(trained.losses, expected.losses, "loss");
    for (size_t i = 0; i < kLenetParameters; ++i) {
      const std::string name = std::to_string(i);
      ExpectNear(trained.parameters[i], expected.parameters[i],
                 "parameter " + name);
      ExpectNear(trained.moments[i], expected.moments[i], "moment " + name);
    }
  });
}

TEST(LenetTrainTest, BatchOfAnySize) {
  for (const int batch : {1, 2, 3, 7, 8, 9, 31, 32, 33, 257}) {
    ExpectAsReference({20, 17, batch, 1});
  }
}

TEST(LenetTrainTest, SmallestImage) { ExpectAsReference({16, 16, 4, 1}); }

TEST(LenetTrainTest, SeveralSteps) { ExpectAsReference({32, 32, 33, 4}); }

TEST(LenetTrainTest, GradientIsTheSlopeOfTheLoss) {
  constexpr double kDistance = 1e-7;
  Expected expected;
  const Data data = MakeClearData({20, 17, 2, 1}, &expected);
  const TrainBatches batches = data.Batches();
  const Trained trained = Train(data, 2);
  LenetArrays parameters = Double(data.parameters());
  for (size_t i = 0; i < kLenetParameters; ++i) {
    double largest = 0.0;
    for (const double value : expected.moments[i]) {
      largest = std::max(largest, std::abs(value));
    }
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
      EXPECT_NEAR(trained.moments[i][j], slope, 1e-5 * largest)
          << "parameter " << i << ", " << j;
    }
  }
}

TEST(LenetTrainTest, DoesNotDependOnThreads) {
  for (const int batch : {1, 33, 100}) {
    const Data data({20, 17, batch, 3}, 5);
    const Trained one = Train(data, 1);
    ASSERT_TRUE(one.is_done);
    for (const int threads : {0, 1, 2, 3, 4, 7}) {
      for (int run = 0; run < 3; ++run) {
        EXPECT_TRUE(IsSame(Train(data, threads), one)) << threads << " threads";
      }
    }
  }
}

TEST(LenetTrainTest, NoStepsChangeNothing) {
  const Data data({32, 32, 8, 0}, 5);
  const Trained trained = Train(data, 2);
  EXPECT_TRUE(trained.is_done);
  EXPECT_EQ(trained.parameters, data.parameters());
}

void ExpectRefused(const Data& data) {
  const Trained trained = Train(data, 2);
  EXPECT_FALSE(trained.is_done);
  EXPECT_EQ(trained.parameters, data.parameters());
  for (const Floats& moments : trained.moments) {
    EXPECT_EQ(moments, Floats(moments.size(), 0.0F));
  }
  EXPECT_EQ(trained.losses, Floats(trained.losses.size(), 0.0F));
}

TEST(LenetTrainTest, RefusesAnIndexOutOfRange) {
  for (const int32_t index : {-1, 5, std::numeric_limits<int32_t>::min(),
                              std::numeric_limits<int32_t>::max()}) {
    Data data({32, 32, 2, 3}, 5);  // five images
    data.order().back() = index;
    ExpectRefused(data);
  }
}

TEST(LenetTrainTest, RefusesALabelOutOfRange) {
  for (const int32_t label : {-1, 10}) {
    Data data({32, 32, 2, 3}, 5);
    data.labels()[static_cast<size_t>(data.order().back())] = label;
    ExpectRefused(data);
  }
}

TEST(LenetTrainTest, RefusesAnImageTooSmall) {
  ExpectRefused(Data({17, 15, 2, 1}, 5));
  ExpectRefused(Data({15, 17, 2, 1}, 5));
}

TEST(LenetTrainTest, RefusesAnEmptyBatch) {
  ExpectRefused(Data({32, 32, 0, 1}, 5));
}

// The first two belong to convolutions, in whose pools NaN never wins.
TEST(LenetTrainTest, NanDoesNotStopTheTraining) {
  for (size_t i = 0; i < kLenetParameters; ++i) {
    Data data({20, 17, 9, 2}, 5);
    data.parameters()[i].back() = std::numeric_limits<float>::quiet_NaN();
    ForEachTarget([&] {
      const Trained trained = Train(data, 2);
      ASSERT_TRUE(trained.is_done);
      EXPECT_TRUE(std::isnan(trained.parameters[i].back()));
      for (const float loss : trained.losses) {
        EXPECT_EQ(std::isnan(loss), i >= 2) << "parameter " << i;
      }
    });
  }
}

}  // namespace
}  // namespace lenet::kernels

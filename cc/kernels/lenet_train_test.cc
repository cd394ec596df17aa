#include "cc/kernels/lenet_train.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "cc/kernels/testing.h"

namespace lenet::kernels {
namespace {

using Arrays = std::array<Floats, kLenetParameters>;

// Rounding error of float32 in an element of the forward pass.
constexpr double kMargin = 4e-7;

size_t Size(int count) { return static_cast<size_t>(count); }

struct Problem {
  int height;
  int width;
  int batch;
  int steps;
};

// Random images, so that no two windows of a pool are equal. The arrays have
// exactly their sizes, for AddressSanitizer.
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
      optimizers_.push_back({0.05f / static_cast<float>(i), 0.9f});
    }
    const auto shapes = LenetParameterShapes(problem.height, problem.width);
    std::normal_distribution<float> normal(0.0f, 0.1f);
    for (size_t i = 0; i < kLenetParameters; ++i) {
      size_t size = 1;
      for (const int64_t dim : shapes[i]) size *= static_cast<size_t>(dim);
      parameters_[i].resize(size);
      for (float& value : parameters_[i]) value = normal(generator_);
    }
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
  const Arrays& parameters() const { return parameters_; }

 private:
  int Below(unsigned limit) { return static_cast<int>(generator_() % limit); }

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

  bool operator==(const Trained& other) const {
    return is_done == other.is_done && parameters == other.parameters &&
           moments == other.moments && losses == other.losses;
  }
};

// Trains from accumulators of zero.
Trained Train(const Data& data, int threads) {
  const TrainBatches batches = data.Batches();
  Trained result;
  result.parameters = data.parameters();
  result.losses.resize(Size(batches.steps));
  LenetParameters parameters;
  LenetParameters moments;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result.moments[i].resize(result.parameters[i].size());
    parameters[i] = result.parameters[i].data();
    moments[i] = result.moments[i].data();
  }
  ThreadPool pool(threads);
  result.is_done =
      TrainLenet(batches, parameters, moments, result.losses.data(), &pool);
  return result;
}

struct Expected {
  LenetArrays parameters;
  LenetArrays moments;
  Doubles losses;
  double margin = std::numeric_limits<double>::infinity();
};

LenetArrays AllToDoubles(const Arrays& arrays) {
  LenetArrays result;
  for (size_t i = 0; i < kLenetParameters; ++i) {
    result[i] = ToDoubles(arrays[i]);
  }
  return result;
}

Expected TrainReference(const Data& data) {
  const TrainBatches batches = data.Batches();
  Expected result;
  result.parameters = AllToDoubles(data.parameters());
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

// Returns the first data, by seed, for which float32 and double precision
// select the same maxima and the same sides of each ReLU.
Data MakeClearData(const Problem& problem, Expected* expected) {
  for (unsigned seed = 1;; ++seed) {
    Data data(problem, seed);
    *expected = TrainReference(data);
    if (expected->margin > kMargin) return data;
  }
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
  std::vector<Problem> problems = {{16, 16, 4, 1}, {32, 32, 9, 3}};
  for (const int batch : {1, 2, 3, 7, 8, 9, 31, 33, 257}) {
    problems.push_back({20, 17, batch, 1});
  }
  for (const Problem& problem : problems) {
    SCOPED_TRACE("batch " + std::to_string(problem.batch));
    Expected expected;
    const Data data = MakeClearData(problem, &expected);
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
  Expected expected;
  const Data data = MakeClearData({20, 17, 2, 1}, &expected);
  const TrainBatches batches = data.Batches();
  const Trained trained = Train(data, 2);
  LenetArrays parameters = AllToDoubles(data.parameters());
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
    const Data data({20, 17, batch, 3}, 5);
    const Trained one = Train(data, 1);
    ASSERT_TRUE(one.is_done);
    for (const int threads : {0, 1, 2, 3, 4, 7}) {
      for (int run = 0; run < 3; ++run) {
        EXPECT_TRUE(Train(data, threads) == one) << threads << " threads";
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

void ExpectRejected(const Data& data) {
  const Trained trained = Train(data, 2);
  EXPECT_FALSE(trained.is_done);
  EXPECT_EQ(trained.parameters, data.parameters());
  for (const Floats& moments : trained.moments) {
    EXPECT_EQ(moments, Floats(moments.size(), 0.0f));
  }
  EXPECT_EQ(trained.losses, Floats(trained.losses.size(), 0.0f));
}

TEST(LenetTrainTest, RejectsInvalidData) {
  for (const int32_t index : {-1, 5, std::numeric_limits<int32_t>::min(),
                              std::numeric_limits<int32_t>::max()}) {
    Data data({32, 32, 2, 3}, 5);  // five images
    data.order().back() = index;
    ExpectRejected(data);
  }
  for (const int32_t label : {-1, 10}) {
    Data data({32, 32, 2, 3}, 5);
    data.labels()[Size(data.order().back())] = label;
    ExpectRejected(data);
  }
  ExpectRejected(Data({17, 15, 2, 1}, 5));
  ExpectRejected(Data({15, 17, 2, 1}, 5));
  ExpectRejected(Data({32, 32, 0, 1}, 5));
}

}  // namespace
}  // namespace lenet::kernels

#include "cc/kernels/conv_relu_pool.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "cc/kernels/testing.h"

namespace lenet::kernels {
namespace {

using Bytes = std::vector<uint8_t>;

struct Problem {
  ConvReluPoolShape shape;
  int images;
  Floats x;
  Floats weights;
  Floats dy;
};

struct Results {
  Floats y;
  Bytes argmax;
  Floats dx;
  Floats dw;
};

size_t Times(int images, size_t size) {
  return static_cast<size_t>(images) * size;
}

Problem Uniform(const ConvReluPoolShape& shape, int images) {
  return {shape, images, RandomFloats(Times(images, shape.in_size()), 1),
          RandomFloats(shape.weight_size(), 2),
          RandomFloats(Times(images, shape.out_size()), 3)};
}

// Small integers: float32 sums are exact, and equal outputs are frequent.
Problem Integers(const ConvReluPoolShape& shape, int images) {
  Problem p = Uniform(shape, images);
  for (Floats* const array : {&p.x, &p.weights, &p.dy}) {
    for (float& value : *array) value = std::round(2.5f * value);
  }
  return p;
}

Results Compute(const Problem& p, bool unaligned = false) {
  Guarded x(p.x, unaligned), weights(p.weights, unaligned), dy(p.dy, unaligned),
      y(p.dy.size(), unaligned), dx(p.x.size(), unaligned),
      rows(ConvRowsSize(p.shape), unaligned),
      d_rows(ConvRowsSize(p.shape), unaligned), dw(p.weights.size(), unaligned),
      packed(PackedConvWeightsSize(p.shape), unaligned),
      forward(ConvReluPoolForwardScratchSize(p.shape), unaligned),
      backward(ConvReluPoolBackwardScratchSize(p.shape), unaligned);
  Bytes argmax(p.dy.size(), 77);
  PackConvWeights(p.shape, weights.data(), packed.data());
  ConvReluPoolForward(p.shape, packed.data(), p.images, x.data(), y.data(),
                      argmax.data(), forward.data());
  PackConvRows(p.shape, weights.data(), rows.data());
  ConvReluPoolBackward(p.shape, rows.data(), p.images, x.data(), y.data(),
                       argmax.data(), dy.data(), dx.data(), d_rows.data(),
                       backward.data());
  SumConvRows(p.shape, 1, d_rows.data(), dw.data());
  return {y.Get(), argmax, dx.Get(), dw.Get()};
}

ConvReluPoolResult Forward(const Problem& p) {
  return ConvReluPoolForwardReference(p.shape, p.images, ToDoubles(p.x),
                                      ToDoubles(p.weights));
}

// Returns the gradients for the y and argmax of `results`.
LayerGradients Gradients(const Problem& p, const Results& results) {
  return ConvReluPoolBackwardReference(
      p.shape, p.images, ToDoubles(p.x), ToDoubles(p.weights),
      ToDoubles(results.y), results.argmax, ToDoubles(p.dy));
}

// Expects that each argmax is the position of a maximum, except for rounding.
void ExpectMaxima(const Problem& p, const Bytes& argmax,
                  const ConvReluPoolResult& expected) {
  const ConvReluPoolShape& s = p.shape;
  for (size_t i = 0; i < argmax.size(); ++i) {
    ASSERT_LE(argmax[i], 3);
    const size_t column = i % s.out_width() * 2 + argmax[i] % 2u;
    const size_t row = i / s.out_width() % s.out_height() * 2 + argmax[i] / 2u;
    const size_t channel = i / s.windows();
    const double sum =
        expected.sums[(channel * (s.in_height - 4) + row) * (s.in_width - 4) +
                      column];
    ASSERT_NEAR(std::max(sum, 0.0), expected.y[i], 1e-5) << "argmax " << i;
  }
}

void ExpectReference(const Problem& p, const Results& results) {
  const ConvReluPoolResult expected = Forward(p);
  const LayerGradients gradients = Gradients(p, results);
  ExpectNear(results.y, expected.y, p.shape.taps());
  ExpectMaxima(p, results.argmax, expected);
  ExpectNear(results.dw, gradients.dw, Times(p.images, p.shape.windows()));
  ExpectNear(results.dx, gradients.dx, p.shape.out_channels * 9);
}

void ExpectSameBits(const Floats& a, const Floats& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

std::vector<ConvReluPoolShape> AllShapes() {
  std::vector<ConvReluPoolShape> all = {
      {1, 6, 45, 2},  {2, 45, 6, 3},  {14, 8, 10, 3}, {1, 32, 32, 6},
      {3, 32, 32, 6}, {4, 32, 32, 6}, {9, 32, 32, 6}};
  for (const int ic : {1, 2, 3, 6, 7}) {
    for (const int oc : {1, 5, 6, 8, 16, 17, 33}) {
      all.push_back({ic, 6, 6, oc});
      all.push_back({ic, 7, 9, oc});
      all.push_back({ic, 15, 17, oc});
      all.push_back({ic, 14, 14, oc});
    }
  }
  return all;
}

std::string Name(const ConvReluPoolShape& s) {
  return std::to_string(s.in_channels) + "x" + std::to_string(s.in_height) +
         "x" + std::to_string(s.in_width) + " to " +
         std::to_string(s.out_channels);
}

constexpr ConvReluPoolShape kConv1 = {1, 32, 32, 6};
constexpr ConvReluPoolShape kConv2 = {6, 14, 14, 16};

class ConvReluPoolTest : public hwy::TestWithParamTarget {};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(ConvReluPoolTest);

TEST_P(ConvReluPoolTest, MatchesReference) {
  for (const ConvReluPoolShape& shape : AllShapes()) {
    SCOPED_TRACE(Name(shape));
    for (const bool unaligned : {false, true}) {
      const Problem p = Uniform(shape, 2);
      ExpectReference(p, Compute(p, unaligned));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ConvReluPoolTest, EqualsReferenceForIntegers) {
  for (const ConvReluPoolShape& shape : AllShapes()) {
    SCOPED_TRACE(Name(shape));
    const Problem p = Integers(shape, 2);
    const Results results = Compute(p);
    const ConvReluPoolResult expected = Forward(p);
    const LayerGradients gradients = Gradients(p, results);
    ASSERT_EQ(results.argmax, expected.argmax);
    ASSERT_EQ(ToDoubles(results.y), expected.y);
    ASSERT_EQ(ToDoubles(results.dx), gradients.dx);
    ASSERT_EQ(ToDoubles(results.dw), gradients.dw);
  }
}

TEST_P(ConvReluPoolTest, AnyNumberOfImages) {
  for (const int images : {0, 1, 2, 3, 31, 32, 33, 257}) {
    for (const ConvReluPoolShape& shape :
         {ConvReluPoolShape{1, 6, 6, 5}, ConvReluPoolShape{3, 7, 9, 6},
          ConvReluPoolShape{6, 8, 10, 16}}) {
      SCOPED_TRACE(Name(shape) + ", images " + std::to_string(images));
      const Problem p = Uniform(shape, images);
      ExpectReference(p, Compute(p));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ConvReluPoolTest, NegativeSumsGiveZerosAndNoGradient) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    Problem p = Uniform(shape, 1);
    std::fill(p.x.begin(), p.x.end(), 1.0f);
    std::fill(p.weights.begin(), p.weights.end(), -1.0f);
    const Results results = Compute(p);
    EXPECT_EQ(results.y, Floats(p.dy.size(), 0.0f));
    EXPECT_EQ(results.argmax, Bytes(p.dy.size(), 0));
    EXPECT_EQ(results.dx, Floats(p.x.size(), 0.0f));
    EXPECT_EQ(results.dw, Floats(p.weights.size(), 0.0f));
  }
}

TEST_P(ConvReluPoolTest, FirstOfEqualsIsTheMaximum) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    Problem p = Uniform(shape, 1);
    std::fill(p.x.begin(), p.x.end(), 1.0f);
    std::fill(p.weights.begin(), p.weights.end(), 0.5f);
    EXPECT_EQ(Compute(p).argmax, Bytes(p.dy.size(), 0));
  }
}

TEST_P(ConvReluPoolTest, NanBecomesZero) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    Problem p = Uniform(shape, 1);
    std::fill(p.x.begin(), p.x.end(), kNan);
    EXPECT_EQ(Compute(p).y, Floats(p.dy.size(), 0.0f));
  }
}

TEST_P(ConvReluPoolTest, DxAndArgmaxAreOptional) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    const Problem p = Uniform(shape, 3);
    const Results results = Compute(p);
    Floats packed(PackedConvWeightsSize(shape));
    Floats scratch(ConvReluPoolScratchSize(shape), kNan);
    PackConvWeights(shape, p.weights.data(), packed.data());
    Floats y(p.dy.size());
    ConvReluPoolForward(shape, packed.data(), p.images, p.x.data(), y.data(),
                        nullptr, scratch.data());
    ExpectSameBits(y, results.y);
    Floats d_rows(ConvRowsSize(shape));
    ConvReluPoolBackward(shape, nullptr, p.images, p.x.data(), y.data(),
                         results.argmax.data(), p.dy.data(), nullptr,
                         d_rows.data(), scratch.data());
    Floats dw(p.weights.size());
    SumConvRows(shape, 1, d_rows.data(), dw.data());
    ExpectSameBits(dw, results.dw);
  }
}

TEST_P(ConvReluPoolTest, ImageDoesNotDependOnItsNeighbours) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    const Problem both = Uniform(shape, 2);
    const Results results = Compute(both);
    for (const std::ptrdiff_t i : {0, 1}) {
      const auto part = [i](const auto& all) {
        const auto half = static_cast<std::ptrdiff_t>(all.size() / 2);
        return std::decay_t<decltype(all)>(all.begin() + i * half,
                                           all.begin() + (i + 1) * half);
      };
      const Results one =
          Compute({shape, 1, part(both.x), both.weights, part(both.dy)});
      ExpectSameBits(one.y, part(results.y));
      EXPECT_EQ(one.argmax, part(results.argmax));
      ExpectSameBits(one.dx, part(results.dx));
    }
  }
}

TEST_P(ConvReluPoolTest, SameBitsForAnyAddress) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    const Problem p = Uniform(shape, 5);
    const Results first = Compute(p);
    const Results second = Compute(p, /*unaligned=*/true);
    ExpectSameBits(first.y, second.y);
    EXPECT_EQ(first.argmax, second.argmax);
    ExpectSameBits(first.dx, second.dx);
    ExpectSameBits(first.dw, second.dw);
  }
}

TEST_P(ConvReluPoolTest, GradientsAreFiniteDifferences) {
  constexpr double kStep = 1e-6;
  const Problem p = Uniform({2, 9, 8, 3}, 2);
  const Results results = Compute(p);
  Doubles x = ToDoubles(p.x);
  Doubles weights = ToDoubles(p.weights);
  const auto loss = [&] {
    const Doubles y =
        ConvReluPoolForwardReference(p.shape, p.images, x, weights).y;
    double sum = 0;
    for (size_t i = 0; i < y.size(); ++i) sum += y[i] * double{p.dy[i]};
    return sum;
  };
  const auto expect_slopes = [&](const Floats& gradients, Doubles* values) {
    for (size_t i = 0; i < values->size(); ++i) {
      double& value = (*values)[i];
      const double old = value;
      value = old + kStep;
      const double more = loss();
      value = old - kStep;
      EXPECT_NEAR(gradients[i], (more - loss()) / 2 / kStep, 1e-5);
      value = old;
    }
  };
  expect_slopes(results.dx, &x);
  expect_slopes(results.dw, &weights);
}

}  // namespace
}  // namespace lenet::kernels

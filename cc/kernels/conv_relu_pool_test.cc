#include "cc/kernels/conv_relu_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "cc/kernels/conv_relu_pool_reference.h"
#include "cc/kernels/conv_relu_pool_targets.h"
#include "hwy/tests/hwy_gtest.h"

namespace lenet::kernels {
namespace {

using Floats = std::vector<float>;
using Doubles = std::vector<double>;
using Bytes = std::vector<uint8_t>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

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

struct Expected {
  Doubles sums;
  Doubles y;
  Bytes argmax;
  Doubles dx;
  Doubles dw;
};

size_t Times(int images, size_t size) {
  return static_cast<size_t>(images) * size;
}

template <class Number>
Floats Make(size_t count, Number number) {
  Floats values(count);
  std::generate(values.begin(), values.end(), number);
  return values;
}

template <class Number>
Problem MakeProblem(const ConvReluPoolShape& shape, int images, Number number) {
  return {shape, images, Make(Times(images, shape.in_size()), number),
          Make(shape.weight_size(), number),
          Make(Times(images, shape.out_size()), number)};
}

// Any numbers: sums are rounded.
Problem Uniform(const ConvReluPoolShape& shape, int images, unsigned seed = 1) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1.0F, 1.0F);
  return MakeProblem(shape, images, [&] { return uniform(generator); });
}

// Small integers: float32 has every sum exactly, and equals abound.
Problem Integers(const ConvReluPoolShape& shape, int images) {
  std::mt19937 generator(2);
  std::uniform_int_distribution<int> uniform(-2, 2);
  return MakeProblem(shape, images,
                     [&] { return static_cast<float>(uniform(generator)); });
}

// A heap block of exactly the size asked for, for AddressSanitizer, filled with
// what must not be seen in a result, at an address that is a multiple of 4 but,
// if asked for, of no vector.
class Guarded {
 public:
  Guarded(size_t size, bool unaligned)
      : offset_(unaligned ? 1 : 0), values_(size + offset_, kNan) {}
  Guarded(const Floats& values, bool unaligned)
      : Guarded(values.size(), unaligned) {
    std::copy(values.begin(), values.end(), data());
  }

  float* data() { return values_.data() + offset_; }
  Floats Get() const {
    return {values_.begin() + static_cast<std::ptrdiff_t>(offset_),
            values_.end()};
  }

 private:
  size_t offset_;
  Floats values_;
};

Results Compute(const Problem& p, bool unaligned = false) {
  Guarded x(p.x, unaligned), weights(p.weights, unaligned), dy(p.dy, unaligned),
      y(p.dy.size(), unaligned), dx(p.x.size(), unaligned),
      dw(p.weights.size(), unaligned),
      packed(PackedConvWeightsSize(p.shape), unaligned),
      forward(ConvReluPoolForwardScratchSize(p.shape), unaligned),
      backward(ConvReluPoolBackwardScratchSize(p.shape), unaligned);
  Bytes argmax(p.dy.size(), 77);
  PackConvWeights(p.shape, weights.data(), packed.data());
  ConvReluPoolForward(p.shape, packed.data(), p.images, x.data(), y.data(),
                      argmax.data(), forward.data());
  ConvReluPoolBackward(p.shape, weights.data(), p.images, x.data(), y.data(),
                       argmax.data(), dy.data(), dx.data(), dw.data(),
                       backward.data());
  return {y.Get(), argmax, dx.Get(), dw.Get()};
}

Doubles ToDoubles(const Floats& values) {
  return Doubles(values.begin(), values.end());
}

size_t SumsSize(const ConvReluPoolShape& s) {
  return static_cast<size_t>(s.out_channels * (s.in_height - 4) *
                             (s.in_width - 4));
}

// The gradients are those for the y and argmax of `results`.
Expected Reference(const Problem& p, const Results& results) {
  Expected e = {Doubles(Times(p.images, SumsSize(p.shape))),
                Doubles(p.dy.size()), Bytes(p.dy.size()), Doubles(p.x.size()),
                Doubles(p.weights.size())};
  const Doubles x = ToDoubles(p.x);
  const Doubles weights = ToDoubles(p.weights);
  ConvReluPoolForwardReference(p.shape, weights.data(), p.images, x.data(),
                               e.sums.data(), e.y.data(), e.argmax.data());
  ConvReluPoolBackwardReference(
      p.shape, weights.data(), p.images, x.data(), ToDoubles(results.y).data(),
      results.argmax.data(), ToDoubles(p.dy).data(), e.dx.data(), e.dw.data());
  return e;
}

// Equal, NaN and infinities too, but for the rounding of `terms` products of
// numbers of size 1.
void ExpectNear(const Floats& actual, const Doubles& expected, size_t terms,
                const char* what) {
  ASSERT_EQ(actual.size(), expected.size());
  const double tolerance = 1e-7 * static_cast<double>(terms + 8);
  for (size_t i = 0; i < actual.size(); ++i) {
    const double a = actual[i];
    const bool same =
        std::isfinite(expected[i])
            ? std::abs(a - expected[i]) <= tolerance
            : a == expected[i] || (std::isnan(a) && std::isnan(expected[i]));
    ASSERT_TRUE(same) << what << "[" << i << "] is " << a << ", not "
                      << expected[i];
  }
}

// That argmax says a place whose sum is, but for rounding, the greatest.
void ExpectGreatest(const Problem& p, const Results& results,
                    const Expected& expected) {
  const ConvReluPoolShape& s = p.shape;
  const int width = s.in_width - 4;
  for (size_t i = 0; i < results.argmax.size(); ++i) {
    const int place = results.argmax[i];
    ASSERT_LE(place, 3);
    const int index = static_cast<int>(i);
    const int column = index % s.out_width() * 2 + place % 2;
    const int row = index / s.out_width() % s.out_height() * 2 + place / 2;
    const int channel = index / s.out_width() / s.out_height();
    const double sum = expected.sums[static_cast<size_t>(
        (channel * (s.in_height - 4) + row) * width + column)];
    const double relu = sum > 0 ? sum : 0;
    ASSERT_TRUE(relu == expected.y[i] || std::abs(relu - expected.y[i]) < 1e-5)
        << "argmax[" << i << "] is " << place << ", of " << relu << ", not "
        << expected.y[i];
  }
}

void ExpectReference(const Problem& p, const Results& results) {
  const Expected expected = Reference(p, results);
  const size_t windows =
      static_cast<size_t>(p.shape.out_height() * p.shape.out_width());
  const size_t taps = static_cast<size_t>(p.shape.in_channels) * 25;
  ExpectNear(results.y, expected.y, taps, "y");
  ExpectGreatest(p, results, expected);
  ExpectNear(results.dw, expected.dw, Times(p.images, windows), "dw");
  ExpectNear(results.dx, expected.dx,
             static_cast<size_t>(p.shape.out_channels) * 9, "dx");
}

void ExpectSame(const Floats& a, const Floats& b) {
  ASSERT_EQ(a.size(), b.size());
  EXPECT_EQ(std::memcmp(a.data(), b.data(), a.size() * sizeof(float)), 0);
}

std::vector<ConvReluPoolShape> AllShapes() {
  std::vector<ConvReluPoolShape> all;
  for (const int ic : {1, 2, 3, 6, 7}) {
    for (const int oc : {1, 5, 6, 8, 16, 17, 33}) {
      all.push_back({ic, 6, 6, oc});
      all.push_back({ic, 7, 9, oc});
      all.push_back({ic, 15, 17, oc});
      all.push_back({ic, 14, 14, oc});
    }
  }
  for (const int ic : {1, 3, 4, 9}) all.push_back({ic, 32, 32, 6});
  all.push_back({1, 6, 45, 2});
  all.push_back({2, 45, 6, 3});
  all.push_back({14, 8, 10, 3});
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

TEST_P(ConvReluPoolTest, IsTheReference) {
  for (const ConvReluPoolShape& shape : AllShapes()) {
    SCOPED_TRACE(Name(shape));
    for (const bool unaligned : {false, true}) {
      const Problem p = Uniform(shape, 2);
      ExpectReference(p, Compute(p, unaligned));
      if (HasFatalFailure()) return;
    }
  }
}

TEST_P(ConvReluPoolTest, IsExactlyTheReferenceForIntegers) {
  for (const ConvReluPoolShape& shape : AllShapes()) {
    SCOPED_TRACE(Name(shape));
    const Problem p = Integers(shape, 2);
    const Results results = Compute(p);
    const Expected expected = Reference(p, results);
    ASSERT_EQ(results.argmax, expected.argmax);
    ASSERT_EQ(ToDoubles(results.y), expected.y);
    ASSERT_EQ(ToDoubles(results.dx), expected.dx);
    ASSERT_EQ(ToDoubles(results.dw), expected.dw);
  }
}

TEST_P(ConvReluPoolTest, AnyNumberOfImages) {
  for (const int images : {1, 2, 3, 31, 32, 33, 257}) {
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

TEST_P(ConvReluPoolTest, NoImagesGiveNoGradient) {
  const Results results = Compute(Uniform(kConv1, 0));
  EXPECT_EQ(results.dw, Floats(kConv1.weight_size(), 0.0F));
}

TEST_P(ConvReluPoolTest, AllNegativeGivesNothing) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    Problem p = Uniform(shape, 1);
    std::fill(p.x.begin(), p.x.end(), 1.0F);
    std::fill(p.weights.begin(), p.weights.end(), -1.0F);
    const Results results = Compute(p);
    EXPECT_EQ(results.y, Floats(p.dy.size(), 0.0F));
    EXPECT_EQ(results.argmax, Bytes(p.dy.size(), 0));
    EXPECT_EQ(results.dx, Floats(p.x.size(), 0.0F));
    EXPECT_EQ(results.dw, Floats(p.weights.size(), 0.0F));
  }
}

TEST_P(ConvReluPoolTest, FirstOfEqualsIsTheGreatest) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    Problem p = Uniform(shape, 1);
    std::fill(p.x.begin(), p.x.end(), 1.0F);
    std::fill(p.weights.begin(), p.weights.end(), 0.5F);
    EXPECT_EQ(Compute(p).argmax, Bytes(p.dy.size(), 0));
  }
}

// Puts each kind of not finite number at several places of one array.
void ExpectReferenceWith(Floats Problem::*array, float number) {
  for (const ConvReluPoolShape& shape :
       {kConv1, kConv2, ConvReluPoolShape{2, 7, 9, 5}}) {
    for (const size_t part : {0, 1, 2, 3}) {
      SCOPED_TRACE(Name(shape) + ", part " + std::to_string(part));
      Problem p = Uniform(shape, 2);
      Floats& values = p.*array;
      values[(values.size() - 1) * part / 3] = number;
      ExpectReference(p, Compute(p));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST_P(ConvReluPoolTest, NotFiniteNumbersGoWhereTheyBelong) {
  for (const float number : {kNan, kInfinity, -kInfinity}) {
    SCOPED_TRACE(number);
    ExpectReferenceWith(&Problem::x, number);
    ExpectReferenceWith(&Problem::weights, number);
    ExpectReferenceWith(&Problem::dy, number);
  }
}

TEST_P(ConvReluPoolTest, DoesWithoutDxAndArgmax) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    const Problem p = Uniform(shape, 3);
    const Results results = Compute(p);
    Floats packed(PackedConvWeightsSize(shape));
    Floats scratch(ConvReluPoolScratchSize(shape), kNan);
    PackConvWeights(shape, p.weights.data(), packed.data());
    Floats y(p.dy.size());
    ConvReluPoolForward(shape, packed.data(), p.images, p.x.data(), y.data(),
                        nullptr, scratch.data());
    ExpectSame(y, results.y);
    Floats dw(p.weights.size());
    ConvReluPoolBackward(shape, p.weights.data(), p.images, p.x.data(),
                         y.data(), results.argmax.data(), p.dy.data(), nullptr,
                         dw.data(), scratch.data());
    ExpectSame(dw, results.dw);
  }
}

TEST_P(ConvReluPoolTest, EachImageForItself) {
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
      ExpectSame(one.y, part(results.y));
      EXPECT_EQ(one.argmax, part(results.argmax));
      ExpectSame(one.dx, part(results.dx));
    }
  }
}

// The same bits, wherever the arrays lie and whatever the scratch memory held.
TEST_P(ConvReluPoolTest, IsTheSameFromRunToRun) {
  for (const ConvReluPoolShape& shape : {kConv1, kConv2}) {
    const Problem p = Uniform(shape, 5);
    const Results first = Compute(p);
    const Results second = Compute(p, /*unaligned=*/true);
    ExpectSame(first.y, second.y);
    EXPECT_EQ(first.argmax, second.argmax);
    ExpectSame(first.dx, second.dx);
    ExpectSame(first.dw, second.dw);
  }
}

// Of sum(y * dy), in double precision.
double Loss(const Problem& p, const Doubles& x, const Doubles& weights) {
  Doubles sums(Times(p.images, SumsSize(p.shape)));
  Doubles y(p.dy.size());
  Bytes argmax(p.dy.size());
  ConvReluPoolForwardReference(p.shape, weights.data(), p.images, x.data(),
                               sums.data(), y.data(), argmax.data());
  double loss = 0;
  for (size_t i = 0; i < y.size(); ++i) loss += y[i] * double{p.dy[i]};
  return loss;
}

TEST_P(ConvReluPoolTest, GradientsAreFiniteDifferences) {
  constexpr double kStep = 1e-6;
  const Problem p = Uniform({2, 9, 8, 3}, 2);
  const Results results = Compute(p);
  const Doubles x = ToDoubles(p.x);
  const Doubles weights = ToDoubles(p.weights);
  for (size_t i = 0; i < x.size(); ++i) {
    Doubles more = x, less = x;
    more[i] += kStep;
    less[i] -= kStep;
    EXPECT_NEAR(results.dx[i],
                (Loss(p, more, weights) - Loss(p, less, weights)) / 2 / kStep,
                1e-5);
  }
  for (size_t i = 0; i < weights.size(); ++i) {
    Doubles more = weights, less = weights;
    more[i] += kStep;
    less[i] -= kStep;
    EXPECT_NEAR(results.dw[i],
                (Loss(p, x, more) - Loss(p, x, less)) / 2 / kStep, 1e-5);
  }
}

}  // namespace
}  // namespace lenet::kernels

#include "cc/kernels/conv2d.h"

#include <cmath>
#include <limits>
#include <vector>

#include "cc/kernels/inference_testing.h"
#include "gtest/gtest.h"

namespace lenet::kernels {
namespace {

WindowAxis Axis(int in, int kernel, int stride = 1, int dilation = 1,
                int before = 0, int after = 0) {
  return {in, kernel, stride, dilation, before, after};
}

// In double, straight from the definition.
std::vector<double> Reference(const Conv2dShape& shape,
                              const std::vector<float>& weights,
                              const float* bias, const std::vector<float>& x) {
  const WindowAxis& h = shape.window.height;
  const WindowAxis& w = shape.window.width;
  const int group_in = shape.in_channels / shape.groups;
  const int group_out = shape.out_channels / shape.groups;
  std::vector<double> y;
  for (int o = 0; o < shape.out_channels; ++o) {
    for (int row = 0; row < h.out(); ++row) {
      for (int column = 0; column < w.out(); ++column) {
        double sum = bias == nullptr ? 0.0 : double{bias[o]};
        for (int c = 0; c < group_in; ++c) {
          for (int kh = 0; kh < h.kernel; ++kh) {
            for (int kw = 0; kw < w.kernel; ++kw) {
              const int r = row * h.stride + kh * h.dilation - h.pad_before;
              const int s = column * w.stride + kw * w.dilation - w.pad_before;
              if (r < 0 || r >= h.in || s < 0 || s >= w.in) continue;
              const int channel = o / group_out * group_in + c;
              const int weight =
                  ((o * group_in + c) * h.kernel + kh) * w.kernel + kw;
              sum +=
                  double{
                      x[static_cast<size_t>((channel * h.in + r) * w.in + s)]} *
                  double{weights[static_cast<size_t>(weight)]};
            }
          }
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

std::vector<float> RunConv(const Conv2dShape& shape,
                           const std::vector<float>& weights, const float* bias,
                           bool relu, const std::vector<float>& x) {
  const Conv2d conv(shape, weights.data(), bias);
  // NaN shows what is read before it is written, a guard what is written
  // beyond.
  std::vector<float> scratch(conv.scratch_size() + 1, NAN);
  scratch.back() = 7.0f;
  std::vector<float> y(shape.out_size() + 1, NAN);
  y.back() = 7.0f;
  conv.Run(x.data(), relu, y.data(), scratch.data());
  EXPECT_EQ(scratch.back(), 7.0f);
  EXPECT_EQ(y.back(), 7.0f);
  y.pop_back();
  return y;
}

size_t WeightCount(const Conv2dShape& shape) {
  return static_cast<size_t>(shape.out_channels) *
         static_cast<size_t>(shape.in_channels / shape.groups) *
         shape.window.kernel_size();
}

using Conv2dTest = EveryTargetTest;

TEST_P(Conv2dTest, IsTheReference) {
  const std::vector<Conv2dShape> shapes = {
      {1, 6, 1, {Axis(32, 5), Axis(32, 5)}},
      {6, 16, 1, {Axis(14, 5), Axis(14, 5)}},
      {3, 10, 1, {Axis(7, 3, 1, 1, 1, 1), Axis(9, 3, 1, 1, 1, 1)}},
      {2, 5, 1, {Axis(9, 3, 2, 1, 0, 1), Axis(10, 3, 2, 1, 0, 1)}},
      {2, 3, 1, {Axis(11, 2, 3), Axis(13, 4, 5)}},
      {2, 3, 1, {Axis(11, 3, 1, 2, 2, 2), Axis(13, 3, 2, 3, 3, 1)}},
      {4, 8, 4, {Axis(6, 3, 1, 1, 1, 1), Axis(6, 3, 1, 1, 1, 1)}},
      {6, 10, 2, {Axis(5, 1), Axis(5, 1)}},
      {3, 4, 1, {Axis(4, 1, 3), Axis(5, 1, 2)}},
      {1, 1, 1, {Axis(1, 1), Axis(1, 1)}},
      {1, 2, 1, {Axis(1, 3, 1, 1, 1, 1), Axis(1, 3, 1, 1, 1, 1)}},
      {2, 7, 1, {Axis(5, 5), Axis(50, 1)}},
      {5, 4, 1, {Axis(3, 7, 1, 1, 3, 3), Axis(40, 7, 1, 1, 3, 3)}},
  };
  for (size_t i = 0; i < shapes.size(); ++i) {
    const Conv2dShape& shape = shapes[i];
    const auto seed = static_cast<uint32_t>(i);
    const std::vector<float> x = RandomFloats(shape.in_size(), seed);
    const std::vector<float> weights =
        RandomFloats(WeightCount(shape), seed + 100);
    const std::vector<float> bias =
        RandomFloats(static_cast<size_t>(shape.out_channels), seed + 200);
    for (const float* const b :
         {bias.data(), static_cast<const float*>(nullptr)}) {
      const std::vector<double> expected = Reference(shape, weights, b, x);
      const std::vector<float> plain = RunConv(shape, weights, b, false, x);
      const std::vector<float> rectified = RunConv(shape, weights, b, true, x);
      ASSERT_EQ(plain.size(), expected.size());
      for (size_t k = 0; k < expected.size(); ++k) {
        ASSERT_NEAR(plain[k], expected[k], 1e-5)
            << "shape " << i << " at " << k;
        ASSERT_EQ(rectified[k], plain[k] < 0 ? 0.0f : plain[k]);
      }
    }
  }
}

TEST_P(Conv2dTest, NanReachesItsOutputsOnly) {
  const Conv2dShape shape = {1, 1, 1, {Axis(5, 3), Axis(6, 3)}};
  std::vector<float> x(30, 1.0f);
  x[0] = NAN;
  x[29] = -std::numeric_limits<float>::infinity();
  const std::vector<float> y =
      RunConv(shape, std::vector<float>(9, 1.0f), nullptr, true, x);
  EXPECT_TRUE(std::isnan(y[0]));
  for (size_t i = 1; i < 11; ++i) EXPECT_EQ(y[i], 9.0f) << i;
  EXPECT_EQ(y[11], 0.0f);
}

INSTANTIATE_TEST_SUITE_P(Targets, Conv2dTest, testing::ValuesIn(Targets()),
                         TargetTestName);

}  // namespace
}  // namespace lenet::kernels

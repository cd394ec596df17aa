#include "cc/kernels/conv2d.h"

#include <cmath>
#include <vector>

#include "cc/kernels/testing.h"

namespace lenet::kernels {
namespace {

size_t Size(int count) { return static_cast<size_t>(count); }

// The definition, in double precision.
Doubles Reference(const Conv2dShape& shape, const Floats& weights,
                  const Floats& bias, const Floats& x) {
  const WindowAxis& h = shape.window.height;
  const WindowAxis& w = shape.window.width;
  const int group_in = shape.in_channels / shape.groups;
  const int group_out = shape.out_channels / shape.groups;
  Doubles y;
  for (int o = 0; o < shape.out_channels; ++o) {
    for (int at = 0; at < h.out() * w.out(); ++at) {
      double sum = bias.empty() ? 0.0 : double{bias[Size(o)]};
      for (int k = 0; k < group_in * h.kernel * w.kernel; ++k) {
        const int channel = o / group_out * group_in + k / h.kernel / w.kernel;
        const int row = at / w.out() * h.stride +
                        k / w.kernel % h.kernel * h.dilation - h.pad_before;
        const int column =
            at % w.out() * w.stride + k % w.kernel * w.dilation - w.pad_before;
        if (row < 0 || row >= h.in || column < 0 || column >= w.in) continue;
        sum += double{x[Size((channel * h.in + row) * w.in + column)]} *
               double{weights[Size(o * group_in * h.kernel * w.kernel + k)]};
      }
      y.push_back(sum);
    }
  }
  return y;
}

Floats RunConv(const Conv2dShape& shape, const Floats& weights,
               const Floats& bias, bool relu, const Floats& x) {
  const Conv2d conv(shape, weights.data(),
                    bias.empty() ? nullptr : bias.data());
  Guarded scratch(conv.scratch_size(), false);
  Guarded y(shape.out_size(), false);
  conv.Run(x.data(), relu, y.data(), scratch.data());
  return y.Get();
}

class Conv2dTest : public hwy::TestWithParamTarget {};

HWY_TARGET_INSTANTIATE_TEST_SUITE_P(Conv2dTest);

TEST_P(Conv2dTest, MatchesDefinition) {
  // Windows: input, kernel, stride, dilation, padding before, after.
  const std::vector<Conv2dShape> shapes = {
      {1, 6, 1, {{32, 5}, {32, 5}}},
      {6, 16, 1, {{14, 5}, {14, 5}}},
      {3, 10, 1, {{7, 3, 1, 1, 1, 1}, {9, 3, 1, 1, 1, 1}}},
      {2, 5, 1, {{9, 3, 2, 1, 0, 1}, {10, 3, 2, 1, 0, 1}}},
      {2, 3, 1, {{11, 2, 3}, {13, 4, 5}}},
      {2, 3, 1, {{11, 3, 1, 2, 2, 2}, {13, 3, 2, 3, 3, 1}}},
      {4, 8, 4, {{6, 3, 1, 1, 1, 1}, {6, 3, 1, 1, 1, 1}}},
      {6, 10, 2, {{5, 1}, {5, 1}}},
      {3, 4, 1, {{4, 1, 3}, {5, 1, 2}}},
      {1, 1, 1, {{1, 1}, {1, 1}}},
      {1, 2, 1, {{1, 3, 1, 1, 1, 1}, {1, 3, 1, 1, 1, 1}}},
      {2, 7, 1, {{5, 5}, {50, 1}}},
      {5, 4, 1, {{3, 7, 1, 1, 3, 3}, {40, 7, 1, 1, 3, 3}}},
  };
  for (size_t i = 0; i < shapes.size(); ++i) {
    SCOPED_TRACE(i);
    const Conv2dShape& shape = shapes[i];
    const size_t inputs =
        Size(shape.in_channels / shape.groups) * shape.window.kernel_size();
    const Floats x = RandomFloats(shape.in_size(), 1);
    const Floats weights = RandomFloats(Size(shape.out_channels) * inputs, 2);
    for (const Floats& bias :
         {RandomFloats(Size(shape.out_channels), 3), Floats()}) {
      const Floats plain = RunConv(shape, weights, bias, false, x);
      const Floats rectified = RunConv(shape, weights, bias, true, x);
      ExpectNear(plain, Reference(shape, weights, bias, x), inputs);
      for (size_t k = 0; k < plain.size(); ++k) {
        ASSERT_EQ(rectified[k], plain[k] < 0 ? 0.0f : plain[k]);
      }
    }
  }
}

TEST_P(Conv2dTest, NanReachesItsOutputsOnly) {
  const Conv2dShape shape = {1, 1, 1, {{5, 3}, {6, 3}}};
  Floats x(30, 1.0f);
  x[0] = kNan;
  x[29] = -kInfinity;
  const Floats y = RunConv(shape, Floats(9, 1.0f), {}, true, x);
  EXPECT_TRUE(std::isnan(y[0]));
  for (size_t i = 1; i < 11; ++i) EXPECT_EQ(y[i], 9.0f) << i;
  EXPECT_EQ(y[11], 0.0f);
}

}  // namespace
}  // namespace lenet::kernels

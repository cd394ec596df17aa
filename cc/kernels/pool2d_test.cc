#include "cc/kernels/pool2d.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "cc/kernels/inference_testing.h"
#include "gtest/gtest.h"

namespace lenet::kernels {
namespace {

struct Pooled {
  std::vector<float> maximum;
  std::vector<double> mean;
};

// Over the elements that are there.
Pooled Reference(const Window& window, size_t planes,
                 const std::vector<float>& x) {
  const WindowAxis& h = window.height;
  const WindowAxis& w = window.width;
  Pooled result;
  for (size_t plane = 0; plane < planes; ++plane) {
    const float* const from = x.data() + plane * window.in_size();
    for (int row = 0; row < h.out(); ++row) {
      for (int column = 0; column < w.out(); ++column) {
        float maximum = -std::numeric_limits<float>::infinity();
        double sum = 0;
        int count = 0;
        for (int k = 0; k < h.kernel * w.kernel; ++k) {
          const int r = row * h.stride - h.pad_before + k / w.kernel;
          const int s = column * w.stride - w.pad_before + k % w.kernel;
          if (r < 0 || r >= h.in || s < 0 || s >= w.in) continue;
          maximum = std::max(maximum, from[r * w.in + s]);
          sum += double{from[r * w.in + s]};
          ++count;
        }
        result.maximum.push_back(maximum);
        result.mean.push_back(sum / count);
      }
    }
  }
  return result;
}

TEST(Pool2dTest, IsTheReference) {
  const std::vector<Window> windows = {
      {{28, 2, 2}, {28, 2, 2}},
      {{5, 2, 2}, {7, 2, 2}},
      {{6, 3, 1, 1, 1, 1}, {5, 3, 1, 1, 1, 1}},
      {{9, 3, 2, 1, 0, 1}, {8, 2, 3}},
      {{4, 4, 4}, {6, 6, 1}},
      {{3, 1, 2}, {1, 1, 1}},
      {{3, 5, 1, 1, 2, 2}, {3, 5, 2, 1, 2, 2}},
  };
  for (const Window& window : windows) {
    const std::vector<float> x = RandomFloats(3 * window.in_size(), 1);
    const Pooled expected = Reference(window, 3, x);
    std::vector<float> y(3 * window.out_size());
    ASSERT_EQ(expected.maximum.size(), y.size());
    MaxPool2d(window, 3, x.data(), y.data());
    EXPECT_EQ(y, expected.maximum);
    AveragePool2d(window, 3, x.data(), y.data());
    for (size_t i = 0; i < y.size(); ++i) {
      EXPECT_NEAR(y[i], expected.mean[i], 1e-6);
    }
  }
}

}  // namespace
}  // namespace lenet::kernels

#include "cc/kernels/pool2d.h"

#include <algorithm>
#include <vector>

#include "cc/kernels/testing.h"

namespace lenet::kernels {
namespace {

TEST(Pool2dTest, MatchesDefinition) {
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
    const WindowAxis& h = window.height;
    const WindowAxis& w = window.width;
    const Floats x = RandomFloats(3 * window.in_size(), 1);
    Floats maximum(3 * window.out_size());
    Floats mean(maximum.size());
    MaxPool2d(window, 3, x.data(), maximum.data());
    AveragePool2d(window, 3, x.data(), mean.data());
    for (size_t i = 0; i < maximum.size(); ++i) {
      const float* const plane =
          x.data() + i / window.out_size() * window.in_size();
      const int at = static_cast<int>(i % window.out_size());
      float expected = -kInfinity;
      double sum = 0;
      int count = 0;
      for (int k = 0; k < h.kernel * w.kernel; ++k) {
        const int row = at / w.out() * h.stride - h.pad_before + k / w.kernel;
        const int column =
            at % w.out() * w.stride - w.pad_before + k % w.kernel;
        if (row < 0 || row >= h.in || column < 0 || column >= w.in) continue;
        expected = std::max(expected, plane[row * w.in + column]);
        sum += double{plane[row * w.in + column]};
        ++count;
      }
      EXPECT_EQ(maximum[i], expected);
      EXPECT_NEAR(mean[i], sum / count, 1e-6);
    }
  }
}

}  // namespace
}  // namespace lenet::kernels

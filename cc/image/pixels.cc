#include "cc/image/pixels.h"

#include <algorithm>
#include <array>

namespace lenet {

Plane Crop(const Plane& plane, const Box& box) {
  Plane result(box.height(), box.width());
  for (int y = 0; y < result.height; ++y) {
    std::copy_n(&plane.pixels[size_t(box.top + y) * plane.width + box.left],
                result.width, &result.at(y, 0));
  }
  return result;
}

std::vector<Region> Regions(Plane mask, bool diagonal) {
  std::vector<Region> regions;
  for (int start = 0; start < mask.size(); ++start) {
    if (mask.pixels[start] == 0) continue;
    mask.pixels[start] = 0;
    Region region{{start}, {}};
    for (size_t i = 0; i < region.pixels.size(); ++i) {
      const int y = region.pixels[i] / mask.width;
      const int x = region.pixels[i] % mask.width;
      region.box.Add({y, y + 1, x, x + 1});
      for (int v = std::max(y - 1, 0); v < std::min(y + 2, mask.height); ++v) {
        for (int u = std::max(x - 1, 0); u < std::min(x + 2, mask.width); ++u) {
          if (mask.at(v, u) == 0 || (!diagonal && v != y && u != x)) continue;
          mask.at(v, u) = 0;
          region.pixels.push_back(v * mask.width + u);
        }
      }
    }
    regions.push_back(std::move(region));
  }
  return regions;
}

int Median(std::vector<uint8_t> values) {
  const auto middle = values.begin() + values.size() / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::vector<uint8_t> Line(const GrayImage& plane, int start, int step,
                          int count) {
  std::vector<uint8_t> line;
  for (int i = 0; i < count; ++i) {
    line.push_back(plane.pixels[start + i * step]);
  }
  return line;
}

std::pair<int, int> Range(const Plane& plane) {
  const auto [low, high] =
      std::minmax_element(plane.pixels.begin(), plane.pixels.end());
  return {*low, *high};
}

Plane MedianFiltered(const Plane& plane) {
  Plane result = plane;
  for (int y = 0; y < plane.height; ++y) {
    for (int x = 0; x < plane.width; ++x) {
      std::array<uint8_t, 9> values;
      for (int i = 0; i < 9; ++i) {
        values[i] = plane.at(std::clamp(y + i / 3 - 1, 0, plane.height - 1),
                             std::clamp(x + i % 3 - 1, 0, plane.width - 1));
      }
      std::nth_element(values.begin(), values.begin() + 4, values.end());
      result.at(y, x) = values[4];
    }
  }
  return result;
}

int Otsu(const Plane& plane) {
  std::array<int, 256> counts = {};
  for (const uint8_t pixel : plane.pixels) ++counts[pixel];
  double total = 0;
  for (int level = 0; level < 256; ++level) total += level * counts[level];
  double below = 0;
  double sum = 0;
  double largest = 0;
  int best = 0;
  for (int level = 0; level < 256; ++level) {
    below += counts[level];
    sum += level * counts[level];
    const double above = plane.size() - below;
    if (below == 0 || above == 0) continue;
    const double distance = sum / below - (total - sum) / above;
    const double variance = below * above * (distance * distance);
    if (variance > largest) {
      largest = variance;
      best = level;
    }
  }
  return best;
}

Box Bounds(const Plane& plane, uint8_t above) {
  Box box;
  for (int i = 0; i < plane.size(); ++i) {
    if (plane.pixels[i] > above) {
      const int y = i / plane.width;
      const int x = i % plane.width;
      box.Add({y, y + 1, x, x + 1});
    }
  }
  return box;
}

int BorderMedian(const GrayImage& image) {
  const int width = image.width;
  const int sides = image.height - 2;
  std::vector<uint8_t> border;
  for (const auto& [start, step, count] : {std::array{0, 1, width},
                                           {(sides + 1) * width, 1, width},
                                           {width, width, sides},
                                           {2 * width - 1, width, sides}}) {
    const std::vector<uint8_t> side = Line(image, start, step, count);
    border.insert(border.end(), side.begin(), side.end());
  }
  return Median(std::move(border));
}

}  // namespace lenet

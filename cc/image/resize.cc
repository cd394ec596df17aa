#include "cc/image/resize.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "cc/image/image.h"

namespace lenet {
namespace {

constexpr int kWeightBits = 11;
constexpr int32_t kWeightOne = 1 << kWeightBits;

// Where a target row or column comes from.
struct Tap {
  size_t first;    // source pixels
  size_t second;   // == first at the far edge
  int32_t weight;  // of the second, in 1/kWeightOne; the first has the rest
};

// In int64_t, as the fractions are exact: sizes up to 2^18 cannot overflow.
std::vector<Tap> MakeTaps(int source, int target) {
  std::vector<Tap> taps;
  taps.reserve(static_cast<size_t>(target));
  const int64_t denominator = int64_t{2} * target;
  for (int64_t d = 0; d < target; ++d) {
    const int64_t numerator = (2 * d + 1) * source - target;
    int64_t first = 0;
    int64_t weight = 0;
    if (numerator >= 0) {
      first = numerator / denominator;
      const int64_t rest = numerator % denominator;
      weight = (2 * kWeightOne * rest + denominator) / (2 * denominator);
    }
    // first < source always; of the last pixel the weight does not matter.
    const int64_t second = std::min<int64_t>(first + 1, source - 1);
    taps.push_back({static_cast<size_t>(first), static_cast<size_t>(second),
                    static_cast<int32_t>(weight)});
  }
  return taps;
}

}  // namespace

GrayImage Resize(const GrayImage& image, int height, int width) {
  if (image.height == height && image.width == width) return image;

  const std::vector<Tap> rows = MakeTaps(image.height, height);
  const std::vector<Tap> columns = MakeTaps(image.width, width);
  const size_t stride = static_cast<size_t>(image.width);

  GrayImage result{height, width, {}};
  result.pixels.resize(rows.size() * columns.size());
  uint8_t* out = result.pixels.data();
  for (const Tap& row : rows) {
    const uint8_t* top = &image.pixels[row.first * stride];
    const uint8_t* bottom = &image.pixels[row.second * stride];
    for (const Tap& column : columns) {
      const int32_t left = top[column.first] * (kWeightOne - row.weight) +
                           bottom[column.first] * row.weight;
      const int32_t right = top[column.second] * (kWeightOne - row.weight) +
                            bottom[column.second] * row.weight;
      // At most 255 * 2^22 + 2^21 < 2^31.
      const int32_t pixel = left * (kWeightOne - column.weight) +
                            right * column.weight +
                            (1 << (2 * kWeightBits - 1));
      *out++ = static_cast<uint8_t>(pixel >> (2 * kWeightBits));
    }
  }
  return result;
}

}  // namespace lenet

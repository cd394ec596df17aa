#include "cc/image/transform.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "cc/image/image.h"

namespace lenet {
namespace {

constexpr int kWeightBits = 11;
constexpr int32_t kWeightOne = 1 << kWeightBits;

constexpr double kMean = 0.1307;
constexpr double kStd = 0.3081;

constexpr std::array<float, 256> MakeNormalized() {
  std::array<float, 256> table{};
  for (size_t x = 0; x < table.size(); ++x) {
    table[x] =
        static_cast<float>((static_cast<double>(x) / 255.0 - kMean) / kStd);
  }
  return table;
}

// Computed by the compiler: the target's floating-point options (fused
// operations, extended precision) cannot change it.
constexpr std::array<float, 256> kNormalized = MakeNormalized();

}  // namespace

Resizer::Resizer(int height, int width, int target_height, int target_width)
    : width_(static_cast<size_t>(width)),
      same_size_(height == target_height && width == target_width),
      rows_(MakeTaps(height, target_height)),
      columns_(MakeTaps(width, target_width)) {}

// Computes exact fractions; with sizes up to 2^18, int64_t does not overflow.
std::vector<Resizer::Tap> Resizer::MakeTaps(int source, int target) {
  std::vector<Tap> taps;
  taps.reserve(static_cast<size_t>(target));
  const int64_t denominator = int64_t{2} * target;
  for (int64_t i = 0; i < target; ++i) {
    const int64_t numerator = (2 * i + 1) * source - target;
    int64_t first = 0;
    int64_t weight = 0;
    if (numerator >= 0) {
      first = numerator / denominator;
      const int64_t rest = numerator % denominator;
      weight = (2 * kWeightOne * rest + denominator) / (2 * denominator);
    }
    const int64_t second = std::min<int64_t>(first + 1, source - 1);
    taps.push_back({static_cast<size_t>(first), static_cast<size_t>(second),
                    static_cast<int32_t>(weight)});
  }
  return taps;
}

// Resizes one source row to the target's width, in 1/2048: at most 255 * 2^11.
void Resizer::ResizeRow(const uint8_t* pixels, int32_t* row) const {
  for (const Tap& column : columns_) {
    *row++ = pixels[column.first] * (kWeightOne - column.weight) +
             pixels[column.second] * column.weight;
  }
}

// Resizes rows first, then columns. The order does not matter, because sums are
// exact until the one rounding.
void Resizer::Resize(absl::Span<const uint8_t> pixels,
                     absl::Span<uint8_t> target) const {
  if (same_size_) {
    std::copy(pixels.begin(), pixels.end(), target.begin());
    return;
  }
  const size_t width = columns_.size();
  // Two resized rows, of an even and an odd source row: the rows of a tap are
  // neighbours.
  std::vector<int32_t> buffer(2 * width);
  std::array<size_t, 2> buffered = {SIZE_MAX, SIZE_MAX};
  const auto resized_row = [&](size_t source) -> const int32_t* {
    int32_t* const row = &buffer[source % 2 * width];
    if (buffered[source % 2] != source) {
      ResizeRow(&pixels[source * width_], row);
      buffered[source % 2] = source;
    }
    return row;
  };
  uint8_t* out = target.data();
  for (const Tap& row : rows_) {
    const int32_t* const top = resized_row(row.first);
    const int32_t* const bottom = resized_row(row.second);
    for (size_t x = 0; x < width; ++x) {
      // At most 255 * 2^22 + 2^21 < 2^31.
      const int32_t pixel = top[x] * (kWeightOne - row.weight) +
                            bottom[x] * row.weight +
                            (1 << (2 * kWeightBits - 1));
      *out++ = static_cast<uint8_t>(pixel >> (2 * kWeightBits));
    }
  }
}

GrayImage Resize(const GrayImage& image, int height, int width) {
  GrayImage result{height, width, {}};
  result.pixels.resize(static_cast<size_t>(height) *
                       static_cast<size_t>(width));
  Resizer(image.height, image.width, height, width)
      .Resize(image.pixels, absl::MakeSpan(result.pixels));
  return result;
}

void Normalize(absl::Span<const uint8_t> pixels, absl::Span<float> tensor) {
  for (size_t i = 0; i < pixels.size(); ++i) tensor[i] = kNormalized[pixels[i]];
}

}  // namespace lenet

#include "cc/image/normalize.h"

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"

namespace lenet {
namespace {

constexpr double kMean = 0.1307;
constexpr double kDeviation = 0.3081;

constexpr std::array<float, 256> MakeTable() {
  std::array<float, 256> table{};
  for (size_t x = 0; x < table.size(); ++x) {
    table[x] = static_cast<float>((static_cast<double>(x) / 255.0 - kMean) /
                                  kDeviation);
  }
  return table;
}

// Computed by the compiler, so that no option of the target (contraction to
// fused operations, extended precision) can change it.
constexpr std::array<float, 256> kNormalized = MakeTable();

}  // namespace

void Normalize(absl::Span<const uint8_t> pixels, absl::Span<float> tensor) {
  for (size_t i = 0; i < pixels.size(); ++i) tensor[i] = kNormalized[pixels[i]];
}

}  // namespace lenet

#include "cc/ascend/sim/float16.h"

#include <cmath>
#include <cstring>

#include "cc/ascend/half.h"

namespace lenet::ascend::sim {
namespace {

constexpr int kFractionBits = 10;
constexpr int kMinExponent = -14;  // of a normal number
constexpr int kBias = 15;
constexpr float kLargest = 65504.0f;
constexpr uint16_t kInfinity = 0x7C00;
constexpr uint16_t kNan = 0x7E00;

}  // namespace

uint16_t FloatToHalf(float value) {
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return static_cast<uint16_t>(sign | kNan);
  const float magnitude = std::fabs(value);
  // 65520 is half way to what would be the next number.
  if (magnitude >= kLargest + 16.0f) {
    return static_cast<uint16_t>(sign | kInfinity);
  }
  int exponent = magnitude == 0 ? kMinExponent : std::ilogb(magnitude);
  if (exponent < kMinExponent) exponent = kMinExponent;
  // In units of the last bit; rounds ties to even. May carry into the exponent,
  // which is right as the bits stand side by side.
  const auto units = static_cast<uint32_t>(
      std::nearbyint(std::ldexp(magnitude, kFractionBits - exponent)));
  const auto biased = static_cast<uint32_t>(exponent + kBias - 1)
                      << kFractionBits;
  const bool subnormal = units < (1u << kFractionBits);
  return static_cast<uint16_t>(sign | (subnormal ? units : biased + units));
}

float RoundToHalf(float value) { return HalfToFloat(FloatToHalf(value)); }

}  // namespace lenet::ascend::sim

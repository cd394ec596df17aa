#ifndef CC_ASCEND_HALF_H_
#define CC_ASCEND_HALF_H_

#include <cmath>
#include <cstdint>
#include <limits>

namespace lenet::ascend {

// Converts float16 (IEEE 754 binary16) to float32, exactly.
inline float HalfToFloat(uint16_t half) {
  const int exponent = (half >> 10) & 0x1f;
  const int fraction = half & 0x3ff;
  float value;
  if (exponent == 0x1f) {
    value = fraction == 0 ? std::numeric_limits<float>::infinity()
                          : std::numeric_limits<float>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(static_cast<float>(fraction), -24);
  } else {
    value = std::ldexp(static_cast<float>(fraction | 0x400), exponent - 25);
  }
  return (half & 0x8000) != 0 ? -value : value;
}

}  // namespace lenet::ascend

#endif  // CC_ASCEND_HALF_H_

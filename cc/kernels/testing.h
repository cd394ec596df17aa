#ifndef CC_KERNELS_TESTING_H_
#define CC_KERNELS_TESTING_H_

#include <algorithm>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "cc/kernels/reference.h"
#include "cc/kernels/targets.h"
#include "gtest/gtest.h"
#include "hwy/tests/hwy_gtest.h"

namespace lenet::kernels {

using Floats = std::vector<float>;

constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

// Returns uniform numbers in [-1, 1), the same for the same seed.
inline Floats RandomFloats(size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  Floats values(count);
  for (float& value : values) value = uniform(generator);
  return values;
}

inline Doubles ToDoubles(const Floats& values) {
  return Doubles(values.begin(), values.end());
}

// Expects the rounding errors of sums of `terms` products of numbers below 1.
inline void ExpectNear(const Floats& actual, const Doubles& expected,
                       size_t terms) {
  ASSERT_EQ(actual.size(), expected.size());
  const double tolerance = 1e-7 * static_cast<double>(terms + 8);
  for (size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance) << "element " << i;
  }
}

// A heap block of exactly the given size, so that AddressSanitizer sees reads
// beyond it. It holds NaN until it is written. If `unaligned`, its address is a
// multiple of 4 but not of a vector.
class Guarded {
 public:
  Guarded(size_t size, bool unaligned)
      : offset_(unaligned ? 1 : 0), values_(size + offset_, kNan) {}
  Guarded(const Floats& values, bool unaligned)
      : Guarded(values.size(), unaligned) {
    std::copy(values.begin(), values.end(), data());
  }

  float* data() { return values_.data() + offset_; }
  Floats Get() { return {data(), values_.data() + values_.size()}; }

 private:
  size_t offset_;
  Floats values_;
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_TESTING_H_

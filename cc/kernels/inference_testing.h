#ifndef CC_KERNELS_INFERENCE_TESTING_H_
#define CC_KERNELS_INFERENCE_TESTING_H_

#include <hwy/highway.h>
#include <hwy/targets.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace lenet::kernels {

// The same numbers each time, from -1 to 1.
inline std::vector<float> RandomFloats(size_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> uniform(-1.0f, 1.0f);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(generator);
  return values;
}

// A test with this fixture runs once for each target that this CPU has.
class EveryTargetTest : public testing::TestWithParam<int64_t> {
 protected:
  EveryTargetTest() { hwy::SetSupportedTargetsForTest(GetParam()); }
  ~EveryTargetTest() override { hwy::SetSupportedTargetsForTest(0); }
};

inline std::vector<int64_t> Targets() {
  return hwy::SupportedAndGeneratedTargets();
}

inline std::string TargetTestName(const testing::TestParamInfo<int64_t>& info) {
  return hwy::TargetName(info.param);
}

}  // namespace lenet::kernels

#endif  // CC_KERNELS_INFERENCE_TESTING_H_

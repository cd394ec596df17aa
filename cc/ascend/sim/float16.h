#ifndef CC_ASCEND_SIM_FLOAT16_H_
#define CC_ASCEND_SIM_FLOAT16_H_

#include <cstdint>

namespace lenet::ascend::sim {

// The bits of the float16 (IEEE 754 binary16) nearest to `value`, ties to even.
// What is too large becomes infinity, NaN stays NaN.
uint16_t FloatToHalf(float value);

// `value` as a float16 would hold it.
float RoundToHalf(float value);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_FLOAT16_H_

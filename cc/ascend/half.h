#ifndef CC_ASCEND_HALF_H_
#define CC_ASCEND_HALF_H_

#include <cstdint>

namespace lenet::ascend {

// The value of a float16 (IEEE 754 binary16), exactly.
float HalfToFloat(uint16_t half);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_HALF_H_

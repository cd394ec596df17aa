#ifndef CC_ENGINE_SELF_TEST_H_
#define CC_ENGINE_SELF_TEST_H_

#include <string>

#include "absl/status/status.h"
#include "cc/engine/engine.h"

namespace lenet {

// Returns a digit as a JPEG file of 32x32 grey pixels.
std::string SelfTestDigit();
inline constexpr int kSelfTestClass = 7;

// Classifies the digit with the engine, as a batch of one image, to detect a
// wrong model, device or image preparation before any result is used. The class
// of a model that has not ten classes is not checked. Errors:
//   InvalidArgument  the model gives another class
//   Internal         a logit is not finite
//   others           from the engine
// The message names likely causes and the flag that skips the test.
absl::Status RunSelfTest(Engine* engine);

}  // namespace lenet

#endif  // CC_ENGINE_SELF_TEST_H_

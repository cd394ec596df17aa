#ifndef CC_ENGINE_SELF_TEST_H_
#define CC_ENGINE_SELF_TEST_H_

#include <string>

#include "absl/status/status.h"
#include "cc/engine/engine.h"

namespace lenet {

// A known digit, as a JPEG file of 32x32 pixels, and its class.
std::string SelfTestDigit();
inline constexpr int kSelfTestClass = 7;

// Runs the digit through the engine, alone in a batch and in the engine's form,
// to see that device, model and preparation of images fit together before
// results are believed. InvalidArgument if the model takes it for another
// digit, Internal if the logits are not finite: the message names the likely
// causes and how to do without. Otherwise the error of the engine.
absl::Status RunSelfTest(Engine* engine);

}  // namespace lenet

#endif  // CC_ENGINE_SELF_TEST_H_

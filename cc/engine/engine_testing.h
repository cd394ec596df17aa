#ifndef CC_ENGINE_ENGINE_TESTING_H_
#define CC_ENGINE_ENGINE_TESTING_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/engine/engine.h"

// What the tests of engines have in common.

namespace lenet {

// The exported LeNet of the build, or another file beside it, on the CPU.
EngineOptions OnCpu(int threads = 1, absl::string_view model = "lenet.mindir");

// An image [32, 32] that gets lighter from left to right, as a tensor.
std::vector<float> Ramp();

// One image of `tensor` alone in a batch of 1, from start to finish.
absl::Status RunTensors(Engine* engine, const std::vector<float>& tensor,
                        absl::Span<float> out);

// The 10 logits of it; the test fails, and they are NaN, if it does not run.
std::vector<float> Logits(Engine* engine, const std::vector<float>& tensor);

}  // namespace lenet

#endif  // CC_ENGINE_ENGINE_TESTING_H_

#ifndef CC_ENGINE_ENGINE_TESTING_H_
#define CC_ENGINE_ENGINE_TESTING_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cc/engine/engine.h"

namespace lenet {

// Returns options for the LeNet of the build graph, or another file in its
// folder, on the CPU.
EngineOptions OnCpu(int threads = 1, absl::string_view model = "lenet.mindir");

// Returns an image [32, 32] whose pixels increase from left to right.
std::vector<float> Ramp();

// Runs a batch of one image [32, 32] and returns its 10 logits. If that fails,
// the test fails and the logits are NaN.
std::vector<float> Logits(Engine* engine, const std::vector<float>& tensor);

}  // namespace lenet

#endif  // CC_ENGINE_ENGINE_TESTING_H_

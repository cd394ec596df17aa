#ifndef CC_ENGINE_ENGINE_H_
#define CC_ENGINE_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace lenet {

// A tensor of float32, dense, in C order.
struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;  // NCHW for the input, [N, 10] for the output
};

enum class DeviceTarget { kAuto, kAscend310, kCpu };

struct EngineOptions {
  std::string model_path;
  DeviceTarget device_target = DeviceTarget::kAuto;
  int device_id = 0;        // index of the Ascend card
  int threads = 0;          // of the CPU; 0: one a core
  std::string aipp_path;    // AIPP configuration for an Ascend; "": none
  std::string lite_plugin;  // shared library with engine lite; "": not found
};

// A LeNet has 0.25 MB; refuses what was surely meant for another program before
// it is read.
inline constexpr size_t kMaxModelBytes = size_t{256} << 20;

// A loaded LeNet. Not thread-safe: one call at a time.
class Engine {
 public:
  virtual ~Engine() = default;

  // [N, 1, H, W].
  virtual const TensorInfo& input() const = 0;

  // [N, 10], logits.
  virtual const TensorInfo& output() const = 0;

  // Where it runs: "CPU" or "Ascend310:<device_id>".
  virtual std::string device() const = 0;

  // Runs one batch. `in` and `out` have the floats of input() and output():
  // InvalidArgument otherwise. Aborted if the device fails, Internal if the
  // work does.
  virtual absl::Status Run(absl::Span<const float> in,
                           absl::Span<float> out) = 0;
};

}  // namespace lenet

#endif  // CC_ENGINE_ENGINE_H_

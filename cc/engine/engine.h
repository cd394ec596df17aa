#ifndef CC_ENGINE_ENGINE_H_
#define CC_ENGINE_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/image/image.h"

namespace lenet {

// A tensor, dense, in C order.
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
  bool dvpp = false;        // decode and resize on the Ascend: InputForm::kFile
  bool self_test = true;    // of engines that have one: a known digit first
};

// A LeNet has 0.25 MB; refuses what was surely meant for another program before
// it is read.
inline constexpr size_t kMaxModelBytes = size_t{256} << 20;

// What an engine takes of each image.
enum class InputForm {
  kTensor,  // float32 [H, W], normalised
  kLuma,    // uint8 [H, W], decoded and resized; the model normalises (AIPP)
  kFile,    // a SourceImage; the engine decodes and resizes (DVPP)
};

// The images of one batch: `size` of them, 1 to the model's N. Only the member
// of the engine's form is filled. tensors and luma are those of N images, and
// zero beyond `size`; files has exactly `size`.
struct Batch {
  size_t size = 0;
  absl::Span<const float> tensors;
  absl::Span<const uint8_t> luma;
  absl::Span<const SourceImage> files;
};

// How the images so far were prepared, and where.
struct EngineCounters {
  size_t decoded_on_device = 0;  // images, of InputForm::kFile
  size_t decoded_on_host = 0;    // those of them that the device cannot take
  std::string soc_name;          // of an Ascend; empty otherwise
  bool pipelined = false;  // a batch is prepared while another one executes
};

// A loaded LeNet. Not thread-safe, and an Ascend is used from the thread that
// created the engine only.
class Engine {
 public:
  virtual ~Engine() = default;

  // [N, 1, H, W]. A model that runs batches of several sizes has the largest
  // here.
  virtual const TensorInfo& input() const = 0;

  // [N, 10], logits.
  virtual const TensorInfo& output() const = 0;

  // Where it runs: "CPU" or "Ascend310:<device_id>".
  virtual std::string device() const = 0;

  virtual InputForm form() const { return InputForm::kTensor; }

  // Whether the model runs smaller batches than input() says at less cost (it
  // has "gears"), so that any size up to that is as good.
  virtual bool dynamic_batch() const { return false; }

  // How many batches may be started before the first is finished.
  virtual size_t depth() const { return 1; }

  // Starts one batch, which must stay valid and unchanged until it is finished.
  // Refused are, by InvalidArgument, a batch that is not as described above
  // and, by FailedPrecondition, one more than depth(): the engine goes on.
  // After any other error it is of no use but to be destroyed: InvalidArgument
  // for an image that cannot be decoded, Aborted if the device fails, Internal
  // or ResourceExhausted if the work does.
  virtual absl::Status Start(const Batch& batch) = 0;

  // Finishes the oldest batch that was started. `out` has 10 floats for each of
  // its images: InvalidArgument otherwise. FailedPrecondition if none is
  // started. Other errors as for Start.
  virtual absl::Status Finish(absl::Span<float> out) = 0;

  virtual EngineCounters counters() const { return {}; }
};

}  // namespace lenet

#endif  // CC_ENGINE_ENGINE_H_

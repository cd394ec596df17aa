#ifndef CC_ENGINE_ENGINE_H_
#define CC_ENGINE_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/base/shape.h"
#include "cc/image/image.h"

namespace lenet {

// Larger model files are refused before they are read. A LeNet has 0.25 MB.
inline constexpr size_t kMaxModelBytes = size_t{256} << 20;

enum class DeviceTarget { kAuto, kAscend310, kCpu };

struct EngineOptions {
  std::string model_path;
  int batch_size = 1;  // of a model that leaves its batch open
  // kAuto means the device that the engine is made for: the CPU for native and
  // lite, the Ascend 310 for acl.
  DeviceTarget device_target = DeviceTarget::kAuto;
  int device_id = 0;        // Ascend card
  int threads = 0;          // CPU threads; 0: one per core
  std::string aipp_path;    // AIPP configuration for an Ascend; "": none
  std::string lite_plugin;  // shared library of the engine lite; "": not found
  bool dvpp = false;        // decode and resize on the Ascend
  bool self_test = true;    // classify a known digit first (engine acl)
};

// The form in which an engine takes each image.
enum class InputForm {
  kTensor,  // float32 [H, W], normalised
  kLuma,    // uint8 [H, W], decoded and resized; the model normalises (AIPP)
  kFile,    // a SourceImage; the engine decodes and resizes (DVPP)
};

// `size` images, between 1 and the batch size N of the model. Only the member
// for the engine's InputForm is filled. `tensors` and `luma` have N images,
// zero beyond `size`; `files` has exactly `size`.
struct Batch {
  size_t size = 0;
  absl::Span<const float> tensors;
  absl::Span<const uint8_t> luma;
  absl::Span<const SourceImage> files;
};

// How and where the images so far were prepared.
struct EngineCounters {
  size_t decoded_on_device = 0;  // images of InputForm::kFile
  size_t decoded_on_host = 0;  // of kFile, in a format that DVPP cannot decode
  std::string soc_name;        // chip name of an Ascend; empty otherwise
  bool pipelined = false;  // one batch is prepared while another one executes
};

// A loaded image classifier. Not thread-safe. An engine on an Ascend is used
// only from the thread that created it.
class Engine {
 public:
  virtual ~Engine() = default;

  // [N, 1, H, W]; N is the largest batch size that the model supports.
  virtual const TensorInfo& input() const = 0;

  // [N, classes], logits. More dimensions of 1 may follow.
  virtual const TensorInfo& output() const = 0;
  size_t classes() const { return static_cast<size_t>(output().shape[1]); }

  // "CPU" or "Ascend310:<device_id>".
  virtual std::string device() const = 0;

  virtual InputForm form() const { return InputForm::kTensor; }

  // Returns whether the model runs batches smaller than N at lower cost
  // ("gears").
  virtual bool dynamic_batch() const { return false; }

  // Number of batches that may be started before the first one is finished.
  virtual size_t depth() const { return 1; }

  // Starts one batch, which must stay valid and unchanged until it is finished.
  // After these two errors the engine is still usable:
  //   InvalidArgument     the batch does not have the form described above
  //   FailedPrecondition  depth() batches are started already
  // After any other error it can only be destroyed:
  //   Aborted             the device failed
  //   Internal, ResourceExhausted  the work failed
  virtual absl::Status Start(const Batch& batch) = 0;

  // Finishes the oldest started batch and writes its logits to `out`.
  // InvalidArgument if `out` has another size; FailedPrecondition if no batch
  // is started; other errors as for Start.
  virtual absl::Status Finish(absl::Span<float> out) = 0;

  // Returns the error of image i of the batch that Finish returned last:
  // InvalidArgument, with the file's path, if it cannot be decoded. The logits
  // of this image are NaN, those of the others are right.
  virtual absl::Status ImageStatus(size_t /*i*/) const {
    return absl::OkStatus();
  }

  virtual EngineCounters counters() const { return {}; }

  // SHA-256, in hexadecimal, of the bytes from which the model was loaded.
  virtual std::string model_sha256() const = 0;
};

// Base class of engines that take tensors and run one batch at a time. Finish
// runs the batch. Neither Start nor Finish allocates memory.
class SynchronousEngine : public Engine {
 public:
  SynchronousEngine(TensorInfo input, TensorInfo output);

  const TensorInfo& input() const final { return input_; }
  const TensorInfo& output() const final { return output_; }

  absl::Status Start(const Batch& batch) final;
  absl::Status Finish(absl::Span<float> out) final;

 protected:
  // Runs a full batch. The spans have the sizes of input() and output().
  // Returns Aborted if the device failed, Internal if the work failed.
  virtual absl::Status Run(absl::Span<const float> in,
                           absl::Span<float> out) = 0;

 private:
  const TensorInfo input_;
  const TensorInfo output_;
  const size_t capacity_;      // images of a full batch
  const size_t input_size_;    // floats of a full batch
  Batch batch_;                // the started batch; size 0: none
  std::vector<float> logits_;  // a full batch, when `out` is smaller
};

// Returns InvalidArgument, with `model_path` and both shapes, unless the model
// takes [N, 1, H, W] with positive N, H and W, and returns [N, classes], with
// two or more classes, or [N, classes, 1, 1].
absl::Status CheckClassifierShapes(absl::string_view model_path,
                                   const std::vector<TensorInfo>& inputs,
                                   const std::vector<TensorInfo>& outputs);

// Returns InvalidArgument if there is an aipp_path, which the CPU cannot use.
absl::Status CheckNoAipp(const EngineOptions& options);

}  // namespace lenet

#endif  // CC_ENGINE_ENGINE_H_

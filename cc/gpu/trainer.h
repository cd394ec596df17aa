#ifndef CC_GPU_TRAINER_H_
#define CC_GPU_TRAINER_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/gpu/driver.h"
#include "cc/gpu/kernel_plan.h"
#include "cc/kernels/lenet_train.h"

namespace lenet::gpu {

struct TrainerOptions {
  int device = 0;            // index of the card
  std::string nvrtc_folder;  // see Compiler::Open
  std::string cache_folder;  // see Compiler::CompileCached
  int height = 32;           // of the images
  int width = 32;
  std::string driver = "libcuda.so.1";  // file name or path
};

// Trains LeNet-5 on one card. Not thread-safe.
//
// Errors of all functions: Unavailable if the driver, the card or NVRTC cannot
// be used; InvalidArgument for invalid images, labels or indices;
// ResourceExhausted if the card's memory is used up; Aborted if the card fails
// or computes wrong results. After Aborted the parameters are unchanged and the
// object is of no further use.
class Trainer {
 public:
  // Opens a card, compiles the kernels and compares a few steps with the
  // reference in cc/kernels.
  static absl::StatusOr<std::unique_ptr<Trainer>> Open(
      const TrainerOptions& options);
  ~Trainer();

  // Does the work of kernels::TrainLenet, whose arguments it has, in one
  // launch. Images and labels stay on the card for the next call: images must
  // not change at their address while this object exists.
  absl::Status Train(const kernels::TrainBatches& batches,
                     const kernels::LenetParameters& parameters,
                     const kernels::LenetParameters& moments, float* losses);

  // Computes logits [count, 10] of images [count, height, width] in one launch;
  // 1 <= count < 2^21. The other arguments are as for Train.
  absl::Status Forward(const uint8_t* images, int64_t count,
                       const float* normalize, const float* const* parameters,
                       float* logits);

  const std::string& card() const { return driver_->name(); }

  // Returns a warning of Open, one line, or "".
  const std::string& warning() const { return warning_; }

  // Returns the time that the last launch took on the card.
  float kernel_milliseconds() const { return kernel_milliseconds_; }

 private:
  // The training set on the card.
  struct TrainingSet {
    const uint8_t* address = nullptr;
    std::vector<int32_t> labels;
    std::vector<uint8_t> sample;  // of the images
    DeviceMemory images;
    DeviceMemory device_labels;
  };

  Trainer(const TrainerOptions& options, bool allow_clusters)
      : options_(options), allow_clusters_(allow_clusters) {}

  absl::Status OpenCard();
  absl::Status LoadKernels();
  absl::Status LimitBlocks();
  absl::Status Launch(CUfunction kernel, void* arguments);
  absl::Status CopyTrainingSet(const kernels::TrainBatches& batches);
  // `moments` may be null.
  absl::Status CopyParameters(const float* const* parameters,
                              const float* const* moments);
  absl::Status CopyResults(size_t steps,
                           const kernels::LenetParameters& parameters,
                           const kernels::LenetParameters& moments,
                           float* losses);
  int FeatureCount() const;
  size_t ParameterCount() const;

  const TrainerOptions options_;
  const bool allow_clusters_;
  std::unique_ptr<const Driver> driver_;
  Plan plan_ = {};
  CUfunction train_ = nullptr;
  CUfunction forward_ = nullptr;
  std::string warning_;
  CUevent start_ = nullptr;
  CUevent end_ = nullptr;
  float kernel_milliseconds_ = 0.0f;

  TrainingSet training_set_;
  DeviceMemory normalize_;
  DeviceMemory order_;
  DeviceMemory optimizers_;
  DeviceMemory state_;  // parameters, then moments
  DeviceMemory losses_;
  DeviceMemory workspace_;
  DeviceMemory barrier_;
  DeviceMemory images_;  // of Forward
  DeviceMemory logits_;
};

}  // namespace lenet::gpu

#endif  // CC_GPU_TRAINER_H_

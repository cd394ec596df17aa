#ifndef CC_ASCEND_MODEL_H_
#define CC_ASCEND_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/memory.h"
#include "cc/ascend/session.h"
#include "cc/engine/engine.h"

namespace lenet::ascend {

// A static AIPP maps a byte to (byte - mean) * scale.
struct Normalization {
  float mean = 0;
  float scale = 0;
};

// Inputs and outputs of an image classifier in an OM.
struct ModelInfo {
  InputForm form = InputForm::kTensor;  // kLuma with AIPP
  std::string input_name;
  size_t input_index = 0;
  std::string output_name;
  int64_t batch = 0;  // images per batch; with gears, of the largest
  int64_t height = 0;
  int64_t width = 0;
  // Bytes per image. For kLuma the Y plane, height * width; with YUV420SP, half
  // as much again for the UV plane.
  size_t image_bytes = 0;
  size_t input_bytes = 0;    // per batch
  int64_t classes = 0;       // logits per image
  bool half_output = false;  // logits are float16 instead of float32
  size_t output_bytes = 0;   // per batch
  // With a dynamic batch: the batch sizes, ascending, and the additional input
  // that selects one of them. Otherwise empty and 0.
  std::vector<uint64_t> gears;
  size_t gear_index = 0;
  size_t gear_bytes = 0;
  std::optional<Normalization> aipp;  // if the library reports it
};

// A loaded model. It must be destroyed before its session.
class Model {
 public:
  // Loads an OM. InvalidArgument if the file cannot be used here or is not an
  // image classifier; other errors as for Session::Check.
  static absl::StatusOr<std::unique_ptr<Model>> Load(Session* session,
                                                     const std::string& path);
  ~Model();

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelInfo& info() const { return info_; }
  uint32_t id() const { return id_; }

  // Returns the smallest gear for 1 to info().batch images; without gears,
  // info().batch.
  size_t Gear(size_t images) const;

 private:
  Model(Session* session, std::string path)
      : session_(session), path_(std::move(path)) {}

  absl::Status Open();
  absl::Status ReadInput();
  absl::Status ReadOutput();
  absl::Status ReadGears();
  absl::Status ReadAipp();
  absl::Status Check(aclError code, absl::string_view call) const;
  absl::Status InvalidModel(absl::string_view reason) const;

  Session* const session_;
  const std::string path_;
  uint32_t id_ = 0;
  bool loaded_ = false;
  aclmdlDesc* desc_ = nullptr;
  ModelInfo info_;
};

// Device memory and datasets for one batch of a model. It must be destroyed
// before the model and while no execution uses it.
class Binding {
 public:
  // `input`, if not null, is device memory of info().input_bytes bytes that is
  // used as input and must outlive this object. Otherwise it is allocated.
  static absl::StatusOr<std::unique_ptr<Binding>> Create(Session* session,
                                                         const Model& model,
                                                         void* input = nullptr);

  ~Binding();

  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;

  // Device memory of info().input_bytes and info().output_bytes bytes.
  void* input() const { return input_; }
  void* output() const { return output_memory_.data(); }

  // Selects the batch size for the next executions, one of the model's gears,
  // and writes it to the device at once. Has no effect without gears.
  absl::Status SetGear(size_t images);

  // Runs the model and waits.
  absl::Status Execute();

  // Starts the model on a stream.
  absl::Status ExecuteAsync(aclrtStream stream);

 private:
  Binding(Session* session, const Model& model)
      : session_(session), model_(model) {}

  absl::Status Allocate(void* input);
  absl::StatusOr<aclmdlDataset*> CreateDataset();
  absl::Status AddBuffer(aclmdlDataset* dataset, void* data, size_t size);

  Session* const session_;
  const Model& model_;
  void* input_ = nullptr;
  Memory input_memory_;
  Memory gear_memory_;
  Memory output_memory_;
  std::vector<aclDataBuffer*> buffers_;  // inputs in order, then the output
  aclmdlDataset* inputs_ = nullptr;
  aclmdlDataset* outputs_ = nullptr;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_MODEL_H_

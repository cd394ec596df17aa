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
#include "cc/ascend/session.h"
#include "cc/engine/engine.h"

namespace lenet::ascend {

// What a static AIPP makes of a byte: (byte - mean) * scale.
struct Normalization {
  float mean = 0;
  float scale = 0;
};

// A LeNet as an OM has it.
struct ModelInfo {
  InputForm form = InputForm::kTensor;  // or kLuma, with AIPP
  std::string input_name;
  size_t input_index = 0;
  std::string output_name;
  int64_t batch = 0;  // images; of the largest gear
  int64_t height = 0;
  int64_t width = 0;
  // Bytes of one image. For kLuma the Y plane, height * width, and perhaps half
  // of that for a UV plane behind it (YUV420SP).
  size_t image_bytes = 0;
  size_t input_bytes = 0;    // of a batch
  bool half_output = false;  // logits are float16, otherwise float32
  size_t output_bytes = 0;   // of a batch
  // For dynamic batch: the sizes that the model can run, ascending, and the
  // extra input that takes the size. Empty, 0 and 0 otherwise.
  std::vector<uint64_t> gears;
  size_t gear_index = 0;
  size_t gear_bytes = 0;
  // Of the AIPP, if the library tells.
  std::optional<Normalization> aipp;
};

// A model on the device. Must be gone before its session.
class Model {
 public:
  // Loads an OM and looks at it. InvalidArgument if the file cannot be used
  // here, or is no LeNet; otherwise the errors of Session::Check.
  static absl::StatusOr<std::unique_ptr<Model>> Load(Session* session,
                                                     const std::string& path);
  // Unloads. What was bound to it must be gone.
  ~Model();

  Model(const Model&) = delete;
  Model& operator=(const Model&) = delete;

  const ModelInfo& info() const { return info_; }
  uint32_t id() const { return id_; }

  // The smallest gear for `images`, 1 to info().batch; info().batch without
  // gears.
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
  absl::Status Refuse(absl::string_view reason) const;

  Session* const session_;
  const std::string path_;
  uint32_t id_ = 0;
  bool loaded_ = false;
  aclmdlDesc* desc_ = nullptr;
  ModelInfo info_;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_MODEL_H_

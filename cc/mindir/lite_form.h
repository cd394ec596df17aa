#ifndef CC_MINDIR_LITE_FORM_H_
#define CC_MINDIR_LITE_FORM_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// MindIR, the protobuf file that MindSpore exports.
//
// All functions return InvalidArgument, with what was expected and found, for
// bytes that are no MindIR, a truncated file, and a version newer than 3. They
// are thread-safe.

namespace lenet {

// An input or output of a model.
struct MindIrTensor {
  std::string name;
  std::vector<int64_t> shape;
  bool is_float32 = false;
};

struct MindIrSignature {
  std::vector<MindIrTensor> inputs;
  std::vector<MindIrTensor> outputs;
};

absl::StatusOr<MindIrSignature> ReadSignature(absl::string_view mindir);

// The model in version 1, which MindSpore Lite 2.0 reads. Versions 2 and 3
// (MindSpore 2.x) give the operators of a LeNet constants as further inputs
// that version 1 has as attributes of the operator: MatMul its transpose flags
// and BiasAdd its format. The constants become attributes again, the rest stays
// as it is. A model in version 1 is returned unchanged.
absl::StatusOr<std::string> ToLiteForm(absl::string_view mindir);

}  // namespace lenet

#endif  // CC_MINDIR_LITE_FORM_H_

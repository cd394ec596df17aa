#ifndef CC_MINDIR_LITE_FORM_H_
#define CC_MINDIR_LITE_FORM_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/mindir/model.h"

namespace lenet {

struct LiteModel {
  std::vector<TensorInfo> inputs;  // float32, with shapes as the file has them
  std::vector<TensorInfo> outputs;
  std::string mindir;  // version 1, which MindSpore Lite 2.0 reads
};

// Converts a MindIR of version 1 to 3 to version 1. Versions 2 and 3 store the
// transpose flags of MatMul and the format of BiasAdd as constant inputs; these
// become attributes again. The rest is unchanged, unknown fields included.
//
// Returns InvalidArgument, with the expected and found values, for other or
// incomplete files, and for inputs and outputs that are not float32 tensors.
// Thread-safe. `lenet.mindir.lite` in Python does the same at export.
absl::StatusOr<LiteModel> ToLiteForm(absl::string_view mindir);

}  // namespace lenet

#endif  // CC_MINDIR_LITE_FORM_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/mindir/lite_form.h"
#include "cc/mindir/model.h"
#include "cc/mindir/reader.h"

namespace {

void ExpectInvalid(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kInvalidArgument) std::abort();
}

}  // namespace

// Any bytes are a MindIR or an error; and the form for MindSpore Lite is one
// that needs no change.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view content(reinterpret_cast<const char*>(data), size);
  const auto model = lenet::ReadMindIr(content);
  if (!model.ok()) ExpectInvalid(model.status());

  const absl::StatusOr<lenet::LiteModel> lite = lenet::ToLiteForm(content);
  if (!lite.ok()) {
    ExpectInvalid(lite.status());
    return 0;
  }
  const auto again = lenet::ToLiteForm(lite->mindir);
  if (!again.ok() || again->mindir != lite->mindir) std::abort();
  return 0;
}

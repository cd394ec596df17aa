#ifndef CC_ASCEND_MANIFEST_H_
#define CC_ASCEND_MANIFEST_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// What //tools:to_om notes about a model beside it: <model>.om.json. An OM by
// itself tells neither what it was made of nor for which chip.

namespace lenet::ascend {

struct Manifest {
  std::string model_sha256;   // of the OM, lower-case hexadecimal
  std::string source;         // name of the ONNX or AIR file
  std::string source_sha256;  // "" if unknown, as all below
  std::string soc_version;    // "Ascend310"
  std::string atc_version;
  std::string input_form;  // "float": normalised; "luma": bytes, with AIPP
  std::string aipp_sha256;
  int height = 0;  // pixels; 0: unknown
  int width = 0;
  std::vector<int> batch;  // one, or the gears of a dynamic batch
};

// Whether the file is a model of ATC: by its name (*.om) or its first bytes.
// False for a file that cannot be read.
bool IsOmFile(const std::string& path);

// "<om_path>.json".
std::string ManifestPath(const std::string& om_path);

// The manifest of a model, or nothing if there is none (the model was converted
// by hand). InvalidArgument if it is not such a file, or the error of ReadFile.
absl::StatusOr<std::optional<Manifest>> ReadManifest(
    const std::string& om_path);

// The same from the content of a file; `path` is for messages.
absl::StatusOr<Manifest> ParseManifest(const std::string& path,
                                       const std::string& content);

// Whether a model for the chip `soc_version` ("Ascend310") runs on `soc_name`,
// as AscendCL calls the chip. A simulator ("Ascend310-simulator") counts as
// what it simulates.
bool SameSoc(absl::string_view soc_version, absl::string_view soc_name);

// True for a chip that is simulated.
bool IsSimulator(absl::string_view soc_name);

// InvalidArgument if the manifest is of another file than the one with the
// SHA-256 `om_sha256`; FailedPrecondition if the model is for another chip than
// `soc_name` ("": unknown, not checked). Messages name the remedy.
absl::Status CheckManifest(const Manifest& manifest, const std::string& om_path,
                           absl::string_view om_sha256,
                           absl::string_view soc_name);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_MANIFEST_H_

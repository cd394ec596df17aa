#ifndef CC_ASCEND_MANIFEST_H_
#define CC_ASCEND_MANIFEST_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lenet::ascend {

// The file <model>.om.json that //tools:to_om writes, because an OM does not
// name its source and chip. It has more entries, which are for people.
struct Manifest {
  std::string model_sha256;  // of the OM, hexadecimal
  std::string soc_version;   // "Ascend310"
};

// Returns whether a file is a model of ATC, by its name (*.om) or its first
// bytes; false if it cannot be read.
bool IsOmFile(const std::string& path);

// Returns "<om_path>.json".
std::string ManifestPath(const std::string& om_path);

// Reads the manifest of a model, if it has one. InvalidArgument if the file is
// not a manifest; other errors as for ReadFile.
absl::StatusOr<std::optional<Manifest>> ReadManifest(
    const std::string& om_path);

// Returns whether `soc_name` is the name of a simulator, "Ascend310-simulator".
bool IsSimulator(absl::string_view soc_name);

// Compares a manifest with an OM and a chip. InvalidArgument if the OM has
// another SHA-256; FailedPrecondition if the model is for another chip. The
// chip is not compared if `soc_name` is "". A simulator equals the chip that it
// simulates.
absl::Status CheckManifest(const Manifest& manifest, const std::string& om_path,
                           absl::string_view om_sha256,
                           absl::string_view soc_name);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_MANIFEST_H_

#ifndef CC_INFERENCE_CONFIG_FILE_H_
#define CC_INFERENCE_CONFIG_FILE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "configs/infer310_options.h"

namespace lenet {

// Returns the value in the spelling of the option's choices. Returns
// InvalidArgument, with `source` in the message, if the value is not accepted.
absl::StatusOr<std::string> CheckValue(const Option& option,
                                       absl::string_view value,
                                       absl::string_view source);

// Returns the values, by name, that a YAML file gives to the options of
// infer310. Each key must exist in configs/default_config.yaml, in its section
// or at the top level; keys of other programs are ignored. A value in a section
// overrides one at the top level.
//
// Returns InvalidArgument for invalid YAML, an unknown section or key and a
// value that is not accepted, and the errors of ReadFile.
absl::StatusOr<std::map<std::string, std::string>> ReadConfigFile(
    const std::string& path);

// The same for the content of a file; `path` appears in messages.
absl::StatusOr<std::map<std::string, std::string>> ParseConfig(
    const std::string& path, const std::string& content);

}  // namespace lenet

#endif  // CC_INFERENCE_CONFIG_FILE_H_

#ifndef CC_INFERENCE_CONFIG_FILE_H_
#define CC_INFERENCE_CONFIG_FILE_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "configs/infer310_options.h"

namespace lenet {

using Names = std::set<std::string>;

constexpr double kNearest = 0.6;  // similarity of a name that is suggested

// Returns what other programs call `name`, or the known name that is most like
// it, at least as similar as `similarity` (0 to 1), or "".
std::string Nearest(const std::string& name, const Names& known,
                    double similarity = kNearest);

// Returns the value in the spelling of the option's choices. Returns
// InvalidArgument, with `source` in the message, if the value is not accepted.
absl::StatusOr<std::string> CheckValue(const Option& option,
                                       absl::string_view value,
                                       absl::string_view source);

struct ConfigFile {
  std::map<std::string, std::string> values;  // of options, by name
  std::vector<std::string> unused;  // what else the file has, for a message
};

// Returns the values that a YAML file gives to the options of infer310, by the
// rules of python/lenet/options/config.py: a key is in its section or at the
// top level; a value in a section overrides one at the top level. Keys of other
// programs are ignored. At the top level of a file without sections, other keys
// have no use, as in the original program's default_config.yaml, of which only
// the first document counts.
//
// Returns InvalidArgument for invalid YAML, an unknown section, an unknown key
// in a section or with nearly the name of an option and a value that is not
// accepted, and the errors of ReadFile.
absl::StatusOr<ConfigFile> ReadConfigFile(const std::string& path);

// The same for the content of a file; `path` appears in messages.
absl::StatusOr<ConfigFile> ParseConfig(const std::string& path,
                                       const std::string& content);

}  // namespace lenet

#endif  // CC_INFERENCE_CONFIG_FILE_H_

#ifndef CC_INFERENCE_CONFIG_FILE_H_
#define CC_INFERENCE_CONFIG_FILE_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"

namespace lenet {

// The values, by name, that a user's YAML file gives to the options of
// infer310; the rules are those of python/lenet/options/config.py. Each key
// must be one that some program reads, in its section or at the top level;
// those of other programs are left alone. A value in a section wins over one at
// the top level.
//
// InvalidArgument, or the error of ReadFile: an unreadable file, bad YAML, an
// unknown section or key, a value of the wrong type or out of range.
absl::StatusOr<std::map<std::string, std::string>> ReadConfigFile(
    const std::string& path);

// The same from the content of a file; `path` is for messages.
absl::StatusOr<std::map<std::string, std::string>> ParseConfig(
    const std::string& path, const std::string& content);

}  // namespace lenet

#endif  // CC_INFERENCE_CONFIG_FILE_H_

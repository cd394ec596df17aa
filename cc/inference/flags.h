#ifndef CC_INFERENCE_FLAGS_H_
#define CC_INFERENCE_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cc/inference/options.h"

// The command line of infer310. Flags are read here, once; the rest of the
// program takes Infer310Options.

namespace lenet {

struct ParsedFlags {
  bool help = false;  // --help was given: `options` is not filled
  Infer310Options options;
};

// Options from the command line (`arguments` is without the program's name),
// else from --config_path, else the defaults of configs/default_config.yaml.
// Sets the flags. InvalidArgument, or the error of ReadConfigFile: an unknown
// flag, a stray argument, a bad value.
absl::StatusOr<ParsedFlags> ParseFlags(
    const std::vector<std::string>& arguments);

// What --help prints: all flags by section, with unit and default.
std::string HelpText();

// `path` as seen from where the user typed the command, which `bazel run` tells
// in BUILD_WORKING_DIRECTORY; "" stays "".
std::string AbsolutePath(const std::string& path);

}  // namespace lenet

#endif  // CC_INFERENCE_FLAGS_H_

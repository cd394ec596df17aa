#ifndef CC_INFERENCE_OPTIONS_H_
#define CC_INFERENCE_OPTIONS_H_

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/engine/engine.h"
#include "cc/inference/results.h"

namespace lenet {

// The options of infer310; configs/options.yaml describes them. Paths are
// absolute or "". model_path is "" for the model that the build trains.
struct Infer310Options : EngineOptions {
  std::string dataset_path;  // "" for the MNIST test set of the build
  std::string result_path;
  ResultFormat result_format = ResultFormat::kNpy;
  std::string engine;
  int image_height = 0;
  int image_width = 0;
  int limit = 0;             // 0 for all images
  bool find_digits = false;  // --prepare=predict
  bool strict = false;
  bool probe = false;
  bool json = false;
  std::string config_path;            // "" for none
  std::set<std::string> from_config;  // options with the value of that file
};

// Returns the text that the command line asks for by --help or --version, else
// null.
const char* RequestedText(int argc, char** argv);

// Returns a text for the user, in which the commands of README.md replace those
// of Bazel if the program `argv0` has no runfiles, as in the archive of
// //cc:deploy.
std::string WithCommandsHere(const std::string& argv0, absl::string_view text);

// Reads the options from the command line, else from --config_path, else the
// defaults of configs/default_config.yaml. Exits with code 2 if absl cannot
// parse the command line. Returns InvalidArgument for any other wrong value or
// argument, and the errors of ReadConfigFile.
absl::StatusOr<Infer310Options> ParseOptions(int argc, char** argv);

// Returns the error with the name of the configuration file, if the message
// names an option whose value comes from it.
absl::Status BlameConfigFile(const Infer310Options& options,
                             const absl::Status& status);

// Replaces an empty model_path and dataset_path by the files in the runfiles
// of the program `argv0`, else by lenet.mindir and images beside it, and sets
// lite_plugin to the library in one of these places. Returns NotFound, with the
// flag to give, if a file is missing.
absl::Status FillInputsFromRunfiles(const std::string& argv0,
                                    Infer310Options* options);

}  // namespace lenet

#endif  // CC_INFERENCE_OPTIONS_H_

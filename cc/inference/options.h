#ifndef CC_INFERENCE_OPTIONS_H_
#define CC_INFERENCE_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/engine/engine.h"

namespace lenet {

// What infer310 is to do. Paths are absolute, or "" where that has a meaning.
struct Infer310Options {
  std::string mindir_path;   // MindIR or OM; "": that of the build graph
  std::string dataset_path;  // "": the MNIST test set of the build graph
  std::string result_path;
  bool dvpp = false;
  std::string aipp_path;
  std::string engine;
  std::string lite_plugin;  // shared library of the engine lite; "": not found
  int image_height = 0;
  int image_width = 0;
  DeviceTarget device_target = DeviceTarget::kAuto;
  int device_id = 0;
  int batch_size = 0;
  int threads = 0;  // 0: one a core
  int limit = 0;    // 0: all images
  bool self_test = true;
  bool probe = false;  // only look at the device
  bool json = false;   // stdout gets one JSON object
};

// One option: a key of configs/default_config.yaml and the flag of that name.
struct OptionSpec {
  enum class Type { kText, kInteger, kBoolean };

  const char* section;
  const char* name;
  Type type;
  const char* unit;                  // "" where it has none
  std::vector<const char*> choices;  // accepted texts; empty: any
  int minimum = 0;                   // of an integer
  int maximum = 0;
  bool is_path = false;
};

// All options, those of a section together.
absl::Span<const OptionSpec> OptionSpecs();

// Null if there is none of that name.
const OptionSpec* FindOptionSpec(absl::string_view name);

// What a value must be, for messages: "a whole number of at least 1".
std::string Expected(const OptionSpec& spec);

// `value` as the option takes it: a choice in its own spelling, "true" or
// "false", everything else unchanged. InvalidArgument, with `source` in front,
// if it does not fit.
absl::StatusOr<std::string> CheckValue(const OptionSpec& spec,
                                       absl::string_view value,
                                       absl::string_view source);

}  // namespace lenet

#endif  // CC_INFERENCE_OPTIONS_H_

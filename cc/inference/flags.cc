#include "cc/inference/flags.h"

#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/flags/flag.h"
#include "absl/flags/reflection.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/base/status_macros.h"
#include "cc/inference/config_file.h"
#include "cc/inference/nearest_name.h"
#include "configs/defaults.h"

namespace defaults = lenet::defaults;

ABSL_FLAG(std::string, mindir_path, defaults::infer310::kMindirPath,
          "MindIR model, or an OM for an Ascend 310; empty: the one that the "
          "build graph trains");
ABSL_FLAG(std::string, dataset_path, defaults::infer310::kDatasetPath,
          "folder of images, or an IDX file; empty: the MNIST test set");
ABSL_FLAG(std::string, result_path, defaults::infer310::kResultPath,
          "folder for the results, one .bin of 10 float32 an image; replaced "
          "if it holds only earlier results");
ABSL_FLAG(std::string, cpu_dvpp, defaults::infer310::kCpuDvpp,
          "who decodes and resizes the images; DVPP needs an OM with AIPP");
ABSL_FLAG(
    std::string, aipp_path, defaults::infer310::kAippPath,
    "AIPP configuration for a MindIR on an Ascend 310 (an OM has its own); "
    "empty: none");
ABSL_FLAG(std::string, engine, defaults::infer310::kEngine,
          "what runs the model: native (own kernels, CPU), lite (MindSpore "
          "Lite; CPU, Ascend 310), acl (AscendCL; an OM on an Ascend 310), or "
          "auto: acl for an OM, lite for a MindIR on an Ascend 310, else "
          "native");
ABSL_FLAG(int, batch_size, defaults::infer310::kBatchSize,
          "images in one call; the model must have been exported with it, or "
          "with a dynamic batch of at least that");
ABSL_FLAG(int, threads, defaults::infer310::kThreads,
          "CPU threads that decode, and that run a batch; 0: one a core");
ABSL_FLAG(int, limit, defaults::infer310::kLimit,
          "only the first so many images; 0: all");
ABSL_FLAG(bool, self_test, defaults::infer310::kSelfTest,
          "run a known digit on the Ascend 310 first (engine acl)");
ABSL_FLAG(bool, probe, defaults::infer310::kProbe,
          "only look whether the Ascend 310 can be used, and say why not");
ABSL_FLAG(bool, json, defaults::infer310::kJson,
          "one JSON object on stdout instead of text");
ABSL_FLAG(std::string, device_target, defaults::device::kDeviceTarget,
          "where to run; auto: on an Ascend 310 if there is one");
ABSL_FLAG(int, device_id, defaults::device::kDeviceId,
          "index of the Ascend card");
ABSL_FLAG(int, image_height, defaults::image::kImageHeight,
          "input of the network");
ABSL_FLAG(int, image_width, defaults::image::kImageWidth,
          "input of the network");
ABSL_FLAG(std::string, config_path, "",
          "YAML file with values for these flags");

namespace lenet {
namespace {

constexpr char kConfigFlag[] = "config_path";
constexpr char kCommandLine[] = "command line";
constexpr size_t kHelpWidth = 96;

std::vector<std::string> FlagNames() {
  std::vector<std::string> names = {kConfigFlag, "help"};
  for (const OptionSpec& spec : OptionSpecs()) names.push_back(spec.name);
  return names;
}

bool IsBoolean(const OptionSpec* spec) {
  return spec != nullptr && spec->type == OptionSpec::Type::kBoolean;
}

bool IsHelp(absl::string_view argument) {
  return argument == "-h" || argument == "-help" || argument == "--help" ||
         argument == "--helpshort" || argument == "--helpfull";
}

absl::Status SetFlag(absl::string_view name, absl::string_view value) {
  std::string error;
  if (absl::FindCommandLineFlag(name)->ParseFrom(value, &error)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(name, ": ", error));
}

// What one argument says: the flag's name, and its value if it is in the
// argument too.
struct Argument {
  std::string name;
  std::optional<std::string> value;
};

// --name=value, and without a value --name, or --noname of a Boolean; all with
// one dash or two.
absl::StatusOr<Argument> ReadArgument(const std::string& text) {
  absl::string_view rest = text;
  if (rest.size() < 2 || !absl::ConsumePrefix(&rest, "-")) {
    return absl::InvalidArgumentError(
        absl::StrCat("unexpected argument '", text, "'; see --help"));
  }
  absl::ConsumePrefix(&rest, "-");
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(rest, absl::MaxSplits('=', 1));
  Argument argument = {parts.first, std::nullopt};
  if (absl::StrContains(rest, '=')) argument.value = parts.second;
  const OptionSpec* spec = FindOptionSpec(argument.name);
  if (spec != nullptr || argument.name == kConfigFlag) {
    if (IsBoolean(spec) && !argument.value.has_value()) argument.value = "true";
    return argument;
  }
  absl::string_view positive = argument.name;
  if (!argument.value.has_value() && absl::ConsumePrefix(&positive, "no") &&
      IsBoolean(FindOptionSpec(positive))) {
    return Argument{std::string(positive), "false"};
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown flag '", text, "'; ",
                   NearestNameHint(argument.name, FlagNames())));
}

// The flags of the command line, by name. The value of one that is no Boolean
// may be the argument after it.
absl::StatusOr<std::map<std::string, std::string>> ScanArguments(
    const std::vector<std::string>& arguments) {
  std::map<std::string, std::string> given;
  for (size_t i = 0; i < arguments.size(); ++i) {
    LENET_ASSIGN_OR_RETURN(Argument argument, ReadArgument(arguments[i]));
    if (!argument.value.has_value()) {
      if (++i == arguments.size()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "flag --", argument.name, " has no value; see --help"));
      }
      argument.value = arguments[i];
    }
    const OptionSpec* spec = FindOptionSpec(argument.name);
    if (spec != nullptr) {
      LENET_ASSIGN_OR_RETURN(argument.value,
                             CheckValue(*spec, *argument.value, kCommandLine));
    }
    given[argument.name] = *std::move(argument.value);
  }
  return given;
}

DeviceTarget ToDeviceTarget(absl::string_view name) {
  if (name == "Ascend310") return DeviceTarget::kAscend310;
  return name == "CPU" ? DeviceTarget::kCpu : DeviceTarget::kAuto;
}

absl::StatusOr<Infer310Options> OptionsOfFlags() {
  Infer310Options options;
  options.mindir_path = AbsolutePath(absl::GetFlag(FLAGS_mindir_path));
  options.dataset_path = AbsolutePath(absl::GetFlag(FLAGS_dataset_path));
  options.result_path = AbsolutePath(absl::GetFlag(FLAGS_result_path));
  options.dvpp = absl::GetFlag(FLAGS_cpu_dvpp) == "DVPP";
  options.aipp_path = AbsolutePath(absl::GetFlag(FLAGS_aipp_path));
  options.engine = absl::GetFlag(FLAGS_engine);
  options.image_height = absl::GetFlag(FLAGS_image_height);
  options.image_width = absl::GetFlag(FLAGS_image_width);
  options.device_target = ToDeviceTarget(absl::GetFlag(FLAGS_device_target));
  options.device_id = absl::GetFlag(FLAGS_device_id);
  options.batch_size = absl::GetFlag(FLAGS_batch_size);
  options.threads = absl::GetFlag(FLAGS_threads);
  options.limit = absl::GetFlag(FLAGS_limit);
  options.self_test = absl::GetFlag(FLAGS_self_test);
  options.probe = absl::GetFlag(FLAGS_probe);
  options.json = absl::GetFlag(FLAGS_json);
  if (options.result_path.empty()) {
    return absl::InvalidArgumentError(
        "result_path is empty; name a folder for the results");
  }
  return options;
}

// Lines of at most kHelpWidth letters, indented.
std::string Wrap(absl::string_view text) {
  constexpr absl::string_view kIndent = "      ";
  std::vector<std::string> lines;
  for (const absl::string_view word : absl::StrSplit(text, ' ')) {
    if (lines.empty() || lines.back().size() + 1 + word.size() > kHelpWidth) {
      lines.push_back(absl::StrCat(kIndent, word));
    } else {
      absl::StrAppend(&lines.back(), " ", word);
    }
  }
  return absl::StrJoin(lines, "\n");
}

std::string FlagHelp(const OptionSpec& spec) {
  const absl::CommandLineFlag& flag = *absl::FindCommandLineFlag(spec.name);
  std::vector<std::string> notes;
  if (spec.unit[0] != '\0') notes.push_back(absl::StrCat("unit: ", spec.unit));
  if (!spec.choices.empty()) {
    notes.push_back(absl::StrJoin(spec.choices, " | "));
  }
  const std::string value = flag.DefaultValue();
  notes.push_back(absl::StrCat("default: ", value.empty() ? "empty" : value));
  return absl::StrCat(
      IsBoolean(&spec) ? "  --[no]" : "  --", spec.name, "\n",
      Wrap(absl::StrCat(flag.Help(), " (", absl::StrJoin(notes, "; "), ")")),
      "\n");
}

}  // namespace

absl::StatusOr<ParsedFlags> ParseFlags(
    const std::vector<std::string>& arguments) {
  ParsedFlags parsed;
  for (const std::string& argument : arguments) {
    if (IsHelp(argument)) {
      parsed.help = true;
      return parsed;
    }
  }
  LENET_ASSIGN_OR_RETURN(const auto given, ScanArguments(arguments));
  std::map<std::string, std::string> values;
  const auto config = given.find(kConfigFlag);
  if (config != given.end() && !config->second.empty()) {
    LENET_ASSIGN_OR_RETURN(values,
                           ReadConfigFile(AbsolutePath(config->second)));
  }
  for (const auto& [name, value] : given) values[name] = value;
  for (const auto& [name, value] : values) {
    LENET_RETURN_IF_ERROR(SetFlag(name, value));
  }
  LENET_ASSIGN_OR_RETURN(parsed.options, OptionsOfFlags());
  return parsed;
}

std::string HelpText() {
  std::string text =
      "Runs a LeNet-5 over a set of images on an Ascend 310 or a CPU, writes "
      "the logits of each\nimage, and prints accuracy and latency.\n\n"
      "Usage: bazel run //cc:infer310 -- [flags]\n";
  absl::string_view section;
  for (const OptionSpec& spec : OptionSpecs()) {
    if (section != spec.section) {
      section = spec.section;
      absl::StrAppend(&text, "\n", section, ":\n");
    }
    absl::StrAppend(&text, FlagHelp(spec));
  }
  absl::StrAppend(&text, "\n  --", kConfigFlag, "\n",
                  Wrap(absl::FindCommandLineFlag(kConfigFlag)->Help()), "\n");
  absl::StrAppend(
      &text, "\nExit codes: 0 done; 1 the work failed; 2 the input is wrong; ",
      "3 device or engine not available;\n4 the device failed during the ",
      "work; 130 interrupted.\n");
  return text;
}

std::string AbsolutePath(const std::string& path) {
  if (path.empty()) return path;
  std::filesystem::path base;
  std::error_code error;
  if (const char* folder = std::getenv("BUILD_WORKING_DIRECTORY")) {
    base = folder;
  } else {
    base = std::filesystem::current_path(error);
  }
  std::string typed = path;
  if (const char* home = std::getenv("HOME");
      home != nullptr && (typed == "~" || absl::StartsWith(typed, "~/"))) {
    typed.replace(0, 1, home);
  }
  std::string result = (base / typed).lexically_normal().string();
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

}  // namespace lenet

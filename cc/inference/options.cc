#include "cc/inference/options.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <map>
#include <memory>
#include <system_error>
#include <vector>

#include "absl/base/config.h"
#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/base/error.h"
#include "cc/inference/config_file.h"
#include "tools/cpp/runfiles/runfiles.h"

#define LENET_DEFINE_INFER310_FLAGS
#include "configs/infer310_options.h"

ABSL_FLAG(std::string, config_path, "",
          "YAML file with values for these flags");

// absl calls this hook with the first usage error, before it would exit with
// code 1.
extern "C" void ABSL_INTERNAL_C_SYMBOL(AbslInternalReportFatalUsageError)(
    absl::string_view message) {
  std::string text = absl::StrCat(message, "; see --help");
  if (absl::ConsumePrefix(&message, "Unknown command line flag '")) {
    const std::string name(message.substr(0, message.find('\'')));
    lenet::Names known;
    for (const lenet::Option& option : lenet::kInfer310Options) {
      known.insert(option.name);
    }
    const std::string nearest = lenet::Nearest(name, known);
    text = absl::StrCat("unknown flag --", name, "; ",
                        nearest.empty()
                            ? "see --help"
                            : absl::StrCat("did you mean --", nearest, "?"));
  }
  std::fprintf(stderr, "infer310: error: %s\n", text.c_str());
  std::_Exit(lenet::ExitCode(absl::InvalidArgumentError("")));
}

namespace lenet {
namespace {

using bazel::tools::cpp::runfiles::Runfiles;

constexpr char kModel[] = "lenet_mindspore/python/lenet.mindir";
constexpr char kPlugin[] = "lenet_mindspore/cc/engine/infer310_lite.so";
constexpr char kTestSet[] = "mnist/Data/test/t10k-images.idx3-ubyte";

absl::Status ParseFlags(int argc, char** argv) {
  std::cerr.setstate(std::ios::failbit);  // the hook prints the error
  const std::vector<char*> positional = absl::ParseCommandLine(argc, argv);
  std::cerr.clear();
  if (positional.size() == 1) return absl::OkStatus();
  return InvalidArgument("unexpected argument '", positional[1],
                         "'; see --help");
}

absl::Status SetFlag(absl::string_view name, absl::string_view value) {
  std::string error;
  if (absl::FindCommandLineFlag(name)->ParseFrom(value, &error)) {
    return absl::OkStatus();
  }
  return InvalidArgument(name, ": ", error);
}

DeviceTarget ToDeviceTarget(absl::string_view name) {
  if (name == "Ascend310" || name == "Ascend") return DeviceTarget::kAscend310;
  return name == "CPU" ? DeviceTarget::kCpu : DeviceTarget::kAuto;
}

// Returns `path` relative to the folder where the user typed the command, which
// `bazel run` passes as BUILD_WORKING_DIRECTORY; "" stays "".
std::string AbsolutePath(std::string path) {
  if (path.empty()) return path;
  const char* home = std::getenv("HOME");
  if (home != nullptr && (path == "~" || absl::StartsWith(path, "~/"))) {
    path.replace(0, 1, home);
  }
  std::error_code error;
  const char* folder = std::getenv("BUILD_WORKING_DIRECTORY");
  const std::filesystem::path base =
      folder != nullptr ? folder : std::filesystem::current_path(error);
  std::string result = (base / path).lexically_normal().string();
  if (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

bool Exists(const std::string& path) {
  std::error_code error;
  return !path.empty() && std::filesystem::exists(path, error);
}

// Returns a file in the runfiles, else the file `name` beside the program; ""
// if both are missing.
std::string Find(const Runfiles* runfiles, const char* runfile,
                 const char* name) {
  if (runfiles != nullptr) {
    const std::string path = runfiles->Rlocation(runfile);
    if (Exists(path)) return path;
  }
  std::error_code error;
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (program.parent_path() / name).string();
  return !error && Exists(path) ? path : "";
}

absl::Status Fill(const Runfiles* runfiles, const char* runfile,
                  const char* name, absl::string_view flag, std::string* path) {
  if (path->empty()) *path = Find(runfiles, runfile, name);
  if (!path->empty()) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("there is no ", name, " beside this program and no ",
                   runfile, " in Bazel's runfiles; give --", flag));
}

}  // namespace

const char* RequestedText(int argc, char** argv) {
  const std::map<absl::string_view, const char*> texts = {
      {"-h", kInfer310Help},         {"-help", kInfer310Help},
      {"--help", kInfer310Help},     {"--helpshort", kInfer310Help},
      {"--helpfull", kInfer310Help}, {"--version", kInfer310Version}};
  for (int i = 1; i < argc; ++i) {
    const auto found = texts.find(argv[i]);
    if (found != texts.end()) return found->second;
  }
  return nullptr;
}

std::string WithCommandsHere(const std::string& argv0, absl::string_view text) {
  std::string error;
  const std::unique_ptr<Runfiles> runfiles(Runfiles::Create(argv0, &error));
  if (runfiles != nullptr) return std::string(text);
  return absl::StrReplaceAll(
      text, {{"bazel run //cc:infer310 --", "./infer310"},
             {"bazel run //cc:infer310", "./infer310"},
             {"bazel run //tools:to_om -- --aipp", "step 5 of README.md"},
             {"bazel run //tools:to_om --", "step 5 of README.md,"},
             {"bazel run //tools:to_om", "step 5 of README.md"},
             {" configs/aipp.cfg", " aipp.cfg"},
             {"see configs/default_config.yaml", "see default_config.yaml"}});
}

absl::StatusOr<Infer310Options> ParseOptions(int argc, char** argv) {
  LENET_RETURN_IF_ERROR(ParseFlags(argc, argv));
  ConfigFile config;
  const std::string file = AbsolutePath(absl::GetFlag(FLAGS_config_path));
  if (!file.empty()) {
    LENET_ASSIGN_OR_RETURN(config, ReadConfigFile(file));
    if (!config.unused.empty()) {
      std::fprintf(stderr, "infer310: %s: not used: %s\n", file.c_str(),
                   Printable(absl::StrJoin(config.unused, ", ")).c_str());
    }
    for (const auto& [name, value] : config.values) {
      LENET_RETURN_IF_ERROR(SetFlag(name, value));
    }
    // The command line overrides the file.
    LENET_RETURN_IF_ERROR(ParseFlags(argc, argv));
  }
  Infer310Options options;
  options.config_path = file;
  for (const Option& option : kInfer310Options) {
    const std::string value =
        absl::FindCommandLineFlag(option.name)->CurrentValue();
    LENET_ASSIGN_OR_RETURN(const std::string checked,
                           CheckValue(option, value, "command line"));
    LENET_RETURN_IF_ERROR(SetFlag(option.name, checked));
    const auto found = config.values.find(option.name);
    if (found != config.values.end() && found->second == checked) {
      options.from_config.insert(option.name);
    }
  }
  options.model_path = AbsolutePath(absl::GetFlag(FLAGS_mindir_path));
  options.dataset_path = AbsolutePath(absl::GetFlag(FLAGS_dataset_path));
  options.result_path = AbsolutePath(absl::GetFlag(FLAGS_result_path));
  options.result_format = absl::GetFlag(FLAGS_result_format) == "files"
                              ? ResultFormat::kFiles
                              : ResultFormat::kNpy;
  options.dvpp = absl::GetFlag(FLAGS_cpu_dvpp) == "DVPP";
  options.find_digits = absl::GetFlag(FLAGS_prepare) == "predict";
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
  options.strict = absl::GetFlag(FLAGS_strict);
  options.probe = absl::GetFlag(FLAGS_probe);
  options.json = absl::GetFlag(FLAGS_json);
  if (!options.result_path.empty()) return options;
  return InvalidArgument("result_path is empty; give a folder for the results");
}

absl::Status BlameConfigFile(const Infer310Options& options,
                             const absl::Status& status) {
  std::vector<std::string> named;
  for (const std::string& name : options.from_config) {
    const std::string path =
        AbsolutePath(absl::FindCommandLineFlag(name)->CurrentValue());
    if (absl::StrContains(status.message(), absl::StrCat("--", name)) ||
        (path.size() > 1 && absl::StrContains(status.message(), path))) {
      named.push_back(name);
    }
  }
  if (named.empty()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), " (", options.config_path,
                                   " sets ", absl::StrJoin(named, ", "), ")"));
}

absl::Status FillInputsFromRunfiles(const std::string& argv0,
                                    Infer310Options* options) {
  std::string error;
  const std::unique_ptr<Runfiles> runfiles(Runfiles::Create(argv0, &error));
  options->lite_plugin = Find(runfiles.get(), kPlugin, "infer310_lite.so");
  LENET_RETURN_IF_ERROR(Fill(runfiles.get(), kModel, "lenet.mindir",
                             "mindir_path", &options->model_path));
  return Fill(runfiles.get(), kTestSet, "images", "dataset_path",
              &options->dataset_path);
}

}  // namespace lenet

#include "cc/inference/inputs.h"

#include <filesystem>
#include <memory>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "tools/cpp/runfiles/runfiles.h"

namespace lenet {
namespace {

using bazel::tools::cpp::runfiles::Runfiles;

constexpr char kModel[] = "lenet_mindspore/python/lenet.mindir";
constexpr char kPlugin[] = "lenet_mindspore/cc/engine/infer310_lite.so";
constexpr char kPluginName[] = "infer310_lite.so";
constexpr char kTestSet[] = "mnist/Data/test/t10k-images.idx3-ubyte";

bool Exists(const std::string& path) {
  std::error_code error;
  return !path.empty() && std::filesystem::exists(path, error);
}

// In the runfiles, or beside the program; "" if it is in neither.
std::string FindPlugin(const Runfiles* runfiles) {
  if (runfiles != nullptr) {
    const std::string path = runfiles->Rlocation(kPlugin);
    if (Exists(path)) return path;
  }
  std::error_code error;
  const std::filesystem::path program =
      std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (program.parent_path() / kPluginName).string();
  return !error && Exists(path) ? path : "";
}

absl::Status Fill(const Runfiles* runfiles, const char* runfile,
                  absl::string_view flag, std::string* path) {
  if (!path->empty()) return absl::OkStatus();
  if (runfiles != nullptr) *path = runfiles->Rlocation(runfile);
  if (Exists(*path)) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      "no ", runfile, " beside this program, which was not started by Bazel; ",
      "give --", flag));
}

}  // namespace

absl::Status FillInputsFromRunfiles(const std::string& argv0,
                                    Infer310Options* options) {
  std::string error;
  const std::unique_ptr<Runfiles> runfiles(Runfiles::Create(argv0, &error));
  options->lite_plugin = FindPlugin(runfiles.get());
  absl::Status model =
      Fill(runfiles.get(), kModel, "mindir_path", &options->mindir_path);
  if (!model.ok()) return model;
  return Fill(runfiles.get(), kTestSet, "dataset_path", &options->dataset_path);
}

}  // namespace lenet

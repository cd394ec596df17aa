#include "cc/ascend/installation.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/ascend/library.h"

namespace lenet::ascend {
namespace {

constexpr absl::string_view kCardPrefix = "davinci";
constexpr char kLiteRuntime[] = "libmindspore-extendrt_python.so";
constexpr char kLitePlugin[] = "libascend_kernel_plugin_python.so";

std::string NodePath(const Locations& locations, absl::string_view name) {
  return absl::StrCat(locations.device_folder, "/", name);
}

bool Exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

// Returns the nodes of the card, of the manager and for access to the card's
// memory. A board whose NPU is the computer (Atlas 200 RC) has svm0 for the
// latter.
std::vector<std::string> RequiredNodes(int device_id,
                                       const Locations& locations) {
  std::vector<std::string> nodes = {
      NodePath(locations, absl::StrCat(kCardPrefix, device_id)),
      NodePath(locations, "davinci_manager")};
  const std::string own_memory = NodePath(locations, "svm0");
  if (Exists(own_memory)) {
    nodes.push_back(own_memory);
  } else {
    nodes.push_back(NodePath(locations, "devmm_svm"));
    nodes.push_back(NodePath(locations, "hisi_hdc"));
  }
  return nodes;
}

std::string ShownText(const Locations& locations) {
  const std::vector<int> shown = ShownDevices(locations);
  if (shown.empty()) return "no card is shown";
  return absl::StrCat("cards shown: ", absl::StrJoin(shown, ", "));
}

}  // namespace

std::string Locations::DefaultDeviceFolder() {
  const char* const folder = std::getenv("LENET_ASCEND_DEVICES");
  return folder == nullptr || *folder == '\0' ? "/dev" : folder;
}

std::vector<int> ShownDevices(const Locations& locations) {
  std::vector<int> devices;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(locations.device_folder,
                                                 error);
       !error && entry != std::filesystem::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    absl::string_view rest = name;
    int number = 0;
    if (absl::ConsumePrefix(&rest, kCardPrefix) &&
        absl::SimpleAtoi(rest, &number) && number >= 0) {
      devices.push_back(number);
    }
  }
  std::sort(devices.begin(), devices.end());
  return devices;
}

absl::Status CheckNodes(int device_id, const Locations& locations) {
  std::vector<std::string> missing;
  std::vector<std::string> closed;
  for (const std::string& node : RequiredNodes(device_id, locations)) {
    if (!Exists(node)) {
      missing.push_back(node);
    } else if (faccessat(AT_FDCWD, node.c_str(), R_OK | W_OK, AT_EACCESS) !=
               0) {
      closed.push_back(node);
    }
  }
  if (!missing.empty()) {
    return absl::NotFoundError(absl::StrCat(
        "no ", absl::StrJoin(missing, ", "), " (", ShownText(locations),
        "); install the Ascend driver, give --device_id of a card that is ",
        "there, or map these nodes into the container by --device"));
  }
  if (closed.empty()) return absl::OkStatus();
  return absl::PermissionDeniedError(absl::StrCat(
      "no permission to read and write ", absl::StrJoin(closed, ", "),
      "; add the user to the group HwHiAiUser and log in again, or install ",
      "the driver with --install-for-all"));
}

absl::Status CheckInstallation(int device_id, const Locations& locations) {
  std::vector<std::string> problems;
  const absl::Status nodes = CheckNodes(device_id, locations);
  if (!nodes.ok()) problems.emplace_back(nodes.message());
  const absl::Status library =
      Library::Open(locations.acl, locations.dvpp).status();
  if (!library.ok()) problems.emplace_back(library.message());
  if (problems.empty()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      "Ascend310 is not available: ", absl::StrJoin(problems, "; "),
      "; or run a MindIR on the CPU with --device_target=CPU"));
}

absl::StatusOr<std::string> OpenLitePlugin(const Locations& locations) {
  if (locations.lite.empty()) {
    return absl::NotFoundError("there is no infer310_lite.so");
  }
  std::string path;
  if (dlopen(locations.lite.c_str(), RTLD_LAZY) != nullptr) {
    // Lite opens its plug-ins in the folder from which its runtime was loaded.
    void* const runtime = dlopen(kLiteRuntime, RTLD_LAZY | RTLD_NOLOAD);
    char folder[PATH_MAX] = "";
    if (runtime != nullptr && dlinfo(runtime, RTLD_DI_ORIGIN, folder) == 0) {
      path = absl::StrCat(folder, "/", kLitePlugin);
      if (dlopen(path.c_str(), RTLD_LAZY) != nullptr) return path;
    }
  }
  const char* const reason = dlerror();
  return absl::UnavailableError(absl::StrCat(
      reason == nullptr ? "unknown reason" : reason,
      "; --engine=lite needs libraries of the CANN toolkit that nnrt lacks: "
      "install the toolkit and source its set_env.sh, or convert the model to "
      "an OM (bazel run //tools:to_om)"));
}

}  // namespace lenet::ascend

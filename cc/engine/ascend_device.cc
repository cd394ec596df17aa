#include "cc/engine/ascend_device.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lenet {
namespace {

bool Exists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

// "" if the library can be loaded, otherwise why not.
std::string LoadError(const std::string& library) {
  if (void* handle = dlopen(library.c_str(), RTLD_LAZY | RTLD_LOCAL)) {
    dlclose(handle);
    return "";
  }
  const char* reason = dlerror();
  return reason == nullptr ? library : reason;
}

}  // namespace

absl::Status CheckAscend(int device_id, const AscendLocations& locations) {
  std::vector<std::string> missing;
  const std::string device =
      absl::StrCat(locations.device_folder, "/davinci", device_id);
  if (!Exists(device)) {
    missing.push_back(absl::StrCat(
        "no ", device, " (install the Ascend driver, or give --device_id of a ",
        "card that is there)"));
  }
  const std::string load_error = LoadError(locations.library);
  if (!load_error.empty()) {
    missing.push_back(
        absl::StrCat("CANN cannot be loaded: ", load_error,
                     " (install CANN and source its set_env.sh)"));
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("Ascend310 is not available: ", absl::StrJoin(missing, "; "),
                   "; or run on the CPU by --device_target=CPU"));
}

}  // namespace lenet

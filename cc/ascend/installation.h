#ifndef CC_ASCEND_INSTALLATION_H_
#define CC_ASCEND_INSTALLATION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// Checks of an Ascend 310's installation that do not call AscendCL; see probe.h
// for more thorough ones.

namespace lenet::ascend {

// Where the parts of an installation are searched.
struct Locations {
  // Folder of the nodes davinci0, davinci_manager, ...: the value of the
  // environment variable LENET_ASCEND_DEVICES, or /dev.
  std::string device_folder = DefaultDeviceFolder();
  std::string acl = "libascendcl.so";  // name or path for dlopen
  std::string dvpp = "libacl_dvpp.so";
  std::string lite = "";  // infer310_lite.so; "": not found

  static std::string DefaultDeviceFolder();
};

// Returns the numbers of the cards that have a node davinci<N>, ascending.
std::vector<int> ShownDevices(const Locations& locations = {});

// Checks the driver's nodes for a card. NotFound if nodes are missing;
// PermissionDenied if they cannot be read and written. The message names the
// nodes and the remedy.
absl::Status CheckNodes(int device_id, const Locations& locations = {});

// Checks the nodes and loads AscendCL. Unavailable, with all problems and
// remedies, if one of them fails.
absl::Status CheckInstallation(int device_id, const Locations& locations = {});

// Opens the plug-in with which MindSpore Lite runs on an Ascend, and returns
// its path. NotFound without locations.lite; Unavailable, with the library that
// is missing, if it cannot be opened.
absl::StatusOr<std::string> OpenLitePlugin(const Locations& locations = {});

}  // namespace lenet::ascend

#endif  // CC_ASCEND_INSTALLATION_H_

#ifndef CC_ASCEND_INSTALLATION_H_
#define CC_ASCEND_INSTALLATION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

// Whether an Ascend 310 is installed here, as far as can be told without a call
// of AscendCL; probe.h goes further.

namespace lenet::ascend {

// Where the parts of an installation are looked for.
struct Locations {
  // Of the nodes davinci0, davinci_manager, ...: /dev, or what the environment
  // variable LENET_ASCEND_DEVICES names (for containers that have them
  // elsewhere, and for the simulator, which has none).
  std::string device_folder = DefaultDeviceFolder();
  std::string acl = "libascendcl.so";  // as dlopen takes it
  std::string dvpp = "libacl_dvpp.so";

  static std::string DefaultDeviceFolder();
};

// The numbers of the cards that the driver shows (davinci<N>), ascending. Takes
// microseconds.
std::vector<int> ShownDevices(const Locations& locations = {});

// Whether the driver's nodes that a run on this card needs are there and may be
// read and written: NotFound, or PermissionDenied if all are there; all that
// is wrong, and the remedy.
absl::Status CheckNodes(int device_id, const Locations& locations = {});

// OK if CheckNodes is and AscendCL can be loaded. Otherwise Unavailable: all
// that is wrong, and the remedy. Loads the library.
absl::Status CheckInstallation(int device_id, const Locations& locations = {});

// Whether `auto` is to take the Ascend: one is there and CheckInstallation is
// OK. Does not try to load anything where no card is shown.
bool HasUsableDevice(int device_id, const Locations& locations = {});

}  // namespace lenet::ascend

#endif  // CC_ASCEND_INSTALLATION_H_

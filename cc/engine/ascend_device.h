#ifndef CC_ENGINE_ASCEND_DEVICE_H_
#define CC_ENGINE_ASCEND_DEVICE_H_

#include <string>

#include "absl/status/status.h"

namespace lenet {

// Where the parts of an Ascend installation are looked for.
struct AscendLocations {
  std::string device_folder = "/dev";
  std::string library = "libascendcl.so";  // as dlopen takes it
};

// OK if the driver shows the card davinci<device_id> and CANN's AscendCL can be
// loaded. Otherwise Unavailable: what is missing, and the remedy.
absl::Status CheckAscend(int device_id, const AscendLocations& locations = {});

}  // namespace lenet

#endif  // CC_ENGINE_ASCEND_DEVICE_H_

#ifndef CC_ASCEND_ERROR_H_
#define CC_ASCEND_ERROR_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/library.h"

namespace lenet::ascend {

struct ErrorInfo {
  aclError code;
  const char* name;  // "ACL_ERROR_RT_NO_DEVICE"
  const char* hint;  // remedy for the user; "" if none is known
};

// Returns the entry of acl_errors.inc for a code, or null.
const ErrorInfo* FindError(aclError code);

// The stage of the program in which an error occurred.
enum class Stage {
  kSetup,  // until the device is usable
  kModel,  // while the model is loaded and examined
  kWork,   // afterwards
};

// Returns whether the code means a failure of the device or of its connection,
// after which the device must not be used: 507xxx and codes of newer libraries.
bool DeviceFailed(aclError code);

// Converts a code to a Status. The message has the form "aclrtSetDevice failed:
// 507033 ACL_ERROR_RT_DEV_SETUP_ERROR: <text of the library>; <hint>". The
// first match decides:
//   Unavailable        in stage kSetup
//   ResourceExhausted  no memory, streams or other resources are left
//   InvalidArgument    in stage kModel: the model file is unusable here
//   Aborted            DeviceFailed
//   Internal           otherwise: an error of the program or the library
// Call it directly after the failed function, because the library's text
// describes the last error of this thread. The text is cut to one line of 400
// bytes.
absl::Status ToStatus(const Functions& acl, aclError code,
                      absl::string_view call, Stage stage);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_ERROR_H_

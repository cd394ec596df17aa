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
  const char* hint;  // what the user can do about it; "" if nothing is known
};

// Null for a code that is not in acl_errors.inc.
const ErrorInfo* FindError(aclError code);

// When an error came: it decides who is to act, and so the program's exit code.
enum class Stage {
  kSetup,  // until the device can be used
  kModel,  // while the model is loaded and looked at
  kWork,   // from then on
};

// True for a failure of the device or of its connection, after which it must
// not be used any more: 507xxx and what newer libraries have beside them.
bool DeviceFailed(aclError code);

// OK for 0. Otherwise a message of the form "aclrtSetDevice failed: 507033
// ACL_ERROR_RT_DEV_SETUP_ERROR: <text of the library>; <hint>", and as code
//   Unavailable        in setup, always
//   ResourceExhausted  no memory, streams or the like are left
//   InvalidArgument    in the model stage: the model file is of no use here
//   Aborted            DeviceFailed
//   Internal           everything else: an error of the program or the library
// in this order. The library's text is that of this thread's last error, so
// this is to be called at once. It is cut to one line of 400 bytes.
absl::Status ToStatus(const Functions& acl, aclError code,
                      absl::string_view call, Stage stage);

}  // namespace lenet::ascend

#endif  // CC_ASCEND_ERROR_H_

#ifndef CC_BASE_EXIT_CODE_H_
#define CC_BASE_EXIT_CODE_H_

#include "absl/status/status.h"

namespace lenet {

// The exit code of a program that ends with `status`; the same numbers as in
// Python (lenet.errors).
//   0  OK
//   1  the work failed: every code not named below
//   2  the user's input is wrong: InvalidArgument, NotFound, OutOfRange,
//   AlreadyExists,
//      FailedPrecondition, PermissionDenied
//   3  device or engine not available: Unavailable, Unimplemented
//   4  the device failed during the work: Aborted
int ExitCode(const absl::Status& status);

}  // namespace lenet

#endif  // CC_BASE_EXIT_CODE_H_

#ifndef CC_BASE_EXIT_CODE_H_
#define CC_BASE_EXIT_CODE_H_

#include "absl/status/status.h"

namespace lenet {

// Returns the exit code for `status`, as lenet.errors does in Python.
//   0  OK
//   1  the work failed: all codes not listed below
//   2  invalid input: InvalidArgument, NotFound, OutOfRange, AlreadyExists,
//      FailedPrecondition, PermissionDenied
//   3  device or engine not available: Unavailable, Unimplemented
//   4  the device failed during the work: Aborted
int ExitCode(const absl::Status& status);

}  // namespace lenet

#endif  // CC_BASE_EXIT_CODE_H_

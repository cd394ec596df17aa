#ifndef CC_BASE_ERROR_H_
#define CC_BASE_ERROR_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace lenet {

// Returns the exit code for `status`, as lenet.errors does in Python.
//   0  OK
//   1  the work failed: all codes not listed below
//   2  invalid input: InvalidArgument, NotFound, OutOfRange, AlreadyExists,
//      FailedPrecondition, PermissionDenied
//   3  device or engine not available: Unavailable, Unimplemented
//   4  the device failed during the work: Aborted
int ExitCode(const absl::Status& status);

// Returns InvalidArgument; the parts make up the message.
template <typename... Parts>
absl::Status InvalidArgument(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Adds the location of an error (a file, a line) to its message. OK stays as
// it is.
inline absl::Status WithLocation(absl::string_view location,
                                 const absl::Status& status) {
  if (status.ok()) return status;
  return absl::Status(status.code(),
                      absl::StrCat(location, ": ", status.message()));
}

template <typename T>
absl::StatusOr<T> WithLocation(absl::string_view location,
                               absl::StatusOr<T> result) {
  if (result.ok()) return result;
  return WithLocation(location, result.status());
}

}  // namespace lenet

#endif  // CC_BASE_ERROR_H_

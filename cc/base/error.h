#ifndef CC_BASE_ERROR_H_
#define CC_BASE_ERROR_H_

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

// Errors as Status. Abseil's own status macros are newer than the Abseil of
// Debian 12.

// Returns from the enclosing function if `expr`, an absl::Status, is an error.
#define LENET_RETURN_IF_ERROR(expr)                \
  do {                                             \
    absl::Status lenet_status_ = (expr);           \
    if (!lenet_status_.ok()) return lenet_status_; \
  } while (false)

// Assigns the value of `expr`, an absl::StatusOr, to `lhs`, or returns its
// error:
//   LENET_ASSIGN_OR_RETURN(const std::string content, ReadFile(path, 100));
// `lhs` is a declaration or a variable without a comma outside parentheses.
// Expands to several statements, so it cannot be the body of an `if`.
#define LENET_ASSIGN_OR_RETURN(lhs, expr) \
  LENET_ASSIGN_OR_RETURN_(LENET_CONCAT_(lenet_status_or_, __LINE__), lhs, expr)

#define LENET_ASSIGN_OR_RETURN_(result, lhs, expr)     \
  auto result = (expr);                                \
  if (!result.ok()) return std::move(result).status(); \
  lhs = *std::move(result)

#define LENET_CONCAT_(a, b) LENET_CONCAT_INNER_(a, b)
#define LENET_CONCAT_INNER_(a, b) a##b

namespace lenet {

// Returns the exit code for `status`, as lenet.errors does in Python.
//   0  OK
//   1  the work failed: all codes not listed below
//   2  invalid input: InvalidArgument, NotFound, OutOfRange, AlreadyExists,
//      FailedPrecondition, PermissionDenied
//   3  device or engine not available: Unavailable, Unimplemented
//   4  the device failed during the work: Aborted
int ExitCode(const absl::Status& status);

// Returns a message with spaces for control characters, which names of files
// and keys may hold: one line.
std::string Printable(absl::string_view message);

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

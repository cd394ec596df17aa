#ifndef CC_IMAGE_ERROR_H_
#define CC_IMAGE_ERROR_H_

#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace lenet {

// Returns InvalidArgument; the parts make up the message.
template <typename... Parts>
absl::Status InvalidArgument(const Parts&... parts) {
  return absl::InvalidArgumentError(absl::StrCat(parts...));
}

// Adds the place of an error (a file, a line) to its message. OK stays as it
// is.
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

#endif  // CC_IMAGE_ERROR_H_

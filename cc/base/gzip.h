#ifndef CC_BASE_GZIP_H_
#define CC_BASE_GZIP_H_

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace lenet {

// Returns whether `content` starts like a gzip file.
bool IsGzip(absl::string_view content);

// Decompresses a gzip file of one or more members. InvalidArgument if it is
// damaged, truncated, followed by other data, or would have more than
// `max_bytes` bytes; no more than that is decompressed. Messages name no file.
absl::StatusOr<std::string> Gunzip(absl::string_view content, size_t max_bytes);

}  // namespace lenet

#endif  // CC_BASE_GZIP_H_

#ifndef CC_BASE_FILE_H_
#define CC_BASE_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Files as Status. Every message names the path and gives the reason of the
// system. Common errors of all functions: NotFound (missing), PermissionDenied
// (no rights, read-only file system), InvalidArgument (a folder where a file is
// expected or the reverse, a name that cannot be), ResourceExhausted (disk
// full, quota, too many open files), Internal (all else).
//
// All functions are thread-safe.

namespace lenet {

// The whole content of a regular file. InvalidArgument if it has more than
// `max_bytes` bytes or is a folder, pipe or device.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

struct FileStart {
  std::string content;
  size_t file_size = 0;  // of the whole file, as the system tells it
};

// The first `count` bytes of a regular file, or all if it has fewer.
absl::StatusOr<FileStart> ReadFileStart(const std::string& path, size_t count);

// Writes `content` under a temporary name in the same folder and renames it to
// `path`, so that a reader sees the old content or the new, never a part.
// Replaces a regular file; InvalidArgument if `path` is anything else. Nothing
// is left behind on failure. Does not create the folder.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view content);

// Creates a folder and its parents; OK if it is there already. "" is the
// current folder.
absl::Status MakeFolder(const std::string& path);

// Names (without the folder) of everything in a folder but "." and "..", sorted
// by bytes.
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path);

}  // namespace lenet

#endif  // CC_BASE_FILE_H_

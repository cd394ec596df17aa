#ifndef CC_BASE_FILE_H_
#define CC_BASE_FILE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

// Files with errors as Status. Messages name the path and the reason that the
// system gives. Errors of all functions: NotFound, PermissionDenied (also a
// read-only file system), InvalidArgument (a folder instead of a file or the
// reverse, an invalid name), ResourceExhausted (disk, quota, open files),
// Internal (others). All functions are thread-safe.

namespace lenet {

// Returns the content of a regular file. InvalidArgument if it has more than
// `max_bytes` bytes or is a folder, pipe or device.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes);

struct FileStart {
  std::string content;
  size_t file_size = 0;  // of the whole file, as reported by the system
};

// Returns the first `count` bytes of a regular file, or all if it has fewer.
absl::StatusOr<FileStart> ReadFileStart(const std::string& path, size_t count);

// Writes `content` to a temporary file in the same folder and renames it to
// `path`, so that a reader sees the old or the new content, never a part.
// Replaces a regular file; InvalidArgument if `path` is anything else. Leaves
// nothing behind on failure. Does not create the folder.
absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view content);

// Creates the new file `name` in the open folder `folder` (or AT_FDCWD) and
// writes `content` to it. Returns AlreadyExists if it exists. Messages name
// `path`; if the disk is full, also the size.
absl::Status CreateFileAt(int folder, const std::string& name,
                          absl::string_view content, absl::string_view path);

// Returns the error `error` (errno) of a system call, for example "cannot read
// /a/b: No such file or directory".
absl::Status SystemError(int error, absl::string_view action,
                         absl::string_view path);

// Creates a folder and its parents. OK if it exists. "" is the current folder.
absl::Status MakeFolder(const std::string& path);

// Returns the names of the entries of a folder, without "." and "..", sorted by
// bytes.
absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path);

}  // namespace lenet

#endif  // CC_BASE_FILE_H_

#include "cc/base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/base/error.h"

namespace lenet {
namespace {

absl::StatusCode StatusCode(int error) {
  switch (error) {
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case EISDIR:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP:
    case EBUSY:
    case EINVAL:
      return absl::StatusCode::kInvalidArgument;
    case EEXIST:
      return absl::StatusCode::kAlreadyExists;
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::StatusCode::kInternal;
  }
}

absl::Status NotAFile(absl::string_view action, absl::string_view path,
                      mode_t mode) {
  return InvalidArgument(
      "cannot ", action, " ", path, ": it is ",
      S_ISDIR(mode) ? "a folder" : "neither a file nor a folder",
      ", not a file");
}

}  // namespace

absl::Status SystemError(int error, absl::string_view action,
                         absl::string_view path) {
  return absl::Status(
      StatusCode(error),
      absl::StrCat("cannot ", action, " ", path.empty() ? "''" : path, ": ",
                   std::generic_category().message(error)));
}

absl::StatusOr<FileStart> ReadFileStart(const std::string& path, size_t count) {
  // Without O_NONBLOCK, a pipe would wait for its other end.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return SystemError(errno, "read", path);
  const absl::Cleanup closer = [fd] { close(fd); };

  struct stat info;
  if (fstat(fd, &info) != 0) return SystemError(errno, "read", path);
  if (!S_ISREG(info.st_mode)) return NotAFile("read", path, info.st_mode);

  // The size is a hint only: files in /proc claim to be empty, others grow. One
  // byte more shows the end without another buffer.
  FileStart start;
  start.file_size = static_cast<size_t>(info.st_size);
  size_t size = 0;
  size_t capacity = std::min(start.file_size + 1, count);
  while (size < capacity) {
    start.content.resize(capacity);
    const ssize_t bytes = read(fd, &start.content[size], capacity - size);
    if (bytes < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno, "read", path);
    }
    if (bytes == 0) break;
    size += static_cast<size_t>(bytes);
    if (size == capacity) capacity = std::min(2 * capacity, count);
  }
  start.content.resize(size);
  return start;
}

absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t max_bytes) {
  max_bytes = std::min(max_bytes, std::string().max_size() - 1);
  LENET_ASSIGN_OR_RETURN(FileStart file, ReadFileStart(path, max_bytes + 1));
  if (file.content.size() <= max_bytes) return std::move(file.content);
  return InvalidArgument("cannot read ", path, ": it has ",
                         std::max(file.file_size, file.content.size()),
                         " bytes, at most ", max_bytes, " are expected");
}

absl::Status CreateFileAt(int folder, const std::string& name,
                          absl::string_view content, absl::string_view path) {
  const int fd = openat(folder, name.c_str(),
                        O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  int error = fd < 0 ? errno : 0;
  absl::string_view rest = content;
  while (error == 0 && !rest.empty()) {
    const ssize_t written = write(fd, rest.data(), rest.size());
    if (written >= 0) {
      rest.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      error = errno;
    }
  }
  // Some file systems report a full disk only here.
  if (fd >= 0 && close(fd) != 0 && error == 0) error = errno;
  if (error == 0) return absl::OkStatus();
  absl::Status status = SystemError(error, "write", path);
  if (error != ENOSPC && error != EDQUOT && error != EFBIG) return status;
  return absl::Status(status.code(),
                      absl::StrCat(status.message(), "; ", content.size(),
                                   " bytes are needed"));
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view content) {
  static std::atomic<uint64_t> counter{0};
  struct stat info;
  if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
    return NotAFile("write", path, info.st_mode);
  }
  const std::filesystem::path target(path);
  if (target.filename().empty()) {
    return InvalidArgument("cannot write '", path, "': it names no file");
  }
  std::string temporary;
  absl::Status status;
  do {  // a killed process with this id may have left a file
    temporary = target.parent_path() /
                absl::StrCat(".tmp-", getpid(), "-", counter.fetch_add(1));
    status = CreateFileAt(AT_FDCWD, temporary, content, path);
  } while (absl::IsAlreadyExists(status));
  if (status.ok() && std::rename(temporary.c_str(), path.c_str()) != 0) {
    status = SystemError(errno, "write", path);
  }
  if (!status.ok()) unlink(temporary.c_str());
  return status;
}

absl::Status MakeFolder(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return SystemError(error.value(), "create the folder", path);
  // Some versions of the library accept a file of that name.
  if (!std::filesystem::is_directory(path, error)) {
    return SystemError(ENOTDIR, "create the folder", path);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ListFolder(const std::string& path) {
  std::error_code error;
  std::filesystem::directory_iterator entry(path, error);
  std::vector<std::string> names;
  for (const std::filesystem::directory_iterator end; !error && entry != end;
       entry.increment(error)) {
    names.push_back(entry->path().filename().string());
  }
  if (error) return SystemError(error.value(), "list the folder", path);
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace lenet

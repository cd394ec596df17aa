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

// Creates a new file in the folder of `path` and stores its name in
// `temporary`.
absl::StatusOr<int> CreateBeside(const std::string& path,
                                 std::string* temporary) {
  static std::atomic<uint64_t> counter{0};
  const std::filesystem::path folder =
      std::filesystem::path(path).parent_path();
  while (true) {
    *temporary =
        folder / absl::StrCat(".tmp-", getpid(), "-", counter.fetch_add(1));
    const int fd =
        open(temporary->c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0) return fd;
    // A killed process with this id left the file: try the next name.
    if (errno != EEXIST) return SystemError(errno, "write", path);
  }
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

absl::Status WriteAndClose(int fd, absl::string_view content,
                           absl::string_view path) {
  absl::Cleanup closer = [fd] { close(fd); };
  while (!content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return SystemError(errno, "write", path);
    }
    content.remove_prefix(static_cast<size_t>(written));
  }
  std::move(closer).Cancel();
  // Some file systems report a full disk only here.
  return close(fd) == 0 ? absl::OkStatus() : SystemError(errno, "write", path);
}

absl::Status WriteFileAtomically(const std::string& path,
                                 absl::string_view content) {
  return WriteFilesAtomically({{path, std::string(content)}});
}

absl::Status WriteFilesAtomically(const std::vector<NewFile>& files) {
  std::vector<std::string> temporary;
  const absl::Cleanup remover = [&temporary] {
    for (const std::string& name : temporary) unlink(name.c_str());
  };
  for (const auto& [path, content] : files) {
    struct stat info;
    if (stat(path.c_str(), &info) == 0 && !S_ISREG(info.st_mode)) {
      return NotAFile("write", path, info.st_mode);
    }
    if (std::filesystem::path(path).filename().empty()) {
      return InvalidArgument("cannot write '", path, "': it names no file");
    }
    LENET_ASSIGN_OR_RETURN(const int fd,
                           CreateBeside(path, &temporary.emplace_back()));
    LENET_RETURN_IF_ERROR(WriteAndClose(fd, content, path));
  }
  for (size_t i = 0; i < files.size(); ++i) {
    if (std::rename(temporary[i].c_str(), files[i].path.c_str()) != 0) {
      return SystemError(errno, "write", files[i].path);
    }
  }
  return absl::OkStatus();
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

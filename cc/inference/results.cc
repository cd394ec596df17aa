#include "cc/inference/results.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cc/base/error.h"
#include "cc/base/file.h"

#ifndef ABSL_IS_LITTLE_ENDIAN
#error "results are little-endian float32"
#endif

namespace lenet {
namespace {

namespace fs = std::filesystem;

constexpr char kNpyName[] = "results.npy";
constexpr char kResults[] = "results";  // in the temporary folder
constexpr char kEarlier[] = "earlier";  // the same: what `path` held

// Returns OK if the folder holds only results, which may be replaced.
absl::Status CheckReplaceable(const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         ListFolder(path));
  for (const std::string& name : names) {
    if ((name != kNpyName && !absl::EndsWith(name, ".bin")) ||
        !fs::is_regular_file(fs::path(path) / name)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "result_path ", path, " holds ", name, ", which is not a result; ",
          "empty the folder or give another one"));
    }
  }
  return absl::OkStatus();
}

// Returns those of `folder` and its parents that do not exist, deepest first.
std::vector<std::string> MissingFolders(fs::path folder) {
  std::vector<std::string> missing;
  std::error_code error;
  while (!folder.empty() && !fs::exists(folder, error) && !error) {
    missing.push_back(folder.string());
    folder = folder.parent_path();
  }
  return missing;
}

// Removes the temporary folders of killed runs. Those in use are locked.
void RemoveLeftovers(const fs::path& parent, const std::string& prefix) {
  const auto names = ListFolder(parent.string());
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (!absl::StartsWith(name, prefix)) continue;
    const int folder =
        open((parent / name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) continue;
    std::error_code ignored;
    if (flock(folder, LOCK_EX | LOCK_NB) == 0) {
      fs::remove_all(parent / name, ignored);
    }
    close(folder);
  }
}

// Returns the header of a file of NumPy's format 1.0, 128 bytes:
// https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
std::string NpyHeader(size_t rows, size_t columns) {
  constexpr size_t kSize = 128;  // a multiple of 64, with room for any shape
  std::string header("\x93NUMPY\x01\x00\x76\x00", 10);  // 0x76 bytes follow
  absl::StrAppend(&header,
                  "{'descr': '<f4', 'fortran_order': False, 'shape': (", rows,
                  ", ", columns, "), }");
  header.resize(kSize - 1, ' ');
  return header + '\n';
}

}  // namespace

absl::StatusOr<std::unique_ptr<ResultFolder>> ResultFolder::Create(
    const std::string& path, ResultFormat format) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  // A symbolic link stays, and the folder to which it points is replaced.
  fs::path target = path;
  if (fs::exists(status)) {
    if (!fs::is_directory(status)) {
      return InvalidArgument("result_path ", path,
                             ": expected a folder, found a file");
    }
    LENET_RETURN_IF_ERROR(CheckReplaceable(path));
    target = fs::canonical(path, error);
    if (error) return SystemError(error.value(), "read", path);
  }
  std::unique_ptr<ResultFolder> results(
      new ResultFolder(target.string(), format));
  const fs::path parent = target.parent_path();
  results->new_parents_ = MissingFolders(parent);
  LENET_RETURN_IF_ERROR(MakeFolder(parent.string()));
  LENET_RETURN_IF_ERROR(results->Lock());
  return results;
}

ResultFolder::ResultFolder(std::string path, ResultFormat format)
    : path_(std::move(path)), format_(format) {}

ResultFolder::~ResultFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  if (descriptor_ >= 0) close(descriptor_);
  for (const std::string& parent : new_parents_) rmdir(parent.c_str());
}

std::string ResultFolder::Temporary(absl::string_view name) const {
  return absl::StrCat(temporary_, "/", name);
}

// Creates and locks the temporary folder.
absl::Status ResultFolder::Lock() {
  const fs::path parent = fs::path(path_).parent_path();
  const std::string prefix =
      absl::StrCat(".", fs::path(path_).filename().string(), ".partial-");
  RemoveLeftovers(parent, prefix);
  // Until it is locked, another run may take the folder for a leftover.
  while (temporary_.empty() || access(temporary_.c_str(), F_OK) != 0) {
    if (descriptor_ >= 0) close(descriptor_);
    std::string name = (parent / (prefix + "XXXXXX")).string();
    if (mkdtemp(name.data()) == nullptr) {
      return SystemError(errno, "create the folder of --result_path in",
                         parent.string());
    }
    temporary_ = std::move(name);
    descriptor_ = open(temporary_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor_ < 0 && errno != ENOENT) {
      return SystemError(errno, "open", temporary_);
    }
    flock(descriptor_, LOCK_SH);
  }
  if (mkdir(Temporary(kResults).c_str(), 0777) != 0) {
    return SystemError(errno, "create the folder of --result_path in",
                       parent.string());
  }
  return absl::OkStatus();
}

absl::Status ResultFolder::Write(absl::string_view stem,
                                 absl::Span<const float> logits) {
  ++count_;
  const absl::string_view bytes(reinterpret_cast<const char*>(logits.data()),
                                logits.size() * sizeof(float));
  if (format_ == ResultFormat::kNpy) {
    absl::StrAppend(&rows_, bytes);
    return absl::OkStatus();
  }
  // A path relative to the open folder saves the kernel a long lookup.
  return CreateFileAt(descriptor_, absl::StrCat(kResults, "/", stem, ".bin"),
                      bytes, absl::StrCat(path_, "/", stem, ".bin"));
}

absl::Status ResultFolder::Commit(const std::vector<NewFile>& reports) {
  if (format_ == ResultFormat::kNpy) {
    const size_t row = count_ == 0 ? 0 : rows_.size() / count_ / sizeof(float);
    LENET_RETURN_IF_ERROR(
        CreateFileAt(descriptor_, absl::StrCat(kResults, "/", kNpyName),
                     absl::StrCat(NpyHeader(count_, row), rows_),
                     absl::StrCat(path_, "/", kNpyName)));
  }
  for (size_t i = 0; i < reports.size(); ++i) {
    const auto& [path, content] = reports[i];
    std::error_code ignored;
    if (fs::exists(path, ignored) && !fs::is_regular_file(path, ignored)) {
      return InvalidArgument("cannot write ", path, ": it is not a file");
    }
    const std::string parent = fs::path(path).parent_path().string();
    const std::vector<std::string> missing = MissingFolders(parent);
    new_parents_.insert(new_parents_.begin(), missing.begin(), missing.end());
    LENET_RETURN_IF_ERROR(MakeFolder(parent));
    LENET_RETURN_IF_ERROR(
        CreateFileAt(descriptor_, absl::StrCat(i), content, path));
  }
  LENET_RETURN_IF_ERROR(Replace(reports));
  new_parents_.clear();
  std::error_code ignored;
  fs::remove_all(temporary_, ignored);
  return absl::OkStatus();
}

absl::Status ResultFolder::Replace(const std::vector<NewFile>& reports) const {
  const std::string earlier = Temporary(kEarlier);
  const bool replaces = std::rename(path_.c_str(), earlier.c_str()) == 0;
  if (!replaces && errno != ENOENT) {
    return SystemError(errno, "replace", path_);
  }
  absl::Status status;
  if (std::rename(Temporary(kResults).c_str(), path_.c_str()) != 0) {
    status = SystemError(errno, "create", path_);
  }
  for (size_t i = 0; status.ok() && i < reports.size(); ++i) {
    const auto& [path, content] = reports[i];
    if (std::rename(Temporary(absl::StrCat(i)).c_str(), path.c_str()) == 0) {
      continue;
    }
    // time_Result may be a link to another disk.
    status = errno == EXDEV ? WriteFileAtomically(path, content)
                            : SystemError(errno, "write", path);
  }
  if (status.ok()) return status;
  std::rename(path_.c_str(), Temporary(kResults).c_str());
  if (replaces) std::rename(earlier.c_str(), path_.c_str());
  return status;
}

}  // namespace lenet

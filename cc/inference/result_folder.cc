#include "cc/inference/result_folder.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/base/config.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cc/base/file.h"
#include "cc/base/status_macros.h"

#ifndef ABSL_IS_LITTLE_ENDIAN
#error "results are written as the float32 of a little-endian machine"
#endif

namespace lenet {
namespace {

namespace fs = std::filesystem;

absl::Status SystemError(int error, absl::string_view what,
                         absl::string_view path) {
  return absl::ErrnoToStatus(error, absl::StrCat(what, " ", path));
}

// Refuses a folder whose content this program did not write.
absl::Status CheckReplaceable(const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         ListFolder(path));
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".bin") ||
        !fs::is_regular_file(fs::path(path) / name)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "result_path ", path, " holds ", name, ", which is no result; ",
          "empty the folder or name another"));
    }
  }
  return absl::OkStatus();
}

// With permissions as mkdir gives them; mkdtemp makes a private folder.
void SharePermissions(const std::string& folder) {
  const mode_t mask = umask(0);
  umask(mask);
  chmod(folder.c_str(), 0777 & ~mask);
}

// `folder` and those above it that do not exist, deepest first.
std::vector<std::string> MissingFolders(fs::path folder) {
  std::vector<std::string> missing;
  std::error_code error;
  while (!folder.empty() && !fs::exists(folder, error) && !error) {
    missing.push_back(folder.string());
    folder = folder.parent_path();
  }
  return missing;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ResultFolder>> ResultFolder::Create(
    const std::string& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  // A link to a folder stays; the folder is replaced.
  fs::path target = path;
  if (fs::exists(status)) {
    if (!fs::is_directory(status)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "result_path ", path, ": expected a folder, found a file"));
    }
    LENET_RETURN_IF_ERROR(CheckReplaceable(path));
    target = fs::canonical(path, error);
    if (error) return SystemError(error.value(), "cannot read", path);
  }
  std::unique_ptr<ResultFolder> results(new ResultFolder(target.string()));
  const fs::path parent = target.parent_path();
  results->new_parents_ = MissingFolders(parent);
  LENET_RETURN_IF_ERROR(MakeFolder(parent.string()));
  std::string temporary = absl::StrCat(
      parent.string(), "/.", target.filename().string(), ".partial-XXXXXX");
  if (mkdtemp(temporary.data()) == nullptr) {
    return SystemError(errno, "cannot create a folder for results in",
                       parent.string());
  }
  SharePermissions(temporary);
  results->temporary_ = std::move(temporary);
  return results;
}

ResultFolder::ResultFolder(std::string path) : path_(std::move(path)) {}

ResultFolder::~ResultFolder() {
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  for (const std::string& parent : new_parents_) rmdir(parent.c_str());
}

absl::Status ResultFolder::Write(absl::string_view stem,
                                 absl::Span<const float> logits) {
  const std::string path = absl::StrCat(temporary_, "/", stem, ".bin");
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return SystemError(errno, "cannot create", path);
  const size_t written =
      std::fwrite(logits.data(), sizeof(float), logits.size(), file);
  const int write_error = errno;
  const bool closed = std::fclose(file) == 0;
  if (written != logits.size() || !closed) {
    return SystemError(closed ? write_error : errno, "cannot write", path);
  }
  return absl::OkStatus();
}

absl::Status ResultFolder::Commit() {
  const std::string earlier = absl::StrCat(temporary_, ".earlier");
  const bool replaces = std::rename(path_.c_str(), earlier.c_str()) == 0;
  if (!replaces && errno != ENOENT) {
    return SystemError(errno, "cannot replace", path_);
  }
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    const int error = errno;
    if (replaces) std::rename(earlier.c_str(), path_.c_str());
    return SystemError(error, "cannot create", path_);
  }
  temporary_.clear();
  new_parents_.clear();
  std::error_code ignored;
  if (replaces) fs::remove_all(earlier, ignored);
  return absl::OkStatus();
}

}  // namespace lenet

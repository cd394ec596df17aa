#include "cc/inference/results.h"

#include <fcntl.h>
#include <stdlib.h>
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

// Results per chunk: large enough to make starting a thread cheap, and small
// enough that writing starts early and soon ends after the last result.
constexpr size_t kChunk = 128;

// Returns OK if the folder holds only results, which may be replaced.
absl::Status CheckReplaceable(const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         ListFolder(path));
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".bin") ||
        !fs::is_regular_file(fs::path(path) / name)) {
      return absl::FailedPreconditionError(absl::StrCat(
          "result_path ", path, " holds ", name, ", which is not a result; ",
          "empty the folder or give another one"));
    }
  }
  return absl::OkStatus();
}

// Sets the permissions that mkdir gives; mkdtemp creates a private folder.
void SharePermissions(const std::string& folder) {
  const mode_t mask = umask(0);
  umask(mask);
  chmod(folder.c_str(), 0777 & ~mask);
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

}  // namespace

absl::StatusOr<std::unique_ptr<ResultFolder>> ResultFolder::Create(
    const std::string& path) {
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
  std::unique_ptr<ResultFolder> results(new ResultFolder(target.string()));
  const fs::path parent = target.parent_path();
  results->new_parents_ = MissingFolders(parent);
  LENET_RETURN_IF_ERROR(MakeFolder(parent.string()));
  std::string temporary = absl::StrCat(
      parent.string(), "/.", target.filename().string(), ".partial-XXXXXX");
  if (mkdtemp(temporary.data()) == nullptr) {
    return SystemError(errno, "create a folder for results in",
                       parent.string());
  }
  SharePermissions(temporary);
  results->temporary_ = std::move(temporary);
  results->descriptor_ =
      open(results->temporary_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (results->descriptor_ < 0) {
    return SystemError(errno, "open", results->temporary_);
  }
  return results;
}

ResultFolder::ResultFolder(std::string path) : path_(std::move(path)) {}

ResultFolder::~ResultFolder() {
  if (descriptor_ >= 0) close(descriptor_);
  std::error_code ignored;
  if (!temporary_.empty()) fs::remove_all(temporary_, ignored);
  for (const std::string& parent : new_parents_) rmdir(parent.c_str());
}

// The files need no temporary names because the folder is temporary. Paths
// relative to the folder save the kernel a long lookup.
absl::Status ResultFolder::Write(absl::string_view stem,
                                 absl::Span<const float> logits) {
  const std::string name = absl::StrCat(stem, ".bin");
  const std::string path = absl::StrCat(temporary_, "/", name);
  const int file = openat(descriptor_, name.c_str(),
                          O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) return SystemError(errno, "create", path);
  return WriteAndClose(file,
                       {reinterpret_cast<const char*>(logits.data()),
                        logits.size() * sizeof(float)},
                       path);
}

absl::Status ResultFolder::Commit(const std::function<absl::Status()>& finish) {
  const std::string earlier = absl::StrCat(temporary_, ".earlier");
  const bool replaces = std::rename(path_.c_str(), earlier.c_str()) == 0;
  if (!replaces && errno != ENOENT) {
    return SystemError(errno, "replace", path_);
  }
  absl::Status status;
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) {
    status = SystemError(errno, "create", path_);
  } else {
    status = finish();
    if (!status.ok()) std::rename(path_.c_str(), temporary_.c_str());
  }
  if (!status.ok()) {
    if (replaces) std::rename(earlier.c_str(), path_.c_str());
    return status;
  }
  temporary_.clear();
  new_parents_.clear();
  std::error_code ignored;
  if (replaces) fs::remove_all(earlier, ignored);
  return absl::OkStatus();
}

absl::Status ResultWriter::Write(std::string stem,
                                 absl::Span<const float> logits) {
  filling_.stems.push_back(std::move(stem));
  filling_.logits.insert(filling_.logits.end(), logits.begin(), logits.end());
  return filling_.stems.size() < kChunk ? absl::OkStatus() : HandOver();
}

absl::Status ResultWriter::Finish() {
  LENET_RETURN_IF_ERROR(HandOver());
  return written_.get();
}

// Starts writing filling_ once the previous chunk is written.
absl::Status ResultWriter::HandOver() {
  if (written_.valid()) LENET_RETURN_IF_ERROR(written_.get());
  // Shared, because std::async may take its function twice.
  const auto chunk =
      std::make_shared<const Chunk>(std::exchange(filling_, Chunk()));
  const auto write_chunk = [folder = folder_, chunk]() -> absl::Status {
    const absl::Span<const float> logits(chunk->logits);
    for (size_t i = 0; i < chunk->stems.size(); ++i) {
      const size_t size = logits.size() / chunk->stems.size();
      LENET_RETURN_IF_ERROR(
          folder->Write(chunk->stems[i], logits.subspan(i * size, size)));
    }
    return absl::OkStatus();
  };
  // Deferred until get() if the system has no more threads.
  written_ =
      std::async(std::launch::async | std::launch::deferred, write_chunk);
  return absl::OkStatus();
}

}  // namespace lenet

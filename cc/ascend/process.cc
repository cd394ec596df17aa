#include "cc/ascend/process.h"

#include <cstdio>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "cc/ascend/error.h"

namespace lenet::ascend {

absl::StatusOr<std::shared_ptr<Process>> Process::Start(
    std::shared_ptr<const Library> library) {
  const aclError code = library->acl().aclInit(nullptr);
  const bool ours = code != ACL_ERROR_REPEAT_INITIALIZE;
  if (ours && code != ACL_SUCCESS) {
    return ToStatus(library->acl(), code, "aclInit", Stage::kSetup);
  }
  return std::shared_ptr<Process>(new Process(std::move(library), ours));
}

Process::Process(std::shared_ptr<const Library> library, bool ours)
    : library_(std::move(library)), ours_(ours) {}

Process::~Process() {
  if (!ours_) return;
  const absl::Status status =
      ToStatus(acl(), acl().aclFinalize(), "aclFinalize", Stage::kWork);
  if (status.ok() || device_failed_) return;
  std::fprintf(stderr, "while ending: %s\n",
               std::string(status.message()).c_str());
}

}  // namespace lenet::ascend

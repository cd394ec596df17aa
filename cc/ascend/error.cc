#include "cc/ascend/error.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace lenet::ascend {
namespace {

constexpr size_t kMaxText = 400;

constexpr ErrorInfo kErrors[] = {
#define ACL_ERROR_CODE(code, name, hint) {code, #name, hint},
#include "cc/ascend/acl_errors.inc"
};

bool OutOfResources(aclError code) {
  switch (code) {
    case ACL_ERROR_BAD_ALLOC:
    case ACL_ERROR_STORAGE_OVER_LIMIT:
    case ACL_ERROR_RT_MEMORY_ALLOCATION:
    case ACL_ERROR_RT_RESOURCE_ALLOC_FAIL:
    case ACL_ERROR_RT_NO_EVENT_RESOURCE:
    case ACL_ERROR_RT_NO_STREAM_RESOURCE:
    case ACL_ERROR_RT_NO_MODEL_RESOURCE:
    case ACL_ERROR_RT_OVER_LIMIT:
    case ACL_ERROR_GE_MEMORY_ALLOCATION:
    case ACL_ERROR_GE_MEMORY_OPERATE_FAILED:
    case ACL_ERROR_GE_DEVICE_MEMORY_ALLOCATION_FAILED:
      return true;
    default:
      return false;
  }
}

// Returns whether a code of a function that loads or describes a model means
// that the model file is unusable.
bool ModelUnusable(aclError code) {
  switch (code) {
    case ACL_ERROR_INVALID_FILE:
    case ACL_ERROR_INVALID_FILE_SIZE:
    case ACL_ERROR_PARSE_FILE:
    case ACL_ERROR_DESERIALIZE_MODEL:
    case ACL_ERROR_PARSE_MODEL:
    case ACL_ERROR_READ_MODEL_FAILURE:
    case ACL_ERROR_MODEL_SIZE_INVALID:
    case ACL_ERROR_MODEL_MISSING_ATTR:
    case ACL_ERROR_OP_NOT_FOUND:
    case ACL_ERROR_OP_LOAD_FAILED:
    case ACL_ERROR_KERNEL_NOT_FOUND:
    case ACL_ERROR_NOT_STATIC_AIPP:
    case ACL_ERROR_RT_SOC_VERSION:
    case ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT:
    case ACL_ERROR_RT_KERNEL_LOOKUP:
      return true;
    case ACL_ERROR_GE_EXEC_NOT_INIT:
    case ACL_ERROR_GE_EXEC_MODEL_ID_INVALID:
    case ACL_ERROR_GE_EXEC_MODEL_ADDR_INVALID:
    case ACL_ERROR_GE_EXEC_LOAD_MODEL_REPEATED:
    case ACL_ERROR_GE_EXEC_RELEASE_MODEL_DATA:
    case ACL_ERROR_GE_UNLOAD_MODEL:
      return false;
    default:  // codes of the graph engine
      return (code >= 145000 && code <= 145999) ||
             (code >= 545000 && code <= 545999);
  }
}

absl::StatusCode CodeOf(aclError code, Stage stage) {
  if (stage == Stage::kSetup) return absl::StatusCode::kUnavailable;
  if (OutOfResources(code)) return absl::StatusCode::kResourceExhausted;
  if (stage == Stage::kModel && ModelUnusable(code)) {
    return absl::StatusCode::kInvalidArgument;
  }
  if (DeviceFailed(code)) return absl::StatusCode::kAborted;
  return absl::StatusCode::kInternal;
}

// Returns the library's text about this thread's last error as one line, or "".
std::string RecentText(const Functions& acl) {
  const char* text =
      acl.aclGetRecentErrMsg == nullptr ? nullptr : acl.aclGetRecentErrMsg();
  std::string line = text == nullptr ? "" : text;
  absl::RemoveExtraAsciiWhitespace(&line);
  for (char& c : line) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c))) c = ' ';
  }
  if (line.size() > kMaxText) line = line.substr(0, kMaxText) + "...";
  return line;
}

}  // namespace

const ErrorInfo* FindError(aclError code) {
  for (const ErrorInfo& info : kErrors) {
    if (info.code == code) return &info;
  }
  return nullptr;
}

bool DeviceFailed(aclError code) {
  switch (code) {
    case ACL_ERROR_RT_WAIT_TIMEOUT:
    case ACL_ERROR_RT_DEVICE_TASK_ABORT:
    case ACL_ERROR_RT_STREAM_ABORT:
    case ACL_ERROR_DRV_FAILURE:
      return true;
    default:
      return code >= 507000 && code <= 507999;
  }
}

absl::Status ToStatus(const Functions& acl, aclError code,
                      absl::string_view call, Stage stage) {
  if (code == ACL_SUCCESS) return absl::OkStatus();
  const ErrorInfo* info = FindError(code);
  std::string message =
      absl::StrCat(call, " failed: ", code, " ",
                   info == nullptr ? "(unknown code)" : info->name);
  const std::string text = RecentText(acl);
  if (!text.empty()) absl::StrAppend(&message, ": ", text);
  if (info != nullptr && info->hint[0] != '\0') {
    absl::StrAppend(&message, "; ", info->hint);
  }
  return absl::Status(CodeOf(code, stage), message);
}

}  // namespace lenet::ascend

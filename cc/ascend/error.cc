#include "cc/ascend/error.h"

#include <algorithm>
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

// Codes that mean that memory, streams or other resources are used up.
constexpr aclError kOutOfResources[] = {
    ACL_ERROR_BAD_ALLOC,
    ACL_ERROR_STORAGE_OVER_LIMIT,
    ACL_ERROR_RT_MEMORY_ALLOCATION,
    ACL_ERROR_RT_RESOURCE_ALLOC_FAIL,
    ACL_ERROR_RT_NO_EVENT_RESOURCE,
    ACL_ERROR_RT_NO_STREAM_RESOURCE,
    ACL_ERROR_RT_NO_MODEL_RESOURCE,
    ACL_ERROR_RT_OVER_LIMIT,
    ACL_ERROR_GE_MEMORY_ALLOCATION,
    ACL_ERROR_GE_MEMORY_OPERATE_FAILED,
    ACL_ERROR_GE_DEVICE_MEMORY_ALLOCATION_FAILED};

// Codes that mean an unusable model file, in functions that load or describe a
// model. The graph engine's codes mean it too, except those of kUsableModel.
constexpr aclError kUnusableModel[] = {
    ACL_ERROR_INVALID_FILE,       ACL_ERROR_INVALID_FILE_SIZE,
    ACL_ERROR_PARSE_FILE,         ACL_ERROR_DESERIALIZE_MODEL,
    ACL_ERROR_PARSE_MODEL,        ACL_ERROR_READ_MODEL_FAILURE,
    ACL_ERROR_MODEL_SIZE_INVALID, ACL_ERROR_MODEL_MISSING_ATTR,
    ACL_ERROR_OP_NOT_FOUND,       ACL_ERROR_OP_LOAD_FAILED,
    ACL_ERROR_KERNEL_NOT_FOUND,   ACL_ERROR_NOT_STATIC_AIPP,
    ACL_ERROR_RT_SOC_VERSION,     ACL_ERROR_RT_TASK_TYPE_NOT_SUPPORT,
    ACL_ERROR_RT_KERNEL_LOOKUP};

constexpr aclError kUsableModel[] = {
    ACL_ERROR_GE_EXEC_NOT_INIT,           ACL_ERROR_GE_EXEC_MODEL_ID_INVALID,
    ACL_ERROR_GE_EXEC_MODEL_ADDR_INVALID, ACL_ERROR_GE_EXEC_LOAD_MODEL_REPEATED,
    ACL_ERROR_GE_EXEC_RELEASE_MODEL_DATA, ACL_ERROR_GE_UNLOAD_MODEL};

template <size_t kCount>
bool Contains(const aclError (&codes)[kCount], aclError code) {
  return std::find(codes, codes + kCount, code) != codes + kCount;
}

bool ModelUnusable(aclError code) {
  const bool graph_engine =
      (code >= 145000 && code <= 145999) || (code >= 545000 && code <= 545999);
  return Contains(kUnusableModel, code) ||
         (graph_engine && !Contains(kUsableModel, code));
}

absl::StatusCode CodeOf(aclError code, Stage stage) {
  if (stage == Stage::kSetup) return absl::StatusCode::kUnavailable;
  if (Contains(kOutOfResources, code)) {
    return absl::StatusCode::kResourceExhausted;
  }
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

#include "cc/ascend/session.h"

#include <cstdint>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cc/base/status_macros.h"

namespace lenet::ascend {
namespace {

// What a device that has failed gets to bring its streams to rest.
constexpr int kFailedTimeoutMilliseconds = 1000;

}  // namespace

absl::StatusOr<std::unique_ptr<Session>> Session::Open(
    std::shared_ptr<Process> process, int device_id) {
  // Of what Start has made when it fails, the destructor disposes.
  std::unique_ptr<Session> session(new Session(std::move(process), device_id));
  LENET_RETURN_IF_ERROR(session->Start());
  return session;
}

Session::Session(std::shared_ptr<Process> process, int device_id)
    : process_(std::move(process)), device_id_(device_id) {}

absl::Status Session::Start() {
  LENET_RETURN_IF_ERROR(CheckDeviceCount());
  const auto check = [this](aclError code, absl::string_view call) {
    return Check(code, call, Stage::kSetup);
  };
  LENET_RETURN_IF_ERROR(
      check(acl().aclrtSetDevice(device_id_), "aclrtSetDevice"));
  device_set_ = true;
  LENET_RETURN_IF_ERROR(check(acl().aclrtCreateContext(&context_, device_id_),
                              "aclrtCreateContext"));
  for (aclrtStream* stream : {&execute_stream_, &transfer_stream_}) {
    LENET_RETURN_IF_ERROR(
        check(acl().aclrtCreateStream(stream), "aclrtCreateStream"));
  }
  return check(acl().aclrtGetRunMode(&run_mode_), "aclrtGetRunMode");
}

absl::Status Session::CheckDeviceCount() {
  uint32_t count = 0;
  LENET_RETURN_IF_ERROR(Check(acl().aclrtGetDeviceCount(&count),
                              "aclrtGetDeviceCount", Stage::kSetup));
  if (count == 0) {
    return absl::UnavailableError(absl::StrCat(
        "AscendCL finds no device: ", FindError(ACL_ERROR_RT_NO_DEVICE)->hint));
  }
  if (device_id_ < 0 || static_cast<uint32_t>(device_id_) >= count) {
    return absl::UnavailableError(absl::StrCat(
        "no device ", device_id_, ": AscendCL finds ", count,
        count == 1 ? " device, number 0; " : " devices, numbered from 0; ",
        FindError(ACL_ERROR_RT_INVALID_DEVICEID)->hint));
  }
  return absl::OkStatus();
}

Session::~Session() {
  Drain();
  DestroyStream(transfer_stream_);
  DestroyStream(execute_stream_);
  if (context_ != nullptr) {
    CheckTeardown(acl().aclrtDestroyContext(context_), "aclrtDestroyContext");
  }
  if (device_set_) {
    CheckTeardown(acl().aclrtResetDevice(device_id_), "aclrtResetDevice");
  }
  if (!healthy_) process_->ExpectTeardownFailures();
}

void Session::Drain() {
  Drain(transfer_stream_);
  Drain(execute_stream_);
}

void Session::Drain(aclrtStream stream) {
  if (stream == nullptr) return;
  if (acl().aclrtSynchronizeStreamWithTimeout != nullptr) {
    const int timeout =
        healthy_ ? kTimeoutMilliseconds : kFailedTimeoutMilliseconds;
    CheckTeardown(acl().aclrtSynchronizeStreamWithTimeout(stream, timeout),
                  "aclrtSynchronizeStreamWithTimeout");
  } else if (healthy_) {
    CheckTeardown(acl().aclrtSynchronizeStream(stream),
                  "aclrtSynchronizeStream");
  }
}

void Session::DestroyStream(aclrtStream stream) {
  if (stream == nullptr) return;
  CheckTeardown(acl().aclrtDestroyStream(stream), "aclrtDestroyStream");
}

std::string Session::soc_name() const {
  const char* name =
      acl().aclrtGetSocName == nullptr ? nullptr : acl().aclrtGetSocName();
  return name == nullptr ? "" : name;
}

std::string Session::version() const {
  int32_t major = 0;
  int32_t minor = 0;
  int32_t patch = 0;
  if (acl().aclrtGetVersion(&major, &minor, &patch) != ACL_SUCCESS) return "";
  return absl::StrCat(major, ".", minor, ".", patch);
}

absl::Status Session::Synchronize(aclrtStream stream) {
  if (!healthy_) {
    return absl::AbortedError(
        absl::StrCat("device ", device_id_, " has failed before"));
  }
  if (acl().aclrtSynchronizeStreamWithTimeout != nullptr) {
    return Check(
        acl().aclrtSynchronizeStreamWithTimeout(stream, kTimeoutMilliseconds),
        "aclrtSynchronizeStreamWithTimeout");
  }
  return Check(acl().aclrtSynchronizeStream(stream), "aclrtSynchronizeStream");
}

absl::Status Session::Check(aclError code, absl::string_view call,
                            Stage stage) {
  absl::Status status = ToStatus(acl(), code, call, stage);
  // Not all that DeviceFailed covers: a model for another chip is refused with
  // such codes too, when it is loaded.
  const bool failed =
      stage == Stage::kSetup ? DeviceFailed(code) : absl::IsAborted(status);
  if (failed) healthy_ = false;
  return status;
}

void Session::CheckTeardown(aclError code, absl::string_view call) {
  if (!healthy_) return;
  const absl::Status status = Check(code, call);
  if (status.ok()) return;
  std::fprintf(stderr, "while ending: %s\n",
               std::string(status.message()).c_str());
}

}  // namespace lenet::ascend

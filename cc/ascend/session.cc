#include "cc/ascend/session.h"

#include <cstdint>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cc/base/error.h"

namespace lenet::ascend {
namespace {

// Timeout per stream after a device failure.
constexpr int kFailedTimeoutMilliseconds = 1000;

void PrintTeardownFailure(const absl::Status& status) {
  std::fprintf(stderr, "while ending: %s\n",
               std::string(status.message()).c_str());
}

}  // namespace

absl::StatusOr<std::shared_ptr<Process>> Process::Start(
    std::shared_ptr<const Library> library) {
  const aclError code = library->acl().aclInit(nullptr);
  const bool owner = code != ACL_ERROR_REPEAT_INITIALIZE;
  if (owner && code != ACL_SUCCESS) {
    return ToStatus(library->acl(), code, "aclInit", Stage::kSetup);
  }
  return std::shared_ptr<Process>(new Process(std::move(library), owner));
}

Process::Process(std::shared_ptr<const Library> library, bool owner)
    : library_(std::move(library)), owner_(owner) {}

Process::~Process() {
  if (!owner_) return;
  const absl::Status status =
      ToStatus(acl(), acl().aclFinalize(), "aclFinalize", Stage::kWork);
  if (!status.ok() && !device_failed_) PrintTeardownFailure(status);
}

absl::StatusOr<std::unique_ptr<Session>> Session::Open(
    std::shared_ptr<Process> process, int device_id) {
  // If Start fails, the destructor releases what Start created.
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
  for (const aclrtStream stream : {transfer_stream_, execute_stream_}) {
    if (stream == nullptr) continue;
    CheckTeardown(acl().aclrtDestroyStream(stream), "aclrtDestroyStream");
  }
  if (context_ != nullptr) {
    CheckTeardown(acl().aclrtDestroyContext(context_), "aclrtDestroyContext");
  }
  if (device_set_) {
    CheckTeardown(acl().aclrtResetDevice(device_id_), "aclrtResetDevice");
  }
  if (!healthy_) process_->ExpectTeardownFailures();
}

void Session::Drain() {
  for (const aclrtStream stream : {transfer_stream_, execute_stream_}) {
    if (stream == nullptr) continue;
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
}

std::string Session::soc_name() const {
  const char* name =
      acl().aclrtGetSocName == nullptr ? nullptr : acl().aclrtGetSocName();
  return name == nullptr ? "" : name;
}

absl::Status Session::Synchronize(aclrtStream stream) {
  if (!healthy_) {
    return absl::AbortedError(
        absl::StrCat("device ", device_id_, " failed earlier"));
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
  // While a model is loaded, some codes of device failures mean that the model
  // is for another chip.
  const bool failed =
      stage == Stage::kSetup ? DeviceFailed(code) : absl::IsAborted(status);
  // DVPP reports a picture that it cannot take by this code.
  if (failed && code != ACL_ERROR_RT_AICPU_EXCEPTION) healthy_ = false;
  return status;
}

void Session::CheckTeardown(aclError code, absl::string_view call) {
  if (!healthy_) return;
  const absl::Status status = Check(code, call);
  if (!status.ok()) PrintTeardownFailure(status);
}

}  // namespace lenet::ascend

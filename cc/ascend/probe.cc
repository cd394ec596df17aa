#include "cc/ascend/probe.h"

#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/error.h"
#include "cc/ascend/library.h"
#include "cc/ascend/manifest.h"
#include "cc/ascend/session.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/base/sha256.h"

namespace lenet::ascend {
namespace {

constexpr size_t kMaxModelBytes = size_t{256} << 20;
constexpr size_t kMaxMessage = size_t{64} << 10;

const int kUnusable = ExitCode(absl::UnavailableError(""));

enum Step {
  kNodes,
  kAcl,
  kDvpp,
  kInit,
  kCount,
  kDevice,
  kModel,
  kLite,
  kSteps
};
constexpr const char* kStepNames[kSteps] = {
    "device nodes", "AscendCL", "DVPP",  "initialisation",
    "device count", "device",   "model", "Lite plug-in"};

// Names of each ProbeStep::Result in the text and in JSON.
constexpr const char* kTextNames[] = {"ok", "warning", "FAILED", "-"};
constexpr const char* kJsonNames[] = {"ok", "warning", "failed", "not done"};

using Json = nlohmann::ordered_json;
using Result = ProbeStep::Result;

// Returns the value of ProbeReport::failure for a call that failed.
const char* FailureOf(aclError code) {
  switch (code) {
    case ACL_ERROR_RT_NO_DEVICE:
      return "no-device";
    case ACL_ERROR_RT_INVALID_DEVICEID:
    case ACL_ERROR_INVALID_DEVICE:
      return "wrong-device-id";
    case ACL_ERROR_RT_NO_PERMISSION:
      return "no-permission";
    case ACL_ERROR_RT_MEMORY_ALLOCATION:
    case ACL_ERROR_RT_RESOURCE_ALLOC_FAIL:
    case ACL_ERROR_RT_OVER_LIMIT:
    case ACL_ERROR_BAD_ALLOC:
      return "out-of-resources";
    default:
      return "setup-failed";
  }
}

// Splits a message at the first "; " into reason and hint.
std::pair<std::string, std::string> SplitHint(absl::string_view message) {
  return absl::StrSplit(message, absl::MaxSplits("; ", 1));
}

// Performs the steps until one fails. Each function returns whether to
// continue.
class Prober {
 public:
  Prober(int device_id, std::string model_path, const Locations& locations,
         const std::function<void(const ProbeReport&)>& pending)
      : model_path_(std::move(model_path)),
        locations_(locations),
        pending_(pending) {
    report_.device_id = device_id;
    for (const char* name : kStepNames) {
      report_.steps.push_back({name, Result::kNotDone, ""});
    }
  }

  ProbeReport Run() {
    if (Nodes() && Libraries() && Init() && Count() && Device()) Model();
    if (process_ != nullptr) Before(kDevice, "aclFinalize");
    process_.reset();
    if (report_.steps[kAcl].result == Result::kOk) Lite();
    return report_;
  }

 private:
  const Functions& acl() const { return library_->acl(); }

  // Records the result of a step. Returns whether to continue.
  bool Record(Step step, Result result, std::string detail) {
    report_.steps[step].result = result;
    report_.steps[step].detail = std::move(detail);
    return result != Result::kFailed;
  }

  bool Fail(Step step, const char* failure, std::string reason,
            std::string hint) {
    report_.failure = failure;
    report_.reason = reason;
    report_.hint = std::move(hint);
    return Record(step, Result::kFailed, std::move(reason));
  }

  // Calls pending_ with the report that is right if `call` hangs. An earlier
  // failure stays the one that counts.
  void Before(Step step, absl::string_view call) {
    if (pending_ == nullptr) return;
    ProbeReport now = report_;
    std::string reason = absl::StrCat(call, " did not return");
    if (step == kLite) {
      Record(step, Result::kWarning, std::move(reason));
    } else if (report_.failure.empty()) {
      Fail(step, "no-answer", std::move(reason),
           "the driver or the device hangs: see npu-smi info, and reset the "
           "device (npu-smi set -t reset) or reboot");
    }
    pending_(std::exchange(report_, std::move(now)));
  }

  bool FailStatus(Step step, const char* failure, const absl::Status& status) {
    auto [reason, hint] = SplitHint(status.message());
    return Fail(step, failure, std::move(reason), std::move(hint));
  }

  bool FailCall(Step step, aclError code, absl::string_view call) {
    const absl::Status status = ToStatus(acl(), code, call, Stage::kSetup);
    const ErrorInfo* const info = FindError(code);
    const std::string hint = info == nullptr ? "" : info->hint;
    const absl::string_view reason =
        absl::StripSuffix(status.message(), absl::StrCat("; ", hint));
    return Fail(step, FailureOf(code), std::string(reason), hint);
  }

  bool Nodes() {
    const absl::Status status = CheckNodes(report_.device_id, locations_);
    if (status.ok()) {
      return Record(kNodes, Result::kOk,
                    absl::StrCat(locations_.device_folder, "/davinci",
                                 report_.device_id, " and its helpers"));
    }
    return FailStatus(
        kNodes,
        absl::IsPermissionDenied(status) ? "no-permission" : "no-device",
        status);
  }

  bool Libraries() {
    Before(kAcl, absl::StrCat("dlopen of ", locations_.acl));
    absl::StatusOr<std::shared_ptr<const Library>> library =
        Library::Open(locations_.acl, locations_.dvpp);
    if (!library.ok()) return FailStatus(kAcl, "no-library", library.status());
    library_ = *std::move(library);
    Record(kAcl, Result::kOk, absl::StrCat(locations_.acl, " is loaded"));
    Before(kDvpp, absl::StrCat("dlopen of ", locations_.dvpp));
    const absl::Status dvpp = library_->Dvpp().status();
    if (dvpp.ok()) {
      return Record(kDvpp, Result::kOk,
                    absl::StrCat(locations_.dvpp, " is loaded"));
    }
    return Record(kDvpp, Result::kWarning,
                  absl::StrCat(SplitHint(dvpp.message()).first,
                               "; only --cpu_dvpp=CPU will work"));
  }

  bool Init() {
    Before(kInit, "aclInit");
    absl::StatusOr<std::shared_ptr<Process>> process = Process::Start(library_);
    if (!process.ok()) {
      return FailStatus(kInit, "init-failed", process.status());
    }
    process_ = *std::move(process);
    int32_t major = 0;
    int32_t minor = 0;
    int32_t patch = 0;
    if (acl().aclrtGetVersion(&major, &minor, &patch) == ACL_SUCCESS) {
      report_.acl_version = absl::StrCat(major, ".", minor, ".", patch);
    }
    return Record(kInit, Result::kOk,
                  absl::StrCat("AscendCL ", report_.acl_version));
  }

  bool Count() {
    Before(kCount, "aclrtGetDeviceCount");
    uint32_t count = 0;
    aclError code = acl().aclrtGetDeviceCount(&count);
    if (code == ACL_SUCCESS && count == 0) code = ACL_ERROR_RT_NO_DEVICE;
    if (code != ACL_SUCCESS) {
      return FailCall(kCount, code, "aclrtGetDeviceCount");
    }
    report_.device_count = static_cast<int>(count);
    if (report_.device_id < report_.device_count) {
      return Record(kCount, Result::kOk, absl::StrCat(count));
    }
    return Fail(kCount, "wrong-device-id",
                absl::StrCat("no device ", report_.device_id,
                             ": AscendCL finds ", count, ", numbered from 0"),
                FindError(ACL_ERROR_RT_INVALID_DEVICEID)->hint);
  }

  // Sets the device, describes it and resets it.
  bool Device() {
    Before(kDevice, "aclrtSetDevice");
    const aclError set = acl().aclrtSetDevice(report_.device_id);
    if (set != ACL_SUCCESS) {
      process_->ExpectTeardownFailures();
      return FailCall(kDevice, set, "aclrtSetDevice");
    }
    Before(kDevice, "aclrtGetRunMode or aclrtGetMemInfo");
    const bool known = Describe();
    Before(kDevice, "aclrtResetDevice");
    const aclError reset = acl().aclrtResetDevice(report_.device_id);
    if (!known) return false;
    if (reset != ACL_SUCCESS) {
      process_->ExpectTeardownFailures();
      return FailCall(kDevice, reset, "aclrtResetDevice");
    }
    return Record(
        kDevice, Result::kOk,
        absl::StrCat(
            report_.soc_name.empty() ? "an unnamed chip" : report_.soc_name,
            ", run mode ", report_.run_mode, ", ", report_.free_memory >> 20,
            " of ", report_.total_memory >> 20, " MB free"));
  }

  bool Describe() {
    aclrtRunMode mode = ACL_HOST;
    const aclError code = acl().aclrtGetRunMode(&mode);
    if (code != ACL_SUCCESS) return FailCall(kDevice, code, "aclrtGetRunMode");
    report_.run_mode = mode == ACL_DEVICE ? "device" : "host";
    const char* const name =
        acl().aclrtGetSocName == nullptr ? nullptr : acl().aclrtGetSocName();
    if (name != nullptr) report_.soc_name = name;
    // An Ascend 310 has DDR memory. An error is ignored.
    if (acl().aclrtGetMemInfo(ACL_DDR_MEM, &report_.free_memory,
                              &report_.total_memory) != ACL_SUCCESS) {
      report_.free_memory = 0;
      report_.total_memory = 0;
    }
    return true;
  }

  bool Model() {
    if (!IsOmFile(model_path_)) {
      report_.steps[kModel].detail = "name an OM with --mindir_path";
      return true;
    }
    const absl::StatusOr<std::string> model =
        ReadFile(model_path_, kMaxModelBytes);
    if (!model.ok()) return FailStatus(kModel, "wrong-model", model.status());
    const absl::StatusOr<std::optional<Manifest>> manifest =
        ReadManifest(model_path_);
    if (!manifest.ok()) {
      return FailStatus(kModel, "wrong-model", manifest.status());
    }
    if (!manifest->has_value()) {
      return Record(kModel, Result::kWarning,
                    absl::StrCat("no ", ManifestPath(model_path_),
                                 ": its chip is unknown"));
    }
    const absl::Status status = CheckManifest(
        **manifest, model_path_, Sha256Hex(*model), report_.soc_name);
    if (status.ok()) {
      return Record(kModel, Result::kOk,
                    absl::StrCat("for ", (*manifest)->soc_version));
    }
    return FailStatus(
        kModel,
        absl::IsFailedPrecondition(status) ? "wrong-chip" : "wrong-model",
        status);
  }

  void Lite() {
    Before(kLite, "dlopen of the plug-in of MindSpore Lite");
    const absl::StatusOr<std::string> path = OpenLitePlugin(locations_);
    if (path.ok()) {
      Record(kLite, Result::kOk, absl::StrCat(*path, " is loaded"));
    } else {
      const bool none = absl::IsNotFound(path.status());
      Record(kLite, none ? Result::kNotDone : Result::kWarning,
             std::string(path.status().message()));
    }
  }

  ProbeReport report_;
  const std::string model_path_;
  const Locations locations_;
  const std::function<void(const ProbeReport&)> pending_;
  std::shared_ptr<const Library> library_;
  std::shared_ptr<Process> process_;
};

}  // namespace

ProbeReport Probe(int device_id, const std::string& model_path,
                  const Locations& locations,
                  const std::function<void(const ProbeReport&)>& pending) {
  return Prober(device_id, model_path, locations, pending).Run();
}

std::pair<std::string, int> GuardedProbe(
    int device_id, const std::string& model_path, const Locations& locations,
    std::string (*text)(const ProbeReport&), std::chrono::seconds timeout) {
  const auto outcome = [text](const ProbeReport& report) {
    return std::pair(text(report), Usable(report) ? 0 : kUnusable);
  };
  int ends[2];
  const bool paired =
      socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
  const pid_t child = paired ? fork() : -1;
  if (child < 0) return outcome(Probe(device_id, model_path, locations));
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(ends[0]);
    const auto send_text = [&](const ProbeReport& report) {
      const auto [now, code] = outcome(report);
      const std::string message = absl::StrCat(code, now);
      send(ends[1], message.data(), message.size(), MSG_NOSIGNAL);
    };
    send_text(Probe(device_id, model_path, locations, send_text));
    std::exit(0);
  }
  close(ends[1]);
  const timeval limit = {timeout.count(), 0};
  setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  std::pair<std::string, int> last = {"", kUnusable};
  std::string message(kMaxMessage, '\0');
  ssize_t bytes = 0;
  do {
    bytes = recv(ends[0], message.data(), message.size(), 0);
    if (bytes <= 0) continue;
    last = {message.substr(1, static_cast<size_t>(bytes) - 1),
            message[0] - '0'};
  } while (bytes > 0 || (bytes < 0 && errno == EINTR));
  // Not waited for, because this does not end a process that the driver holds.
  kill(child, SIGKILL);
  close(ends[0]);
  return last;
}

bool Usable(const ProbeReport& report) { return report.failure.empty(); }

std::string ProbeText(const ProbeReport& report) {
  std::string text;
  for (const ProbeStep& step : report.steps) {
    absl::StrAppendFormat(&text, "%-15s %-8s %s\n", step.name,
                          kTextNames[static_cast<size_t>(step.result)],
                          step.detail);
  }
  if (Usable(report)) {
    absl::StrAppend(&text, "\nDevice ", report.device_id, " can be used",
                    IsSimulator(report.soc_name)
                        ? ", but it is a simulator, not an Ascend"
                        : "",
                    ".\n");
  } else {
    absl::StrAppend(&text, "\nDevice ", report.device_id, " cannot be used (",
                    report.failure, "): ", report.reason, "\n");
    if (!report.hint.empty()) {
      absl::StrAppend(&text, "Remedy: ", report.hint, "\n");
    }
  }
  return text;
}

std::string ProbeJson(const ProbeReport& report) {
  Json steps = Json::array();
  for (const ProbeStep& step : report.steps) {
    steps.push_back({{"name", step.name},
                     {"result", kJsonNames[static_cast<size_t>(step.result)]},
                     {"detail", step.detail}});
  }
  const Json json = {{"usable", Usable(report)},
                     {"failure", report.failure},
                     {"reason", report.reason},
                     {"hint", report.hint},
                     {"device_id", report.device_id},
                     {"device_count", report.device_count},
                     {"acl_version", report.acl_version},
                     {"soc_name", report.soc_name},
                     {"simulator", IsSimulator(report.soc_name)},
                     {"run_mode", report.run_mode},
                     {"free_memory", report.free_memory},
                     {"total_memory", report.total_memory},
                     {"steps", steps}};
  // Bytes of paths that are not UTF-8 become U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace lenet::ascend

#ifndef CC_ASCEND_SESSION_H_
#define CC_ASCEND_SESSION_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/error.h"
#include "cc/ascend/library.h"

namespace lenet::ascend {

// AscendCL between aclInit and aclFinalize. Create it at most once per process:
// older libraries cannot be initialised again. It must not be a static variable
// (aclFinalize fails in their destructors), and the process must not fork
// during its lifetime.
class Process {
 public:
  // If AscendCL is already initialised, it is used and not finalised.
  // Unavailable if the initialisation fails.
  static absl::StatusOr<std::shared_ptr<Process>> Start(
      std::shared_ptr<const Library> library);

  // Finalises AscendCL; everything that used it must be destroyed before.
  // Prints a failure to stderr unless a device failed earlier.
  ~Process();

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  const Library& library() const { return *library_; }
  const Functions& acl() const { return library_->acl(); }

  // Reports that a device failed, so that failures of the teardown are
  // expected.
  void ExpectTeardownFailures() { device_failed_ = true; }

 private:
  Process(std::shared_ptr<const Library> library, bool owner);

  const std::shared_ptr<const Library> library_;
  const bool owner_;  // this object called aclInit
  bool device_failed_ = false;
};

// A device with a context and two streams. All calls must come from the thread
// that opened the session. Objects created in a session must be destroyed
// before it.
class Session {
 public:
  // Timeout of Synchronize.
  static constexpr int kTimeoutMilliseconds = 20000;

  // Unavailable if the device is missing or does not start.
  static absl::StatusOr<std::unique_ptr<Session>> Open(
      std::shared_ptr<Process> process, int device_id);

  // Drains and destroys the streams, destroys the context and resets the
  // device. Continues after failures. Prints them to stderr, except after a
  // device failure, where they are expected.
  ~Session();

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Process& process() const { return *process_; }
  const Functions& acl() const { return process_->acl(); }

  int device_id() const { return device_id_; }
  aclrtRunMode run_mode() const { return run_mode_; }
  // Name of the chip, such as "Ascend310"; "" if unknown.
  std::string soc_name() const;

  // The execute stream runs models. The transfer stream runs copies and DVPP
  // operations concurrently.
  aclrtStream execute_stream() const { return execute_stream_; }
  aclrtStream transfer_stream() const { return transfer_stream_; }

  // Waits for a stream; with libraries that support it, no longer than
  // kTimeoutMilliseconds. Aborted after a timeout or a device failure; if the
  // device failed earlier, AscendCL is not called.
  absl::Status Synchronize(aclrtStream stream);

  // For destructors: waits until no operation of the streams can access memory,
  // so that the memory can be freed. After a device failure it waits at most
  // one second per stream, and not at all if the library has no timeout.
  void Drain();

  // Converts the result of `call` to a Status and records a device failure.
  // 507018, which also means a picture that DVPP cannot take, is Aborted but
  // not recorded.
  //   LENET_RETURN_IF_ERROR(session->Check(acl.aclrtMemset(...),
  //   "aclrtMemset"))
  absl::Status Check(aclError code, absl::string_view call,
                     Stage stage = Stage::kWork);

  // Returns false after a device failure. From then on only the teardown may
  // call AscendCL.
  bool healthy() const { return healthy_; }

  // For destructors of objects in this session: prints a failure of a releasing
  // call to stderr, unless the device failed earlier.
  void CheckTeardown(aclError code, absl::string_view call);

 private:
  Session(std::shared_ptr<Process> process, int device_id);

  absl::Status Start();
  absl::Status CheckDeviceCount();

  const std::shared_ptr<Process> process_;
  const int device_id_;
  aclrtRunMode run_mode_ = ACL_HOST;
  bool device_set_ = false;
  bool healthy_ = true;
  aclrtContext context_ = nullptr;
  aclrtStream execute_stream_ = nullptr;
  aclrtStream transfer_stream_ = nullptr;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_SESSION_H_

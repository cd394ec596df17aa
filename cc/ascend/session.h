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
#include "cc/ascend/process.h"

namespace lenet::ascend {

// A device with a context and two streams of our own. The context is current on
// the thread that opened the session, and all work with it is done on that
// thread. What is made in a session must be gone before it.
class Session {
 public:
  // How long Synchronize waits for the device.
  static constexpr int kTimeoutMilliseconds = 20000;

  // Unavailable if the device is not there or does not start up (see
  // error.h); what was done up to then is undone in order.
  static absl::StatusOr<std::unique_ptr<Session>> Open(
      std::shared_ptr<Process> process, int device_id);

  // Drains and destroys the streams, destroys the context, resets the device.
  // Goes on after a failure; failures are printed to stderr, but not those
  // after a device failure, when they are to be expected.
  ~Session();

  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Process& process() const { return *process_; }
  const Functions& acl() const { return process_->acl(); }

  int device_id() const { return device_id_; }
  aclrtRunMode run_mode() const { return run_mode_; }
  // "Ascend310"; empty if the library does not tell.
  std::string soc_name() const;
  // Of AscendCL, "1.4.0"; empty if the library does not tell.
  std::string version() const;

  // Models run in the first. The second carries copies and decoding that are to
  // go on meanwhile.
  aclrtStream execute_stream() const { return execute_stream_; }
  aclrtStream transfer_stream() const { return transfer_stream_; }

  // Waits until everything given to the stream is done, at most
  // kTimeoutMilliseconds where the library can limit it. Aborted if the device
  // failed or did not answer in time, and, without a call, if it had failed
  // before.
  absl::Status Synchronize(aclrtStream stream);

  // For destructors: waits until nothing given to the streams can touch memory
  // any more, which is then free to be released. Unlike Synchronize also after
  // a device failure, but then no longer than a second a stream, and not where
  // the library cannot limit it: a dead device may never answer.
  void Drain();

  // The result of a call made during the work, named `call`, as a Status; a
  // failure of the device is remembered.
  //   LENET_RETURN_IF_ERROR(session->Check(acl.aclrtMemset(...),
  //   "aclrtMemset"))
  absl::Status Check(aclError code, absl::string_view call,
                     Stage stage = Stage::kWork);

  // False once the device has failed. Then only the teardown may still call
  // AscendCL.
  bool healthy() const { return healthy_; }

  // For destructors of what lives in this session: the result of a call that
  // releases something. Prints a failure to stderr if the device was healthy
  // before.
  void CheckTeardown(aclError code, absl::string_view call);

 private:
  Session(std::shared_ptr<Process> process, int device_id);

  absl::Status Start();
  absl::Status CheckDeviceCount();
  void Drain(aclrtStream stream);
  void DestroyStream(aclrtStream stream);

  std::shared_ptr<Process> process_;
  int device_id_;
  aclrtRunMode run_mode_ = ACL_HOST;
  bool device_set_ = false;
  bool healthy_ = true;
  aclrtContext context_ = nullptr;
  aclrtStream execute_stream_ = nullptr;
  aclrtStream transfer_stream_ = nullptr;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_SESSION_H_

#ifndef CC_ASCEND_PROCESS_H_
#define CC_ASCEND_PROCESS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cc/ascend/library.h"

namespace lenet::ascend {

// AscendCL between aclInit and aclFinalize. One for the life of the program:
// older libraries cannot be initialised again after they were finalised. Do not
// keep it in a static variable (AscendCL must not be finalised by the
// destructors of those), and do not fork while it lives.
class Process {
 public:
  // An AscendCL that somebody else in this process has initialised is used, and
  // left to them to finalise. Unavailable if it cannot be initialised.
  static absl::StatusOr<std::shared_ptr<Process>> Start(
      std::shared_ptr<const Library> library);

  // Finalises. Everything that used AscendCL must be gone. A failure is printed
  // to stderr, unless a device has failed before: then it is to be expected.
  ~Process();

  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  const Library& library() const { return *library_; }
  const Functions& acl() const { return library_->acl(); }

  // To be told when a device has failed.
  void ExpectTeardownFailures() { device_failed_ = true; }

 private:
  Process(std::shared_ptr<const Library> library, bool ours);

  std::shared_ptr<const Library> library_;
  bool ours_;  // aclInit was ours, and so is aclFinalize
  bool device_failed_ = false;
};

}  // namespace lenet::ascend

#endif  // CC_ASCEND_PROCESS_H_

#ifndef CC_ENGINE_CRASH_GUARD_H_
#define CC_ENGINE_CRASH_GUARD_H_

#include <signal.h>

#include "absl/strings/string_view.h"

namespace lenet {

// While it exists, a crash in any thread (SIGSEGV, SIGBUS, SIGFPE, SIGABRT)
// prints one line to stderr and ends the process with exit code 2. Used around
// a library that crashes on damaged input. Only one may exist at a time.
class CrashGuard {
 public:
  // Keeps at most 1,000 bytes of the message.
  explicit CrashGuard(absl::string_view message);
  ~CrashGuard();
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;

 private:
  static constexpr int kSignals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};

  struct sigaction before_[4];
};

}  // namespace lenet

#endif  // CC_ENGINE_CRASH_GUARD_H_

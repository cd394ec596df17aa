#ifndef CC_ENGINE_CRASH_GUARD_H_
#define CC_ENGINE_CRASH_GUARD_H_

#include <signal.h>
#include <unistd.h>

#include <cstddef>

#include "absl/strings/string_view.h"

namespace lenet {

// While it exists, a crash in any thread prints a line to stderr and ends the
// process with exit code 2. Used around a library that crashes on damaged
// input. Only one may exist at a time.
class CrashGuard {
 public:
  // Keeps at most 1,000 bytes of the message.
  explicit CrashGuard(absl::string_view message) {
    size_ = message.copy(line_, sizeof(line_) - 1);
    line_[size_++] = '\n';
    struct sigaction action = {};
    action.sa_handler = &EndProcess;
    for (int i = 0; i < 4; ++i) sigaction(kSignals[i], &action, &before_[i]);
  }
  ~CrashGuard() {
    for (int i = 0; i < 4; ++i) sigaction(kSignals[i], &before_[i], nullptr);
  }
  CrashGuard(const CrashGuard&) = delete;
  CrashGuard& operator=(const CrashGuard&) = delete;

 private:
  // Calls only functions that are safe in a signal handler.
  static void EndProcess(int) {
    _exit(write(STDERR_FILENO, line_, size_) < 0 ? 1 : 2);
  }

  static constexpr int kSignals[4] = {SIGSEGV, SIGBUS, SIGFPE, SIGABRT};
  static inline char line_[1001];
  static inline size_t size_ = 0;

  struct sigaction before_[4] = {};
};

}  // namespace lenet

#endif  // CC_ENGINE_CRASH_GUARD_H_

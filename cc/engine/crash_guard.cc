#include "cc/engine/crash_guard.h"

#include <unistd.h>

#include <cstddef>
#include <iterator>

#include "absl/strings/string_view.h"

namespace lenet {
namespace {

char line[1001];
size_t line_size = 0;

// Calls only functions that are safe in a signal handler.
extern "C" void EndProcess(int) {
  const ssize_t ignored = write(STDERR_FILENO, line, line_size);
  _exit(ignored < 0 ? 1 : 2);
}

}  // namespace

CrashGuard::CrashGuard(absl::string_view message) {
  line_size = message.copy(line, sizeof(line) - 1);
  line[line_size++] = '\n';
  struct sigaction action = {};
  action.sa_handler = &EndProcess;
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &action, &before_[i]);
  }
}

CrashGuard::~CrashGuard() {
  for (size_t i = 0; i < std::size(kSignals); ++i) {
    sigaction(kSignals[i], &before_[i], nullptr);
  }
}

}  // namespace lenet

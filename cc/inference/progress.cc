#include "cc/inference/progress.h"

#include <signal.h>
#include <unistd.h>

#include <cstdio>

namespace lenet {
namespace {

volatile sig_atomic_t interrupt_signal = 0;

extern "C" void OnInterrupt(int signal) { interrupt_signal = signal; }

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = &OnInterrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

int InterruptSignal() { return interrupt_signal; }

Progress::Progress(size_t total)
    : total_(total),
      terminal_(isatty(STDERR_FILENO) != 0),
      interval_(std::chrono::milliseconds(terminal_ ? 100 : 2000)),
      start_(Clock::now()),
      next_(start_ + interval_) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::Update(size_t done) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + interval_;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::fprintf(stderr, "%s%zu of %zu images, %.0f images/s%s",
               terminal_ ? "\r" : "infer310: ", done, total_,
               static_cast<double>(done) / seconds,
               terminal_ ? "\033[K" : "\n");
  drawn_ = terminal_;
}

}  // namespace lenet

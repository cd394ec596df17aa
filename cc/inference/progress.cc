#include "cc/inference/progress.h"

#include <unistd.h>

#include <cstdio>

namespace lenet {
namespace {

constexpr std::chrono::milliseconds kTerminalInterval(100);
constexpr std::chrono::milliseconds kLineInterval(2000);

}  // namespace

Progress::Progress(size_t total)
    : total_(total),
      terminal_(isatty(STDERR_FILENO) != 0),
      start_(Clock::now()),
      next_(start_ + (terminal_ ? kTerminalInterval : kLineInterval)) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\033[K", stderr);
}

void Progress::Update(size_t done) {
  const Clock::time_point now = Clock::now();
  if (now < next_) return;
  next_ = now + (terminal_ ? kTerminalInterval : kLineInterval);
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::fprintf(stderr, "%s%zu of %zu images, %.0f images/s%s",
               terminal_ ? "\r" : "infer310: ", done, total_,
               static_cast<double>(done) / seconds,
               terminal_ ? "\033[K" : "\n");
  drawn_ = terminal_;
}

}  // namespace lenet

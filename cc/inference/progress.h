#ifndef CC_INFERENCE_PROGRESS_H_
#define CC_INFERENCE_PROGRESS_H_

#include <chrono>
#include <cstddef>

namespace lenet {

// Catches the first SIGINT or SIGTERM, so that the program can remove partial
// output; a second signal ends the program immediately.
void CatchInterrupts();

// Returns the caught signal, or 0.
int InterruptSignal();

// Shows the progress on stderr: a redrawn line on a terminal, otherwise a line
// every two seconds.
class Progress {
 public:
  explicit Progress(size_t total);
  ~Progress();  // clears the line on a terminal

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Is cheap enough to be called after each batch.
  void Update(size_t done);

 private:
  using Clock = std::chrono::steady_clock;

  const size_t total_;
  const bool terminal_;
  const Clock::duration interval_;
  const Clock::time_point start_;
  Clock::time_point next_;
  bool drawn_ = false;
};

}  // namespace lenet

#endif  // CC_INFERENCE_PROGRESS_H_

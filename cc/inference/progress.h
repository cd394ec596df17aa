#ifndef CC_INFERENCE_PROGRESS_H_
#define CC_INFERENCE_PROGRESS_H_

#include <chrono>
#include <cstddef>

namespace lenet {

// Tells on stderr how far the work is: one line that is drawn anew on a
// terminal, a plain line every two seconds elsewhere (none for shorter work).
class Progress {
 public:
  explicit Progress(size_t total);
  ~Progress();  // leaves the line of the terminal

  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Cheap; to be called after each batch.
  void Update(size_t done);

 private:
  using Clock = std::chrono::steady_clock;

  const size_t total_;
  const bool terminal_;
  const Clock::time_point start_;
  Clock::time_point next_;
  bool drawn_ = false;
};

}  // namespace lenet

#endif  // CC_INFERENCE_PROGRESS_H_

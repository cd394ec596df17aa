#ifndef CC_INFERENCE_RESULT_WRITER_H_
#define CC_INFERENCE_RESULT_WRITER_H_

#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/inference/result_folder.h"

namespace lenet {

// Writes results in a thread of its own, in the order in which they come: to
// create a small file takes longer than to run a LeNet. Results go there by the
// chunk, at most three of which are in memory. One calling thread.
class ResultWriter {
 public:
  // `folder` must outlive it, and is its own until Finish.
  explicit ResultWriter(ResultFolder* folder);

  // Without Finish, gives up what is not written yet.
  ~ResultWriter();

  ResultWriter(const ResultWriter&) = delete;
  ResultWriter& operator=(const ResultWriter&) = delete;

  // The same number of logits for every result. Returns the first error of the
  // results so far, as soon as it is known; then it writes no more.
  absl::Status Write(std::string stem, absl::Span<const float> logits);

  // Waits until all is written. To be called once, last.
  absl::Status Finish();

 private:
  struct Chunk {
    std::vector<std::string> stems;
    std::vector<float> logits;  // of all of them
  };

  void Work();
  absl::Status WriteChunk(const Chunk& chunk);
  void HandOver();

  ResultFolder* const folder_;
  Chunk filling_;  // of the caller alone

  std::mutex mutex_;
  std::condition_variable changed_;
  Chunk waiting_;          // without stems: none
  bool ended_ = false;     // no more chunks will come
  bool given_up_ = false;  // and those that wait do not matter
  absl::Status status_;    // not OK: the thread has ended
  std::thread thread_;
};

}  // namespace lenet

#endif  // CC_INFERENCE_RESULT_WRITER_H_

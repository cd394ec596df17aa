#ifndef CC_IMAGE_PREFETCHER_H_
#define CC_IMAGE_PREFETCHER_H_

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/image/dataset.h"
#include "cc/image/image.h"

namespace lenet {

// Loads samples [first, last) of a data set in `threads` background threads, at
// most `depth` ahead of the consumer, and hands them out in order:
//
//   Prefetcher<float> prefetcher(dataset, 0, dataset.size(), threads, depth);
//   for (size_t i = 0; i < dataset.size(); ++i) {
//     LENET_RETURN_IF_ERROR(prefetcher.Next(absl::MakeSpan(tensor)));
//   }
//
// What a sample is depends on T:
//   Prefetcher<float>        tensor_size() floats of Dataset::Load
//   Prefetcher<uint8_t>      tensor_size() bytes of Dataset::LoadLuma
//   Prefetcher<SourceImage>  one element, of Dataset::LoadSource
//
// Samples go from thread to thread by the chunk, as that costs as much as to
// load a small image. Memory: depth samples. One consumer thread. Destruction
// at any time waits only for the loads under way. The data set must outlive it.
template <typename T>
class Prefetcher {
 public:
  // last <= dataset.size(); threads and depth below 1 count as 1.
  Prefetcher(const Dataset& dataset, size_t first, size_t last, int threads,
             size_t depth);
  ~Prefetcher();

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Elements of type T that make up one sample of a data set.
  static size_t SampleSize(const Dataset& dataset);

  // Waits for the next sample and moves it into `sample` (SampleSize elements;
  // any part of a batch). The error of a sample comes at its turn, and the call
  // after it gives the sample after it. OutOfRange after the last.
  absl::Status Next(absl::Span<T> sample);

 private:
  // Samples that one thread loads, one after the other.
  struct Chunk {
    std::vector<T> samples;
    std::vector<absl::Status> statuses;  // of the samples that it holds
    bool ready = false;
  };

  void Work();
  void Load(size_t number, Chunk* chunk);
  Chunk& ChunkOf(size_t number) { return chunks_[number % chunks_.size()]; }

  const Dataset& dataset_;
  const size_t sample_size_;
  const size_t first_;
  const size_t last_;
  const size_t chunk_size_;
  const size_t chunk_count_;  // in all

  size_t next_;  // the sample that Next gives next; of the consumer alone

  std::mutex mutex_;
  std::condition_variable room_;   // a chunk may be claimed, or stop_
  std::condition_variable ready_;  // a chunk became ready
  size_t claimed_ = 0;             // chunks that threads have taken
  size_t consumed_ = 0;            // chunks that the consumer is through with
  std::atomic<bool> stop_{false};  // also seen between two samples
  // A chunk belongs to the thread that claimed it until ready, then to the
  // consumer.
  std::vector<Chunk> chunks_;
  std::vector<std::thread> threads_;
};

extern template class Prefetcher<float>;
extern template class Prefetcher<uint8_t>;
extern template class Prefetcher<SourceImage>;

}  // namespace lenet

#endif  // CC_IMAGE_PREFETCHER_H_

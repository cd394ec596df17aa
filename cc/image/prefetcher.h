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

// Loads a data set in background threads and returns its samples in order:
//
//   Prefetcher<float> prefetcher(dataset, threads, depth);
//   for (size_t i = 0; i < dataset.size(); ++i) {
//     LENET_RETURN_IF_ERROR(prefetcher.Next(absl::MakeSpan(tensor)));
//   }
//
// A sample consists of:
//   Prefetcher<float>        tensor_size() floats from Dataset::Load
//   Prefetcher<uint8_t>      tensor_size() bytes from Dataset::LoadLuma
//   Prefetcher<SourceImage>  one element from Dataset::LoadSource
//
// Threads exchange chunks of samples, because a synchronisation costs as much
// as loading a small image. Memory: `depth` samples. For one consumer thread.
// The destructor waits only for the samples being loaded. The data set must
// outlive the prefetcher.
template <typename T>
class Prefetcher {
 public:
  // Loads at most `depth` samples ahead of the consumer. Values below 1 count
  // as 1. If the system has no more threads, fewer or none are used.
  Prefetcher(const Dataset& dataset, int threads, size_t depth);
  ~Prefetcher();

  Prefetcher(const Prefetcher&) = delete;
  Prefetcher& operator=(const Prefetcher&) = delete;

  // Returns the number of elements in a sample.
  static size_t SampleSize(const Dataset& dataset);

  // Waits for the next sample and moves it to `sample`, SampleSize() elements.
  // Returns the sample's error if it could not be loaded; the next call returns
  // the sample after it. OutOfRange after the last.
  absl::Status Next(absl::Span<T> sample);

 private:
  // Consecutive samples, loaded by one thread. Belongs to that thread until it
  // is ready, then to the consumer.
  struct Chunk {
    std::vector<T> samples;
    std::vector<absl::Status> statuses;  // one per sample
    bool ready = false;
  };

  void Work();
  void Load(size_t number, Chunk* chunk);
  Chunk& ChunkAt(size_t number) { return chunks_[number % chunks_.size()]; }

  const Dataset& dataset_;
  const size_t sample_size_;
  const size_t chunk_size_;
  const size_t chunk_count_;  // in the data set

  size_t next_ = 0;  // the consumer's next sample

  std::mutex mutex_;
  std::condition_variable room_;   // a chunk can be claimed, or stop_
  std::condition_variable ready_;  // the consumer's chunk became ready
  size_t claimed_ = 0;             // chunks that threads load or have loaded
  size_t consumed_ = 0;            // chunks that the consumer has finished
  std::atomic<bool> stop_{false};
  std::vector<Chunk> chunks_;  // ring buffer
  std::vector<std::thread> threads_;
};

extern template class Prefetcher<float>;
extern template class Prefetcher<uint8_t>;
extern template class Prefetcher<SourceImage>;

}  // namespace lenet

#endif  // CC_IMAGE_PREFETCHER_H_

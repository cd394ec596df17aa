#include "cc/image/prefetcher.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <mutex>
#include <system_error>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/image/dataset.h"
#include "cc/image/image.h"

namespace lenet {
namespace {

constexpr size_t kMaxChunk = 16;

// Returns a size with which each thread has two chunks: one that it loads and
// one that waits for the consumer.
size_t ChunkSize(int threads, size_t depth) {
  const size_t count = 2 * static_cast<size_t>(std::max(threads, 1));
  return std::clamp<size_t>(depth / count, 1, kMaxChunk);
}

template <typename T>
absl::Status LoadSample(const Dataset& dataset, size_t i,
                        absl::Span<T> sample) {
  if constexpr (std::is_same_v<T, float>) {
    return dataset.Load(i, sample);
  } else if constexpr (std::is_same_v<T, uint8_t>) {
    return dataset.LoadLuma(i, sample);
  } else {
    LENET_ASSIGN_OR_RETURN(sample[0], dataset.LoadSource(i));
    return absl::OkStatus();
  }
}

}  // namespace

template <typename T>
size_t Prefetcher<T>::SampleSize(const Dataset& dataset) {
  return std::is_same_v<T, SourceImage> ? 1 : dataset.tensor_size();
}

template <typename T>
Prefetcher<T>::Prefetcher(const Dataset& dataset, int threads, size_t depth)
    : dataset_(dataset),
      sample_size_(SampleSize(dataset)),
      chunk_size_(ChunkSize(threads, depth)),
      chunk_count_((dataset.size() + chunk_size_ - 1) / chunk_size_),
      chunks_(std::max<size_t>(depth / chunk_size_, 1)) {
  for (Chunk& chunk : chunks_) {
    chunk.samples.resize(chunk_size_ * sample_size_);
  }
  const size_t count = std::min({static_cast<size_t>(std::max(threads, 1)),
                                 chunks_.size(), chunk_count_});
  threads_.reserve(count);
  try {
    for (size_t i = 0; i < count; ++i) {
      threads_.emplace_back([this] { Work(); });
    }
  } catch (const std::system_error&) {
    // The threads that were started load all samples, or Next if there is none.
  }
}

template <typename T>
Prefetcher<T>::~Prefetcher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

template <typename T>
absl::Status Prefetcher<T>::Next(absl::Span<T> sample) {
  if (sample.size() != sample_size_) {
    return absl::InternalError("Prefetcher::Next: wrong sample size");
  }
  if (next_ == dataset_.size()) return absl::OutOfRangeError("no more samples");
  const size_t index = next_ % chunk_size_;
  Chunk& chunk = ChunkAt(next_ / chunk_size_);
  if (index == 0 && threads_.empty()) {
    Load(next_ / chunk_size_, &chunk);
  } else if (index == 0) {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [&chunk] { return chunk.ready; });
  }
  absl::Status status = std::move(chunk.statuses[index]);
  if (status.ok()) {
    std::copy_n(std::make_move_iterator(&chunk.samples[index * sample_size_]),
                sample_size_, sample.begin());
  }
  ++next_;
  if (index + 1 == chunk.statuses.size()) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      chunk.ready = false;
      ++consumed_;
    }
    room_.notify_one();
  }
  return status;
}

template <typename T>
void Prefetcher<T>::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    room_.wait(lock, [this] {
      return stop_ || claimed_ == chunk_count_ ||
             claimed_ < consumed_ + chunks_.size();
    });
    if (stop_ || claimed_ == chunk_count_) return;
    const size_t number = claimed_++;
    Chunk& chunk = ChunkAt(number);

    lock.unlock();
    Load(number, &chunk);
    lock.lock();

    chunk.ready = true;
    if (number == consumed_) ready_.notify_one();
  }
}

template <typename T>
void Prefetcher<T>::Load(size_t number, Chunk* chunk) {
  const size_t begin = number * chunk_size_;
  const size_t end = std::min(begin + chunk_size_, dataset_.size());
  chunk->statuses.clear();
  for (size_t i = begin; i < end && !stop_; ++i) {
    T* const sample = &chunk->samples[(i - begin) * sample_size_];
    chunk->statuses.push_back(
        LoadSample(dataset_, i, absl::MakeSpan(sample, sample_size_)));
  }
}

template class Prefetcher<float>;
template class Prefetcher<uint8_t>;
template class Prefetcher<SourceImage>;

}  // namespace lenet

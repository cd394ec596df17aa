#include "cc/image/prefetcher.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/image/dataset.h"

namespace lenet {
namespace {

constexpr size_t kMaxChunk = 16;

// Two chunks a thread: one that it loads and one that waits.
size_t ChunkSize(int threads, size_t depth) {
  const size_t count = 2 * static_cast<size_t>(std::max(threads, 1));
  return std::clamp<size_t>(depth / count, 1, kMaxChunk);
}

}  // namespace

Prefetcher::Prefetcher(const Dataset& dataset, size_t first, size_t last,
                       int threads, size_t depth)
    : dataset_(dataset),
      first_(first),
      last_(last),
      chunk_size_(ChunkSize(threads, depth)),
      chunk_count_((last - first + chunk_size_ - 1) / chunk_size_),
      next_(first),
      chunks_(std::max<size_t>(depth / chunk_size_, 1)) {
  for (Chunk& chunk : chunks_) {
    chunk.tensors.resize(chunk_size_ * dataset.tensor_size());
  }
  // More threads than chunks would never find room.
  const size_t count = std::min({static_cast<size_t>(std::max(threads, 1)),
                                 chunks_.size(), chunk_count_});
  threads_.reserve(count);
  for (size_t i = 0; i < count; ++i) threads_.emplace_back([this] { Work(); });
}

Prefetcher::~Prefetcher() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stop_ = true;
  }
  room_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

absl::Status Prefetcher::Next(absl::Span<float> tensor) {
  if (tensor.size() != dataset_.tensor_size()) {
    return absl::InternalError("Prefetcher::Next: tensor of another size");
  }
  if (next_ == last_) return absl::OutOfRangeError("no more samples");
  const size_t number = (next_ - first_) / chunk_size_;
  const size_t index = (next_ - first_) % chunk_size_;
  Chunk& chunk = ChunkOf(number);
  if (index == 0) {
    std::unique_lock<std::mutex> lock(mutex_);
    ready_.wait(lock, [&chunk] { return chunk.ready; });
  }
  absl::Status status = std::move(chunk.statuses[index]);
  if (status.ok()) {
    std::copy_n(&chunk.tensors[index * tensor.size()], tensor.size(),
                tensor.begin());
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

void Prefetcher::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    room_.wait(lock, [this] {
      return stop_ || claimed_ == chunk_count_ ||
             claimed_ < consumed_ + chunks_.size();
    });
    if (stop_ || claimed_ == chunk_count_) return;
    const size_t number = claimed_++;
    Chunk& chunk = ChunkOf(number);

    lock.unlock();
    Load(number, &chunk);
    lock.lock();

    chunk.ready = true;
    if (number == consumed_) ready_.notify_one();
  }
}

void Prefetcher::Load(size_t number, Chunk* chunk) {
  const size_t begin = first_ + number * chunk_size_;
  const size_t end = std::min(begin + chunk_size_, last_);
  const size_t stride = dataset_.tensor_size();
  chunk->statuses.clear();
  for (size_t i = begin; i < end && !stop_; ++i) {
    chunk->statuses.push_back(dataset_.Load(
        i, absl::MakeSpan(&chunk->tensors[(i - begin) * stride], stride)));
  }
}

}  // namespace lenet

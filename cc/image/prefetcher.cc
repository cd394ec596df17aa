#include "cc/image/prefetcher.h"

#include <algorithm>
#include <cstddef>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "cc/image/dataset.h"

namespace lenet {

Prefetcher::Prefetcher(const Dataset& dataset, size_t first, size_t last,
                       int threads, size_t depth)
    : dataset_(dataset),
      last_(last),
      claimed_(first),
      consumed_(first),
      slots_(std::max<size_t>(depth, 1)) {
  for (Slot& slot : slots_) slot.tensor.resize(dataset.tensor_size());
  // More threads than slots would never find room.
  const size_t count =
      std::min(static_cast<size_t>(std::max(threads, 1)), slots_.size());
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
  absl::Status status;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    if (consumed_ == last_) return absl::OutOfRangeError("no more samples");
    Slot& slot = SlotOf(consumed_);
    ready_.wait(lock, [&slot] { return slot.ready; });
    status = std::move(slot.status);
    if (status.ok()) {
      // Of a few KiB: cheaper than to let go of the lock and take it again.
      std::copy(slot.tensor.begin(), slot.tensor.end(), tensor.begin());
    }
    slot.ready = false;
    ++consumed_;
  }
  room_.notify_one();
  return status;
}

void Prefetcher::Work() {
  std::unique_lock<std::mutex> lock(mutex_);
  while (true) {
    room_.wait(lock, [this] {
      return stop_ || claimed_ == last_ || claimed_ < consumed_ + slots_.size();
    });
    if (stop_ || claimed_ == last_) return;
    const size_t sample = claimed_++;
    Slot& slot = SlotOf(sample);

    lock.unlock();
    absl::Status status = dataset_.Load(sample, absl::MakeSpan(slot.tensor));
    lock.lock();

    slot.status = std::move(status);
    slot.ready = true;
    if (sample == consumed_) ready_.notify_one();
  }
}

}  // namespace lenet

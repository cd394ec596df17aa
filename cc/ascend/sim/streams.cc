#include "cc/ascend/sim/streams.h"

#include <algorithm>
#include <thread>
#include <utility>

namespace lenet::ascend::sim {

using Clock = std::chrono::steady_clock;

void Stream::Add(Task task, std::chrono::nanoseconds latency) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (latency.count() > 0) ready_ = std::max(ready_, Clock::now()) + latency;
  tasks_.push_back(std::move(task));
}

aclError Stream::Synchronize(std::optional<std::chrono::milliseconds> timeout) {
  std::lock_guard<std::mutex> running(running_);
  std::unique_lock<std::mutex> lock(mutex_);
  const Clock::time_point ready = tasks_.empty() ? Clock::now() : ready_;
  if (timeout.has_value() && ready > Clock::now() + *timeout) {
    lock.unlock();
    std::this_thread::sleep_for(*timeout);
    return ACL_ERROR_RT_STREAM_SYNC_TIMEOUT;
  }
  lock.unlock();
  std::this_thread::sleep_until(ready);
  lock.lock();
  while (!tasks_.empty()) {
    // It stays in the queue meanwhile, so that its memory counts as used.
    const Work work = tasks_.front().work;
    lock.unlock();
    const aclError code = work();
    lock.lock();
    tasks_.pop_front();
    if (code == ACL_SUCCESS) continue;
    tasks_.clear();
    return code;
  }
  return ACL_SUCCESS;
}

void Stream::Drop() {
  std::lock_guard<std::mutex> running(running_);
  std::lock_guard<std::mutex> lock(mutex_);
  tasks_.clear();
}

bool Stream::busy() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return !tasks_.empty();
}

std::optional<Site> Stream::User(const char* begin, const char* end) const {
  std::lock_guard<std::mutex> lock(mutex_);
  for (const Task& task : tasks_) {
    for (const void* used : task.uses) {
      const char* const address = static_cast<const char*>(used);
      if (address >= begin && address < end) return task.site;
    }
  }
  return std::nullopt;
}

}  // namespace lenet::ascend::sim

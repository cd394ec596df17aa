#include "cc/kernels/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace lenet::kernels {
namespace {

using Clock = std::chrono::steady_clock;

// The parts of a training step end less apart than this, where each thread has
// a core. Where not, to sleep costs a wake-up of some 20 us, and to spin a
// slice of what the other threads need. Yielding in between measured worse than
// both: with two busy processes on two cores a Run of 100 us took 310 us, and
// 235 so.
std::chrono::microseconds SpinTime(int threads) {
  const unsigned cores = std::thread::hardware_concurrency();
  return std::chrono::microseconds(
      threads > 1 && static_cast<unsigned>(threads) <= cores ? 100 : 0);
}

constexpr int kLooksBetweenTimes = 32;

// Tells the core that this is a loop that waits.
void Relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void ThreadPool::Counter::Add(uint32_t amount) {
  // Sequentially consistent, as in AwaitChange: either this sees the sleeper or
  // the sleeper sees the new value.
  value_.fetch_add(amount, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  { const std::lock_guard<std::mutex> lock(mutex_); }
  changed_.notify_all();
}

void ThreadPool::Counter::AwaitChange(uint32_t old) {
  const Clock::time_point end = Clock::now() + spin_;
  do {
    for (int i = 0; i < kLooksBetweenTimes; ++i) {
      if (Get() != old) return;
      Relax();
    }
  } while (Clock::now() < end);
  std::unique_lock<std::mutex> lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  changed_.wait(lock,
                [&] { return value_.load(std::memory_order_seq_cst) != old; });
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
}

ThreadPool::ThreadPool(int threads)
    : started_(SpinTime(threads)), done_(SpinTime(threads)) {
  const int workers = std::max(threads, 1) - 1;
  workers_.reserve(static_cast<size_t>(workers));
  try {
    for (int i = 0; i < workers; ++i) {
      workers_.emplace_back([this, i] { WorkerLoop(i + 1); });
    }
  } catch (const std::system_error&) {
    // The threads that there are do all tasks.
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  started_.Add(1);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int tasks, void (*task)(void* context, int index),
                     void* context) {
  work_ = {tasks, task, context};
  const uint32_t workers = static_cast<uint32_t>(workers_.size());
  const uint32_t all_done = done_.Get() + workers;
  started_.Add(1);
  RunTasksOf(0);
  for (uint32_t done = done_.Get(); done != all_done; done = done_.Get()) {
    done_.AwaitChange(done);
  }
}

void ThreadPool::RunTasksOf(int thread) const {
  for (int i = thread; i < work_.tasks; i += threads()) {
    work_.task(work_.context, i);
  }
}

void ThreadPool::WorkerLoop(int thread) {
  for (uint32_t seen = 0;; ++seen) {
    started_.AwaitChange(seen);
    if (stop_) return;
    RunTasksOf(thread);
    done_.Add(1);
  }
}

}  // namespace lenet::kernels

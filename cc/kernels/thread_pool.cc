#include "cc/kernels/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace lenet::kernels {
namespace {

using Clock = std::chrono::steady_clock;

// With one core per thread, the parts of a training step end within this time
// of each other. With fewer cores, polling would take time from the other
// threads, while sleeping costs a wake-up of about 20 us. Yielding measured
// worse than both: 310 us instead of 235 us for a run of 100 us with two busy
// processes on two cores.
std::chrono::microseconds SpinTime(int threads) {
  return std::chrono::microseconds(
      threads > 1 && threads <= ThreadCount(0) ? 100 : 0);
}

constexpr int kPollsPerClockRead = 32;

// Signals to the core that this is a wait loop.
void Relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

int ThreadCount(int requested) {
  if (requested > 0) return requested;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

void ThreadPool::Counter::Add(uint32_t amount) {
  // Sequentially consistent, as in AwaitChange: either this thread sees the
  // sleeper or the sleeper sees the new value.
  value_.fetch_add(amount, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  { const std::lock_guard<std::mutex> lock(mutex_); }
  changed_.notify_all();
}

void ThreadPool::Counter::AwaitChange(uint32_t old) {
  const Clock::time_point end = Clock::now() + spin_;
  do {
    for (int i = 0; i < kPollsPerClockRead; ++i) {
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
    : started_(SpinTime(threads)),
      done_(SpinTime(threads)),
      begun_(static_cast<size_t>(std::max(threads, 1))) {
  try {
    for (int i = 1; i < threads; ++i) {
      workers_.emplace_back([this, i] { WorkerLoop(i); });
    }
  } catch (const std::system_error&) {
    // The threads that were started run all tasks.
  }
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  started_.Add(1);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int tasks, void (*task)(void* context, int index),
                     void* context) {
  tasks_ = tasks;
  task_ = task;
  context_ = context;
  uint32_t all_done = done_.Get() + static_cast<uint32_t>(workers_.size());
  started_.Add(1);
  const uint32_t run = started_.Get();
  RunTasksOf(0);
  for (int thread = threads() - 1; thread > 0; --thread) {
    if (!Begin(thread, run)) continue;
    RunTasksOf(thread);
    --all_done;
  }
  for (uint32_t done = done_.Get(); done != all_done; done = done_.Get()) {
    done_.AwaitChange(done);
  }
}

bool ThreadPool::Begin(int thread, uint32_t run) {
  std::atomic<uint32_t>& begun = begun_[static_cast<size_t>(thread)].run;
  uint32_t last = begun.load(std::memory_order_relaxed);
  // A worker may come when later runs have begun. The numbers wrap around.
  return static_cast<int32_t>(run - last) > 0 &&
         begun.compare_exchange_strong(last, run);
}

void ThreadPool::RunTasksOf(int thread) const {
  for (int i = thread; i < tasks_; i += threads()) task_(context_, i);
}

void ThreadPool::WorkerLoop(int thread) {
  for (uint32_t run = 0;;) {
    started_.AwaitChange(run);
    run = started_.Get();
    if (stop_) return;
    if (!Begin(thread, run)) continue;
    RunTasksOf(thread);
    done_.Add(1);
  }
}

}  // namespace lenet::kernels

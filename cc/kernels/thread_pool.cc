#include "cc/kernels/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <system_error>

#include "cc/base/cores.h"

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
  return requested > 0 ? requested : AvailableCores();
}

void ThreadPool::Counter::Add(uint32_t amount) {
  // Sequentially consistent, as in AwaitChange: either this thread sees the
  // sleeper or the sleeper sees the new value.
  value_.fetch_add(amount, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) == 0) return;
  { const std::lock_guard<std::mutex> lock(mutex_); }
  changed_.notify_all();
}

uint32_t ThreadPool::Counter::AwaitChange(uint32_t old,
                                          std::chrono::microseconds spin) {
  const Clock::time_point end = Clock::now() + spin;
  int64_t polls = 0;
  uint32_t now = old;
  do {
    for (int i = 0; i < kPollsPerClockRead; ++i, ++polls) {
      now = Get();
      if (now != old) break;
      Relax();
    }
  } while (now == old && Clock::now() < end);
  polls_.fetch_add(polls, std::memory_order_relaxed);
  if (now != old) return now;
  sleeps_.fetch_add(1, std::memory_order_relaxed);
  std::unique_lock<std::mutex> lock(mutex_);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  changed_.wait(lock, [&] {
    now = value_.load(std::memory_order_seq_cst);
    return now != old;
  });
  sleepers_.fetch_sub(1, std::memory_order_relaxed);
  return now;
}

ThreadPool::ThreadPool(int threads)
    : spin_(SpinTime(threads)),
      members_(static_cast<size_t>(std::max(threads, 1))) {
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
  for (size_t i = 1; i < members_.size(); ++i) members_[i].calls.Add(1);
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int tasks,
                     void (*task)(void* context, int index, int thread),
                     void* context) {
  tasks_ = tasks;
  task_ = task;
  context_ = context;
  Counter& done_by_others = members_[0].calls;
  const uint32_t before = done_by_others.Get();
  // A thread that is late for the last run may claim a task from here on.
  unclaimed_.store(tasks, std::memory_order_release);
  const int called = std::min(tasks, threads());
  for (int i = 1; i < called; ++i) {
    members_[static_cast<size_t>(i)].calls.Add(1);
  }
  const uint32_t all_done =
      before + static_cast<uint32_t>(std::max(tasks, 0)) - RunTasks(0);
  for (uint32_t done = done_by_others.Get(); done != all_done;) {
    done = done_by_others.AwaitChange(done, spin_);
  }
}

uint32_t ThreadPool::RunTasks(int thread) {
  uint32_t done = 0;
  // Only a claimed task keeps the run from ending, so its members are read
  // after the claim.
  for (;; ++done) {
    const int left = unclaimed_.fetch_sub(1, std::memory_order_acq_rel);
    if (left <= 0) break;
    task_(context_, tasks_ - left, thread);
  }
  members_[static_cast<size_t>(thread)].tasks.fetch_add(
      done, std::memory_order_relaxed);
  return done;
}

void ThreadPool::WorkerLoop(int thread) {
  Counter& calls = members_[static_cast<size_t>(thread)].calls;
  for (uint32_t call = 0;;) {
    call = calls.AwaitChange(call, spin_);
    if (stop_) return;
    const uint32_t done = RunTasks(thread);
    if (done > 0) members_[0].calls.Add(done);
  }
}

ThreadPool::Counts ThreadPool::counts(int thread) const {
  const Member& member = members_[static_cast<size_t>(thread)];
  return {member.tasks.load(std::memory_order_relaxed),
          thread == 0 ? 0 : int64_t{member.calls.Get()}, member.calls.polls(),
          member.calls.sleeps()};
}

}  // namespace lenet::kernels

#ifndef CC_KERNELS_THREAD_POOL_H_
#define CC_KERNELS_THREAD_POOL_H_

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <vector>

namespace lenet::kernels {

// Runs numbered tasks on a fixed number of threads, the caller's among them.
//
// Made for many short Runs one after the other: a thread that waits looks for
// work for 100 us (not at all if there are more threads than cores), then
// sleeps. On two free cores a Run costs 0.2 us more than
// its tasks (OpenMP, measured beside it: 0.8), and starting and ending a pool
// of two 30 us. One Run at a time; it must not be called from a task.
class ThreadPool {
 public:
  // At least one thread; one means the caller's alone, and starts none. Fewer
  // if the system does not give as many.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(context, i) for each i in [0, tasks), task i on thread
  // i % threads() with the caller's as thread 0, and waits for all. What was
  // written before Run is seen by the tasks, and what they wrote after it.
  // Allocates nothing.
  void Run(int tasks, void (*task)(void* context, int index), void* context);

 private:
  // A number that only grows, written by some threads and awaited by others.
  class Counter {
   public:
    explicit Counter(std::chrono::microseconds spin) : spin_(spin) {}
    void Add(uint32_t amount);
    uint32_t Get() const { return value_.load(std::memory_order_acquire); }
    // Returns once the number is not `old`; sleeps if that takes longer than
    // `spin`.
    void AwaitChange(uint32_t old);

   private:
    const std::chrono::microseconds spin_;
    alignas(64) std::atomic<uint32_t> value_{0};
    alignas(64) std::atomic<uint32_t> sleepers_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
  };

  struct Work {
    int tasks = 0;
    void (*task)(void* context, int index) = nullptr;
    void* context = nullptr;
  };

  void WorkerLoop(int thread);
  void RunTasksOf(int thread) const;

  // Written between two runs, read by the workers within one.
  Work work_;
  bool stop_ = false;
  Counter started_;  // runs
  Counter done_;     // workers that ended their part of a run
  std::vector<std::thread> workers_;
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_THREAD_POOL_H_

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

// Returns `requested` if it is positive, otherwise one thread per core that
// this process may use.
int ThreadCount(int requested);

// Runs numbered tasks on a fixed number of threads, including the caller's.
//
// Made for many short runs in a row: an idle thread polls for work for 100 us
// (not at all with more threads than cores), then sleeps. With two free cores a
// run costs 0.2 us more than its tasks (OpenMP: 0.8 us). One Run at a time; a
// task must not call it.
class ThreadPool {
 public:
  // Starts threads - 1 threads, or fewer if the system has no more.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(context, i) for each i in [0, tasks), task i on thread
  // i % threads(), and waits for all. Thread 0 is the caller's, which then also
  // does the tasks of the threads that have not begun, because another program
  // may keep them from a core for 10 ms. Memory written before Run is visible
  // to the tasks, and theirs after Run. Allocates no memory.
  void Run(int tasks, void (*task)(void* context, int index), void* context);

  // The same with a callable: function(i).
  template <typename Function>
  void Run(int tasks, Function function) {
    Run(
        tasks,
        [](void* context, int index) {
          (*static_cast<Function*>(context))(index);
        },
        &function);
  }

 private:
  // An increasing number that some threads write and others wait for.
  class Counter {
   public:
    explicit Counter(std::chrono::microseconds spin) : spin_(spin) {}
    void Add(uint32_t amount);
    uint32_t Get() const { return value_.load(std::memory_order_acquire); }
    // Waits until the number is not `old`: polls for `spin`, then sleeps.
    void AwaitChange(uint32_t old);

   private:
    const std::chrono::microseconds spin_;
    alignas(64) std::atomic<uint32_t> value_{0};
    alignas(64) std::atomic<uint32_t> sleepers_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
  };

  // The last run whose tasks of a thread have been begun.
  struct alignas(64) Begun {
    std::atomic<uint32_t> run{0};
  };

  void WorkerLoop(int thread);
  // Returns whether the caller is the one to do a thread's tasks of a run.
  bool Begin(int thread, uint32_t run);
  void RunTasksOf(int thread) const;

  // The current run. Written between runs, read by the workers that have begun
  // their tasks of it.
  int tasks_ = 0;
  void (*task_)(void* context, int index) = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> stop_{false};

  Counter started_;  // runs
  Counter done_;     // times that a worker completed its tasks of a run
  std::vector<Begun> begun_;  // per thread
  std::vector<std::thread> workers_;
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_THREAD_POOL_H_

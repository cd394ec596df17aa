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
  // Counts of one thread since its start, for tests and benchmarks.
  struct Counts {
    int64_t tasks = 0;
    int64_t calls = 0;   // runs that it was called to; the caller: 0
    int64_t polls = 0;   // while it waited: for a call; the caller: for others
    int64_t sleeps = 0;  // waits that outlasted the polling
  };

  // Starts threads - 1 threads, or fewer if the system has no more.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls task(context, i, thread) for each i in [0, tasks) and waits for all.
  // A thread that is free claims the next task, so a thread that another
  // program delays does fewer. `thread`, in [0, threads()), is the number of
  // the thread that has claimed it; 0 is the caller's. At most tasks - 1
  // threads are called. Memory written before Run is visible to the tasks, and
  // theirs after Run. Allocates no memory.
  void Run(int tasks, void (*task)(void* context, int index, int thread),
           void* context);

  // The same with a callable: function(i, thread).
  template <typename Function>
  void Run(int tasks, Function function) {
    Run(
        tasks,
        [](void* context, int index, int thread) {
          (*static_cast<Function*>(context))(index, thread);
        },
        &function);
  }

  // Returns the counts of a thread. Not during Run.
  Counts counts(int thread) const;

 private:
  // An increasing number that some threads write and one waits for.
  class Counter {
   public:
    void Add(uint32_t amount);
    uint32_t Get() const { return value_.load(std::memory_order_acquire); }
    // Waits until the number is not `old` and returns it: polls for `spin`,
    // then sleeps.
    uint32_t AwaitChange(uint32_t old, std::chrono::microseconds spin);

    int64_t polls() const { return polls_.load(std::memory_order_relaxed); }
    int64_t sleeps() const { return sleeps_.load(std::memory_order_relaxed); }

   private:
    alignas(64) std::atomic<uint32_t> value_{0};
    alignas(64) std::atomic<uint32_t> sleepers_{0};
    std::atomic<int64_t> polls_{0};
    std::atomic<int64_t> sleeps_{0};
    std::mutex mutex_;
    std::condition_variable changed_;
  };

  // Memory of one thread, in cache lines of its own.
  struct alignas(64) Member {
    Counter calls;  // the caller's: tasks that others have completed
    std::atomic<int64_t> tasks{0};
  };

  void WorkerLoop(int thread);
  // Claims and runs tasks until none is left; returns their number.
  uint32_t RunTasks(int thread);

  const std::chrono::microseconds spin_;

  // The current run. Written between runs, read by threads that have claimed
  // one of its tasks.
  int tasks_ = 0;
  void (*task_)(void* context, int index, int thread) = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> stop_{false};

  alignas(64) std::atomic<int> unclaimed_{0};  // tasks; none if not positive
  std::vector<Member> members_;                // per thread
  std::vector<std::thread> workers_;
};

}  // namespace lenet::kernels

#endif  // CC_KERNELS_THREAD_POOL_H_

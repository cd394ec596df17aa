#include "cc/kernels/thread_pool.h"

#include <gtest/gtest.h>

#include <chrono>
#include <thread>
#include <vector>

namespace lenet::kernels {
namespace {

// A thread that has nothing to do sleeps by then.
constexpr auto kLong = std::chrono::milliseconds(3);

struct Calls {
  std::vector<int> counts;
  std::vector<std::thread::id> threads;
};

void Record(void* context, int index) {
  Calls& calls = *static_cast<Calls*>(context);
  ++calls.counts[static_cast<size_t>(index)];
  calls.threads[static_cast<size_t>(index)] = std::this_thread::get_id();
}

TEST(ThreadPoolTest, EachTaskOnceOnItsThread) {
  for (const int threads : {1, 2, 3, 4, 7}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), threads);
    for (const int tasks : {0, 1, 2, 3, 5, 8, 100}) {
      const size_t size = static_cast<size_t>(tasks);
      Calls calls = {std::vector<int>(size),
                     std::vector<std::thread::id>(size)};
      pool.Run(tasks, &Record, &calls);
      EXPECT_EQ(calls.counts, std::vector<int>(size, 1));
      for (size_t i = 0; i < size; ++i) {
        const size_t thread = i % static_cast<size_t>(threads);
        EXPECT_EQ(calls.threads[i], calls.threads[thread]);
        if (thread == 0) {
          EXPECT_EQ(calls.threads[i], std::this_thread::get_id());
        }
      }
    }
  }
}

TEST(ThreadPoolTest, OneThreadAtLeast) {
  for (const int threads : {0, -3}) {
    ThreadPool pool(threads);
    EXPECT_EQ(pool.threads(), 1);
    Calls calls = {std::vector<int>(5), std::vector<std::thread::id>(5)};
    pool.Run(5, &Record, &calls);
    EXPECT_EQ(calls.counts, std::vector<int>(5, 1));
  }
}

// Each task adds what its neighbour wrote in the run before: wrong if a run
// begins before all of the last has ended.
TEST(ThreadPoolTest, RunsDoNotOverlap) {
  struct Ring {
    std::vector<int> now;
    std::vector<int> next;
  };
  constexpr size_t kTasks = 9;
  constexpr int kRuns = 2000;
  ThreadPool pool(4);
  Ring ring = {std::vector<int>(kTasks, 0), std::vector<int>(kTasks, 0)};
  for (int run = 0; run < kRuns; ++run) {
    pool.Run(
        kTasks,
        [](void* context, int index) {
          Ring& r = *static_cast<Ring*>(context);
          const size_t at = static_cast<size_t>(index);
          r.next[at] = r.now[(at + 1) % kTasks] + 1;
        },
        &ring);
    ring.now.swap(ring.next);
  }
  EXPECT_EQ(ring.now, std::vector<int>(kTasks, kRuns));
}

// Tasks and pauses long enough for every thread to fall asleep.
TEST(ThreadPoolTest, SleepersWakeUp) {
  ThreadPool pool(3);
  for (int run = 0; run < 5; ++run) {
    std::this_thread::sleep_for(kLong);
    std::vector<int> done(6);
    pool.Run(
        6,
        [](void* context, int index) {
          if (index == 1) std::this_thread::sleep_for(kLong);
          (*static_cast<std::vector<int>*>(
              context))[static_cast<size_t>(index)] = 1;
        },
        &done);
    EXPECT_EQ(done, std::vector<int>(6, 1));
  }
}

}  // namespace
}  // namespace lenet::kernels

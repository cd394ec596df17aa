#include "cc/kernels/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <vector>

namespace lenet::kernels {
namespace {

// An idle thread sleeps after this time.
constexpr auto kLong = std::chrono::milliseconds(3);

TEST(ThreadCountTest, ZeroMeansTheCores) {
  EXPECT_EQ(ThreadCount(3), 3);
  EXPECT_GE(ThreadCount(0), 1);
  EXPECT_EQ(ThreadCount(-1), ThreadCount(0));
}

TEST(ThreadPoolTest, EachTaskRunsOnceOnItsThread) {
  for (const int threads : {-3, 0, 1, 2, 3, 4, 7}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), std::max(threads, 1));
    for (const int tasks : {0, 1, 2, 3, 5, 8, 100}) {
      const size_t size = static_cast<size_t>(tasks);
      std::vector<int> counts(size);
      std::vector<std::thread::id> ids(size);
      pool.Run(tasks, [&](int index) {
        ++counts[static_cast<size_t>(index)];
        ids[static_cast<size_t>(index)] = std::this_thread::get_id();
      });
      EXPECT_EQ(counts, std::vector<int>(size, 1));
      for (size_t i = 0; i < size; ++i) {
        const size_t thread = i % static_cast<size_t>(pool.threads());
        EXPECT_EQ(ids[i], ids[thread]);
        if (thread == 0) {
          EXPECT_EQ(ids[i], std::this_thread::get_id());
        }
      }
    }
  }
}

// Each task adds to what its neighbour wrote in the run before, which fails if
// a run begins before the last one has ended.
TEST(ThreadPoolTest, RunsDoNotOverlap) {
  constexpr size_t kTasks = 9;
  constexpr int kRuns = 2000;
  ThreadPool pool(4);
  std::vector<int> now(kTasks, 0);
  std::vector<int> next(kTasks, 0);
  for (int run = 0; run < kRuns; ++run) {
    pool.Run(kTasks, [&](int index) {
      const size_t at = static_cast<size_t>(index);
      next[at] = now[(at + 1) % kTasks] + 1;
    });
    now.swap(next);
  }
  EXPECT_EQ(now, std::vector<int>(kTasks, kRuns));
}

// Tasks and pauses are long enough for every thread to fall asleep.
TEST(ThreadPoolTest, SleepersWakeUp) {
  ThreadPool pool(3);
  for (int run = 0; run < 5; ++run) {
    std::this_thread::sleep_for(kLong);
    std::vector<int> done(6);
    pool.Run(6, [&](int index) {
      if (index == 1) std::this_thread::sleep_for(kLong);
      done[static_cast<size_t>(index)] = 1;
    });
    EXPECT_EQ(done, std::vector<int>(6, 1));
  }
}

// With more threads than cores, the caller is soon the first to come to a task.
TEST(ThreadPoolTest, TheCallerDoesTheTasksOfThreadsThatHaveNotBegun) {
  constexpr int kThreads = 16;
  ThreadPool pool(kThreads);
  int runs = 0;
  int by_caller = 0;
  for (; by_caller == runs && runs < 10000; ++runs) {
    pool.Run(kThreads, [&, caller = std::this_thread::get_id()](int) {
      if (std::this_thread::get_id() == caller) ++by_caller;
    });
  }
  EXPECT_GT(by_caller, runs);
}

}  // namespace
}  // namespace lenet::kernels

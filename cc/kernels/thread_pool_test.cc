#include "cc/kernels/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
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

TEST(ThreadPoolTest, EachTaskRunsOnceOnTheThreadThatClaimedIt) {
  for (const int threads : {-3, 0, 1, 2, 3, 4, 7}) {
    ThreadPool pool(threads);
    ASSERT_EQ(pool.threads(), std::max(threads, 1));
    std::vector<std::thread::id> ids(static_cast<size_t>(pool.threads()));
    ids[0] = std::this_thread::get_id();
    int64_t all = 0;
    for (const int tasks : {-1, 0, 1, 2, 3, 5, 8, 100}) {
      std::vector<int> counts(static_cast<size_t>(std::max(tasks, 0)));
      pool.Run(tasks, [&](int index, int thread) {
        ++counts[static_cast<size_t>(index)];
        std::thread::id& id = ids[static_cast<size_t>(thread)];
        if (id == std::thread::id()) id = std::this_thread::get_id();
        EXPECT_EQ(id, std::this_thread::get_id());
      });
      EXPECT_EQ(counts, std::vector<int>(counts.size(), 1));
      all += std::max(tasks, 0);
    }
    int64_t counted = 0;
    for (int i = 0; i < pool.threads(); ++i) counted += pool.counts(i).tasks;
    EXPECT_EQ(counted, all);
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
    pool.Run(kTasks, [&](int index, int) {
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
    pool.Run(6, [&](int index, int) {
      if (index == 1) std::this_thread::sleep_for(kLong);
      done[static_cast<size_t>(index)] = 1;
    });
    EXPECT_EQ(done, std::vector<int>(6, 1));
  }
  // On a busy machine, it may not have had a core in the pauses.
  while (pool.counts(1).sleeps == 0) std::this_thread::yield();
}

TEST(ThreadPoolTest, OnlyThreadsWithWorkAreCalled) {
  constexpr int kRuns = 100;
  ThreadPool pool(16);
  for (int run = 0; run < kRuns; ++run) pool.Run(3, [](int, int) {});
  for (int i = 1; i < pool.threads(); ++i) {
    EXPECT_EQ(pool.counts(i).calls, i < 3 ? kRuns : 0);
    if (i >= 3) {
      EXPECT_EQ(pool.counts(i).tasks, 0);
    }
  }
}

// More threads than cores: polling would take time from those that work. A
// thread that waits looks at the clock once before it sleeps.
TEST(ThreadPoolTest, ThreadsWithoutACoreDoNotPoll) {
  const int threads = ThreadCount(0) + 3;
  ThreadPool pool(threads);
  pool.Run(threads, [](int, int) {});
  for (int i = 1; i < threads; ++i) {
    while (pool.counts(i).sleeps == 0) std::this_thread::yield();
    const ThreadPool::Counts counts = pool.counts(i);
    EXPECT_LE(counts.polls, 32 * (counts.calls + 1)) << i;
  }
}

// The first task holds its thread until the others have done the rest.
TEST(ThreadPoolTest, FreeThreadsDoTheTasksOfADelayedOne) {
  constexpr int kTasks = 50;
  ThreadPool pool(2);
  std::atomic<int> done{0};
  std::atomic<int> delayed{-1};
  std::atomic<int> by_delayed{0};
  pool.Run(kTasks, [&](int index, int thread) {
    if (index == 0) {
      delayed = thread;
      while (done < kTasks - 1) std::this_thread::yield();
    } else if (thread == delayed) {
      ++by_delayed;
    }
    ++done;
  });
  EXPECT_EQ(by_delayed, 0);
}

}  // namespace
}  // namespace lenet::kernels

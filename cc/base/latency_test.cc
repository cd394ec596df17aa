#include "cc/base/latency.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace lenet {
namespace {

TEST(LatencyRecorderTest, EmptyIsAllZero) {
  const LatencyRecorder::Summary summary = LatencyRecorder().Summarize();
  EXPECT_EQ(summary.count, 0u);
  EXPECT_EQ(summary.mean_ms, 0);
  EXPECT_EQ(summary.max_ms, 0);
}

TEST(LatencyRecorderTest, NearestRankOfAnyOrder) {
  LatencyRecorder recorder;
  for (int64_t ms = 200; ms >= 1; --ms) recorder.Add(ms * 1'000'000);
  const LatencyRecorder::Summary summary = recorder.Summarize();
  EXPECT_EQ(summary.count, 200u);
  EXPECT_DOUBLE_EQ(summary.mean_ms, 100.5);
  EXPECT_DOUBLE_EQ(summary.p50_ms, 100);
  EXPECT_DOUBLE_EQ(summary.p90_ms, 180);
  EXPECT_DOUBLE_EQ(summary.p99_ms, 198);
  EXPECT_DOUBLE_EQ(summary.max_ms, 200);
}

TEST(LatencyRecorderTest, RanksAreRoundedUp) {
  LatencyRecorder recorder;
  for (const int64_t ms : {3, 1, 2, 7, 6, 5, 4}) recorder.Add(ms * 1'000'000);
  const LatencyRecorder::Summary summary = recorder.Summarize();
  EXPECT_DOUBLE_EQ(summary.p50_ms, 4);  // rank 3.5 -> 4
  EXPECT_DOUBLE_EQ(summary.p90_ms, 7);  // rank 6.3 -> 7
}

}  // namespace
}  // namespace lenet

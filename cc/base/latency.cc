#include "cc/base/latency.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <vector>

namespace lenet {
namespace {

constexpr double kNanosecondsPerMillisecond = 1e6;

double ToMilliseconds(int64_t nanoseconds) {
  return static_cast<double>(nanoseconds) / kNanosecondsPerMillisecond;
}

// `sorted` is not empty; 0 < percent <= 100.
int64_t NearestRank(const std::vector<int64_t>& sorted, size_t percent) {
  const size_t rank = (sorted.size() * percent + 99) / 100;  // 1-based
  return sorted[rank - 1];
}

}  // namespace

LatencyRecorder::Summary LatencyRecorder::Summarize() const {
  Summary summary;
  if (nanoseconds_.empty()) return summary;

  std::vector<int64_t> sorted = nanoseconds_;
  std::sort(sorted.begin(), sorted.end());
  // In double: the sum of many long durations is not exact, but never
  // overflows.
  const double total = std::accumulate(
      sorted.begin(), sorted.end(), 0.0, [](double sum, int64_t nanoseconds) {
        return sum + static_cast<double>(nanoseconds);
      });
  summary.count = sorted.size();
  summary.mean_ms =
      total / static_cast<double>(sorted.size()) / kNanosecondsPerMillisecond;
  summary.p50_ms = ToMilliseconds(NearestRank(sorted, 50));
  summary.p90_ms = ToMilliseconds(NearestRank(sorted, 90));
  summary.p99_ms = ToMilliseconds(NearestRank(sorted, 99));
  summary.max_ms = ToMilliseconds(sorted.back());
  return summary;
}

}  // namespace lenet

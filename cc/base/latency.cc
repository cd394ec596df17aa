#include "cc/base/latency.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace lenet {

LatencyRecorder::Summary LatencyRecorder::Summarize() const {
  Summary summary;
  if (nanoseconds_.empty()) return summary;

  std::vector<double> ms;
  for (const int64_t duration : nanoseconds_) {
    ms.push_back(static_cast<double>(duration) / 1e6);
  }
  std::sort(ms.begin(), ms.end());
  const auto percentile = [&](size_t percent) {
    return ms[(ms.size() * percent + 99) / 100 - 1];
  };
  summary.count = ms.size();
  summary.mean_ms = std::accumulate(ms.begin(), ms.end(), 0.0) /
                    static_cast<double>(ms.size());
  summary.p50_ms = percentile(50);
  summary.p90_ms = percentile(90);
  summary.p99_ms = percentile(99);
  summary.max_ms = ms.back();
  return summary;
}

}  // namespace lenet

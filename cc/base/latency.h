#ifndef CC_BASE_LATENCY_H_
#define CC_BASE_LATENCY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lenet {

// Collects durations and summarises them. Keeps every one (8 bytes each), so
// percentiles are exact. Not thread-safe.
class LatencyRecorder {
 public:
  // All zero when nothing was recorded. Percentiles are by nearest rank: p90 is
  // the smallest recorded value that at least 90 % of the values do not exceed,
  // so it is always a value that occurred.
  struct Summary {
    size_t count = 0;
    double mean_ms = 0;
    double p50_ms = 0;
    double p90_ms = 0;
    double p99_ms = 0;
    double max_ms = 0;
  };

  // Records one duration, measured by a monotonic clock
  // (std::chrono::steady_clock). Amortised O(1).
  void Add(int64_t nanoseconds) { nanoseconds_.push_back(nanoseconds); }

  // Sorts a copy: O(n log n).
  Summary Summarize() const;

 private:
  std::vector<int64_t> nanoseconds_;
};

}  // namespace lenet

#endif  // CC_BASE_LATENCY_H_

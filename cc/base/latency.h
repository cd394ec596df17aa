#ifndef CC_BASE_LATENCY_H_
#define CC_BASE_LATENCY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace lenet {

// Collects durations and summarises them. Keeps all of them (8 bytes each), so
// percentiles are exact. Not thread-safe.
class LatencyRecorder {
 public:
  // All zero if nothing was recorded. Percentiles are nearest-rank: p90 is the
  // smallest recorded value that is not below 90 % of the values.
  struct Summary {
    size_t count = 0;
    double mean_ms = 0;
    double p50_ms = 0;
    double p90_ms = 0;
    double p99_ms = 0;
    double max_ms = 0;
  };

  void Add(int64_t nanoseconds) { nanoseconds_.push_back(nanoseconds); }
  Summary Summarize() const;

 private:
  std::vector<int64_t> nanoseconds_;
};

}  // namespace lenet

#endif  // CC_BASE_LATENCY_H_

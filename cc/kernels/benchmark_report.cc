#include "cc/kernels/benchmark_report.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

#include "cc/kernels/targets.h"
#include "cc/kernels/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/benchmark_report.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "cc/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

// Returns the number of operations. `result` keeps the compiler from removing
// them.
double MultiplyAndAdd(size_t rounds, float* result) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.999f);
  const auto term = hn::Set(d, 0.001f);
  // Independent sums occupy two units with a latency of five cycles.
  constexpr size_t kSums = 12;
  hn::Vec<decltype(d)> sums[kSums][1];
  ForEachInTile(sums, [&](size_t i, size_t, auto& sum) HWY_ATTR {
    sum = hn::Iota(d, static_cast<float>(i));
  });
  for (size_t i = 0; i < rounds; ++i) {
    ForEachInTile(sums, [&](size_t, size_t, auto& sum)
                            HWY_ATTR { sum = hn::MulAdd(sum, factor, term); });
  }
  auto total = hn::Zero(d);
  ForEachInTile(sums, [&](size_t, size_t, auto sum)
                          HWY_ATTR { total = hn::Add(total, sum); });
  *result = hn::GetLane(hn::SumOfLanes(d, total));
  return 2.0 * static_cast<double>(rounds * kSums * hn::Lanes(d));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {
namespace {

HWY_EXPORT(MultiplyAndAdd);

// Returns operations per second of one core.
double MeasurePeak() {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 500;  // the best counts, as others may use the core
  double peak = 0.0;
  for (int run = 0; run < kRuns; ++run) {
    float result = 0.0f;
    const Clock::time_point start = Clock::now();
    const double operations =
        HWY_DYNAMIC_DISPATCH(MultiplyAndAdd)(2000, &result);
    benchmark::DoNotOptimize(result);
    const std::chrono::duration<double> seconds = Clock::now() - start;
    peak = std::max(peak, operations / seconds.count());
  }
  return peak;
}

}  // namespace

std::vector<int64_t> BenchmarkThreads() {
  std::vector<int64_t> threads;
  const int cores = ThreadCount(0);
  for (int n = 1; n < cores; n *= 2) threads.push_back(n);
  threads.push_back(cores);
  return threads;
}

void ReportOperations(double operations, int threads, benchmark::State* state) {
  const double all = operations * static_cast<double>(state->iterations());
  state->counters["FLOP/s"] =
      benchmark::Counter(all, benchmark::Counter::kIsRate);
  state->counters["share_of_peak"] = benchmark::Counter(
      all / (threads * MeasurePeak()), benchmark::Counter::kIsRate);
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

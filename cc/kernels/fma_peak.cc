#include "cc/kernels/fma_peak.h"

#include <algorithm>
#include <chrono>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/fma_peak.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Enough independent sums for two units that take five cycles.
constexpr size_t kSums = 12;

// Returns the number of operations; `result` keeps them from being left out.
double MultiplyAndAdd(size_t rounds, float* result) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.999F);
  const auto term = hn::Set(d, 0.001F);
  auto s0 = hn::Iota(d, 0.0F), s1 = hn::Iota(d, 1.0F), s2 = hn::Iota(d, 2.0F);
  auto s3 = hn::Iota(d, 3.0F), s4 = hn::Iota(d, 4.0F), s5 = hn::Iota(d, 5.0F);
  auto s6 = hn::Iota(d, 6.0F), s7 = hn::Iota(d, 7.0F), s8 = hn::Iota(d, 8.0F);
  auto s9 = hn::Iota(d, 9.0F), s10 = s0, s11 = s1;
  for (size_t i = 0; i < rounds; ++i) {
    s0 = hn::MulAdd(s0, factor, term);
    s1 = hn::MulAdd(s1, factor, term);
    s2 = hn::MulAdd(s2, factor, term);
    s3 = hn::MulAdd(s3, factor, term);
    s4 = hn::MulAdd(s4, factor, term);
    s5 = hn::MulAdd(s5, factor, term);
    s6 = hn::MulAdd(s6, factor, term);
    s7 = hn::MulAdd(s7, factor, term);
    s8 = hn::MulAdd(s8, factor, term);
    s9 = hn::MulAdd(s9, factor, term);
    s10 = hn::MulAdd(s10, term, factor);
    s11 = hn::MulAdd(s11, term, factor);
  }
  s0 = hn::Add(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)), hn::Add(s4, s5));
  s6 = hn::Add(hn::Add(hn::Add(s6, s7), hn::Add(s8, s9)), hn::Add(s10, s11));
  *result = hn::GetLane(hn::SumOfLanes(d, hn::Add(s0, s6)));
  return 2.0 * static_cast<double>(rounds * kSums * hn::Lanes(d));
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {

HWY_EXPORT(MultiplyAndAdd);

double MeasureFmaPeak() {
  using Clock = std::chrono::steady_clock;
  constexpr int kRuns = 500;  // the best of them, as others may use the core
  constexpr size_t kRounds = 2000;
  double peak = 0.0;
  for (int run = 0; run < kRuns; ++run) {
    float result = 0.0F;
    const Clock::time_point start = Clock::now();
    const double operations =
        HWY_DYNAMIC_DISPATCH(MultiplyAndAdd)(kRounds, &result);
    const volatile float used = result;
    static_cast<void>(used);
    const std::chrono::duration<double> seconds = Clock::now() - start;
    peak = std::max(peak, operations / seconds.count());
  }
  return peak;
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

#include "cc/kernels/benchmark_report.h"

#include "cc/kernels/fma_peak.h"

namespace lenet::kernels {

void ReportOperations(double operations, int threads, benchmark::State* state) {
  const double all = operations * static_cast<double>(state->iterations());
  state->counters["FLOP/s"] =
      benchmark::Counter(all, benchmark::Counter::kIsRate);
  state->counters["share_of_peak"] = benchmark::Counter(
      all / (threads * MeasureFmaPeak()), benchmark::Counter::kIsRate);
}

}  // namespace lenet::kernels

#ifndef CC_KERNELS_BENCHMARK_REPORT_H_
#define CC_KERNELS_BENCHMARK_REPORT_H_

#include <benchmark/benchmark.h>

namespace lenet::kernels {

// Adds to a benchmark whose iteration takes `operations` multiplications and
// additions: "FLOP/s", and "share_of_peak" of that many threads of this CPU
// (MeasureFmaPeak, measured in the same process).
void ReportOperations(double operations, int threads, benchmark::State* state);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_BENCHMARK_REPORT_H_

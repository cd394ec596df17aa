#ifndef CC_KERNELS_BENCHMARK_REPORT_H_
#define CC_KERNELS_BENCHMARK_REPORT_H_

#include <benchmark/benchmark.h>

#include <cstdint>
#include <vector>

namespace lenet::kernels {

// Returns the numbers of threads to measure: 1, 2, 4, ... and all cores.
std::vector<int64_t> BenchmarkThreads();

// Adds two counters to a benchmark with `operations` multiplications and
// additions per iteration: "FLOP/s", and "share_of_peak" of `threads` cores.
// The peak is the float32 multiply-add rate of registers, measured now.
void ReportOperations(double operations, int threads, benchmark::State* state);

}  // namespace lenet::kernels

#endif  // CC_KERNELS_BENCHMARK_REPORT_H_

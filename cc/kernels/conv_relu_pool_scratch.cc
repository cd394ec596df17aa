#include "cc/kernels/conv_relu_pool_scratch.h"

#include <cstddef>
#include <cstdint>
#include <new>

#include "cc/kernels/conv_relu_pool_sizes.h"

namespace lenet::kernels {

ConvReluPoolScratch::ConvReluPoolScratch(const ConvReluPoolSizes& s,
                                         size_t row_size, float* memory)
    : size(kScratchAlignment) {
  float* next = memory;
  const uintptr_t bytes = kScratchAlignment * sizeof(float);
  const uintptr_t over = reinterpret_cast<uintptr_t>(memory) % bytes;
  if (over != 0) next += (bytes - over) / sizeof(float);
  const auto floats = [&](size_t n) {
    float* part = next;
    n = RoundUp(n, kScratchAlignment) + kScratchAlignment;
    size += n;
    if (memory != nullptr) next += n;
    return part;
  };
  const auto integers = [&](size_t n) -> int32_t* {
    float* part = floats(n);
    if (memory == nullptr) return nullptr;
    return new (part) int32_t[n + kScratchAlignment];
  };
  const size_t items = s.out_channels * s.windows();
  x = floats(s.pixels() * s.in_channels);
  dx = floats(s.pixels() * s.in_channels);
  dw = floats(s.out_channels * kConvKernel * row_size);
  weights = floats((s.out_channels * (kConvKernel + 1) + 1) * row_size);
  taps = floats(s.taps());
  gradients =
      floats((s.in_height - kConvKernel + 1) * (s.in_width - kConvKernel + 1));
  values = floats(items);
  dx_values = floats(2 * items);
  places = integers(items);
  dx_rows = integers(2 * items);
  counts = integers(s.out_channels);
  dx_counts = integers(2 * s.windows());
  offsets = integers(4 * s.windows());
}

}  // namespace lenet::kernels

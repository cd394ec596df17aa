#include "cc/kernels/elementwise.h"

#include <cmath>

#include "cc/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/elementwise.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "cc/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

void ReluTarget(size_t count, const float* x, float* y) {
  ForEachVector(count, [&](auto d, size_t i) HWY_ATTR {
    hn::StoreU(Rectify(d, hn::LoadU(d, x + i)), d, y + i);
  });
}

void AddTarget(size_t count, const float* a, const float* b, bool relu,
               float* y) {
  ForEachVector(count, [&](auto d, size_t i) HWY_ATTR {
    const auto sum = hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i));
    hn::StoreU(relu ? Rectify(d, sum) : sum, d, y + i);
  });
}

void AddScalarTarget(size_t count, const float* a, float b, bool relu,
                     float* y) {
  ForEachVector(count, [&](auto d, size_t i) HWY_ATTR {
    const auto sum = hn::Add(hn::LoadU(d, a + i), hn::Set(d, b));
    hn::StoreU(relu ? Rectify(d, sum) : sum, d, y + i);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {

HWY_EXPORT(ReluTarget);
HWY_EXPORT(AddTarget);
HWY_EXPORT(AddScalarTarget);

void Relu(size_t count, const float* x, float* y) {
  HWY_DYNAMIC_DISPATCH(ReluTarget)(count, x, y);
}

void Add(size_t count, const float* a, const float* b, bool relu, float* y) {
  HWY_DYNAMIC_DISPATCH(AddTarget)(count, a, b, relu, y);
}

void AddScalar(size_t count, const float* a, float b, bool relu, float* y) {
  HWY_DYNAMIC_DISPATCH(AddScalarTarget)(count, a, b, relu, y);
}

void Softmax(size_t outer, size_t axis, size_t inner, bool log, const float* x,
             float* y) {
  for (size_t o = 0; o < outer; ++o) {
    for (size_t i = 0; i < inner; ++i) {
      const float* const from = x + o * axis * inner + i;
      float* const to = y + o * axis * inner + i;
      float maximum = from[0];
      for (size_t a = 1; a < axis; ++a) {
        maximum = std::fmax(maximum, from[a * inner]);
      }
      float sum = 0.0f;
      for (size_t a = 0; a < axis; ++a) {
        const float shifted = from[a * inner] - maximum;
        const float power = std::exp(shifted);
        to[a * inner] = log ? shifted : power;
        sum += power;
      }
      const float log_sum = std::log(sum);
      for (size_t a = 0; a < axis; ++a) {
        to[a * inner] = log ? to[a * inner] - log_sum : to[a * inner] / sum;
      }
    }
  }
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

#include "cc/kernels/momentum.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/momentum.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

struct Arrays {
  size_t size;
  const float* gradients;
  int parts;
  float* parameters;
  float* accumulators;
};

template <class D>
HWY_INLINE void StepAt(D d, const Momentum& optimizer, const Arrays& arrays,
                       size_t at) {
  auto gradient = hn::LoadU(d, arrays.gradients + at);
  const float* next = arrays.gradients + at;
  for (int part = 1; part < arrays.parts; ++part) {
    next += arrays.size;
    gradient = hn::Add(gradient, hn::LoadU(d, next));
  }
  const auto accumulator =
      hn::MulAdd(hn::Set(d, optimizer.momentum),
                 hn::LoadU(d, arrays.accumulators + at), gradient);
  hn::StoreU(accumulator, d, arrays.accumulators + at);
  const auto parameter =
      hn::NegMulAdd(hn::Set(d, optimizer.learning_rate), accumulator,
                    hn::LoadU(d, arrays.parameters + at));
  hn::StoreU(parameter, d, arrays.parameters + at);
}

void Step(const Momentum& optimizer, size_t size, const float* gradients,
          int parts, float* parameters, float* accumulators) {
  const Arrays arrays = {size, gradients, parts, parameters, accumulators};
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  size_t at = 0;
  for (; at + lanes <= arrays.size; at += lanes) {
    StepAt(d, optimizer, arrays, at);
  }
  for (; at < arrays.size; ++at) {
    StepAt(hn::CappedTag<float, 1>(), optimizer, arrays, at);
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {

HWY_EXPORT(Step);

void MomentumStep(const Momentum& optimizer, size_t size,
                  const float* gradients, int parts, float* parameters,
                  float* accumulators) {
  HWY_DYNAMIC_DISPATCH(Step)
  (optimizer, size, gradients, parts, parameters, accumulators);
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

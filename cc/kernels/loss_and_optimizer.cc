#include "cc/kernels/loss_and_optimizer.h"

#include <algorithm>
#include <cmath>

#include "cc/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/loss_and_optimizer.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "cc/kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

void Step(const Momentum& optimizer, size_t size, const float* gradients,
          float* parameters, float* accumulators) {
  ForEachVector(size, [&](auto d, size_t i) HWY_ATTR {
    const auto accumulator =
        hn::MulAdd(hn::Set(d, optimizer.momentum),
                   hn::LoadU(d, accumulators + i), hn::LoadU(d, gradients + i));
    hn::StoreU(accumulator, d, accumulators + i);
    const auto parameter =
        hn::NegMulAdd(hn::Set(d, optimizer.learning_rate), accumulator,
                      hn::LoadU(d, parameters + i));
    hn::StoreU(parameter, d, parameters + i);
  });
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {
namespace {

HWY_EXPORT(Step);

// With m the largest logit and r the sum of exp(logit - m) over the other
// classes: loss = m - logit[label] + log(1 + r), and the gradient of a class is
// exp(logit - m) / (1 + r). The label's is this less 1, computed as -(terms of
// the other classes) / (1 + r), because the difference would lose digits.
// Double precision, because float32 would round logit - m.
float Row(int classes, const float* logits, int32_t label, float divisor,
          float* gradients) {
  const float* const largest = std::max_element(logits, logits + classes);
  const double m = *largest;
  double rest = 0.0;
  for (int c = 0; c < classes; ++c) {
    const double term = std::exp(logits[c] - m);
    gradients[c] = static_cast<float>(term);
    if (logits + c != largest) rest += term;
  }
  const double others =
      logits + label == largest ? rest : 1.0 + rest - gradients[label];
  const double scale = 1.0 / ((1.0 + rest) * divisor);
  for (int c = 0; c < classes; ++c) {
    gradients[c] = static_cast<float>(gradients[c] * scale);
  }
  gradients[label] = static_cast<float>(-others * scale);
  return static_cast<float>(m - logits[label] + std::log1p(rest));
}

}  // namespace

void SoftmaxCrossEntropy(int classes, int rows, const float* logits,
                         const int32_t* labels, float divisor, float* losses,
                         float* gradients) {
  for (int row = 0; row < rows; ++row) {
    losses[row] = Row(classes, logits, labels[row], divisor, gradients);
    logits += classes;
    gradients += classes;
  }
}

void MomentumStep(const Momentum& optimizer, size_t size,
                  const float* gradients, float* parameters,
                  float* accumulators) {
  HWY_DYNAMIC_DISPATCH(Step)
  (optimizer, size, gradients, parameters, accumulators);
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

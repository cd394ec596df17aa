#include "cc/kernels/linear.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/linear.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;

size_t PanelWidth() { return 2 * hn::Lanes(D()); }

// Two vectors of results into the `count` places that are there.
HWY_INLINE void StorePanel(V v0, V v1, bool relu, size_t count, float* y) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  if (relu) {
    v0 = hn::IfThenZeroElse(hn::Lt(v0, hn::Zero(d)), v0);
    v1 = hn::IfThenZeroElse(hn::Lt(v1, hn::Zero(d)), v1);
  }
  if (count == 2 * lanes) {
    hn::StoreU(v0, d, y);
    hn::StoreU(v1, d, y + lanes);
    return;
  }
  HWY_ALIGN float last[2 * HWY_MAX_BYTES / sizeof(float)];
  hn::Store(v0, d, last);
  hn::Store(v1, d, last + lanes);
  for (size_t i = 0; i < count; ++i) y[i] = last[i];
}

// One row. Four sums for each vector, or one FMA would wait for the last.
HWY_INLINE void PanelRow(size_t in, const float* HWY_RESTRICT panel,
                         const float* HWY_RESTRICT x, bool relu, size_t count,
                         float* y) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  V a0 = hn::LoadU(d, panel), a1 = hn::LoadU(d, panel + lanes);
  V b0 = hn::Zero(d), b1 = b0, c0 = b0, c1 = b0, e0 = b0, e1 = b0;
  const float* w = panel + 2 * lanes;
  size_t k = 0;
  for (; k + 4 <= in; k += 4, w += 8 * lanes) {
    const V x0 = hn::Set(d, x[k]);
    a0 = hn::MulAdd(x0, hn::LoadU(d, w), a0);
    a1 = hn::MulAdd(x0, hn::LoadU(d, w + lanes), a1);
    const V x1 = hn::Set(d, x[k + 1]);
    b0 = hn::MulAdd(x1, hn::LoadU(d, w + 2 * lanes), b0);
    b1 = hn::MulAdd(x1, hn::LoadU(d, w + 3 * lanes), b1);
    const V x2 = hn::Set(d, x[k + 2]);
    c0 = hn::MulAdd(x2, hn::LoadU(d, w + 4 * lanes), c0);
    c1 = hn::MulAdd(x2, hn::LoadU(d, w + 5 * lanes), c1);
    const V x3 = hn::Set(d, x[k + 3]);
    e0 = hn::MulAdd(x3, hn::LoadU(d, w + 6 * lanes), e0);
    e1 = hn::MulAdd(x3, hn::LoadU(d, w + 7 * lanes), e1);
  }
  for (; k < in; ++k, w += 2 * lanes) {
    const V x0 = hn::Set(d, x[k]);
    a0 = hn::MulAdd(x0, hn::LoadU(d, w), a0);
    a1 = hn::MulAdd(x0, hn::LoadU(d, w + lanes), a1);
  }
  StorePanel(hn::Add(hn::Add(a0, b0), hn::Add(c0, e0)),
             hn::Add(hn::Add(a1, b1), hn::Add(c1, e1)), relu, count, y);
}

// Six rows share each weight that is read.
HWY_INLINE void PanelSixRows(size_t in, size_t out,
                             const float* HWY_RESTRICT panel,
                             const float* HWY_RESTRICT x, bool relu,
                             size_t count, float* y) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const V bias0 = hn::LoadU(d, panel), bias1 = hn::LoadU(d, panel + lanes);
  V a0 = bias0, a1 = bias1, b0 = bias0, b1 = bias1, c0 = bias0, c1 = bias1;
  V e0 = bias0, e1 = bias1, f0 = bias0, f1 = bias1, g0 = bias0, g1 = bias1;
  const float* w = panel + 2 * lanes;
  for (size_t k = 0; k < in; ++k, w += 2 * lanes) {
    const V w0 = hn::LoadU(d, w), w1 = hn::LoadU(d, w + lanes);
    V value = hn::Set(d, x[k]);
    a0 = hn::MulAdd(value, w0, a0);
    a1 = hn::MulAdd(value, w1, a1);
    value = hn::Set(d, x[in + k]);
    b0 = hn::MulAdd(value, w0, b0);
    b1 = hn::MulAdd(value, w1, b1);
    value = hn::Set(d, x[2 * in + k]);
    c0 = hn::MulAdd(value, w0, c0);
    c1 = hn::MulAdd(value, w1, c1);
    value = hn::Set(d, x[3 * in + k]);
    e0 = hn::MulAdd(value, w0, e0);
    e1 = hn::MulAdd(value, w1, e1);
    value = hn::Set(d, x[4 * in + k]);
    f0 = hn::MulAdd(value, w0, f0);
    f1 = hn::MulAdd(value, w1, f1);
    value = hn::Set(d, x[5 * in + k]);
    g0 = hn::MulAdd(value, w0, g0);
    g1 = hn::MulAdd(value, w1, g1);
  }
  StorePanel(a0, a1, relu, count, y);
  StorePanel(b0, b1, relu, count, y + out);
  StorePanel(c0, c1, relu, count, y + 2 * out);
  StorePanel(e0, e1, relu, count, y + 3 * out);
  StorePanel(f0, f1, relu, count, y + 4 * out);
  StorePanel(g0, g1, relu, count, y + 5 * out);
}

void LinearRows(size_t in, size_t out, const float* packed, size_t rows,
                const float* x, bool relu, float* y) {
  const size_t width = PanelWidth();
  for (size_t first = 0; first < out; first += width) {
    const size_t count = HWY_MIN(width, out - first);
    size_t row = 0;
    for (; row + 6 <= rows; row += 6) {
      PanelSixRows(in, out, packed, x + row * in, relu, count,
                   y + row * out + first);
    }
    for (; row < rows; ++row) {
      PanelRow(in, packed, x + row * in, relu, count, y + row * out + first);
    }
    packed += (in + 1) * width;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lenet::kernels {

HWY_EXPORT(PanelWidth);
HWY_EXPORT(LinearRows);

Linear::Linear(size_t in, size_t out, const float* weights, bool out_first,
               const float* bias)
    : in_(in), out_(out) {
  const size_t width = HWY_DYNAMIC_DISPATCH(PanelWidth)();
  const size_t panels = (out + width - 1) / width;
  packed_.resize(panels * (in + 1) * width);
  for (size_t o = 0; o < out; ++o) {
    float* const column =
        packed_.data() + o / width * (in + 1) * width + o % width;
    if (bias != nullptr) column[0] = bias[o];
    for (size_t i = 0; i < in; ++i) {
      column[(i + 1) * width] =
          out_first ? weights[o * in + i] : weights[i * out + o];
    }
  }
}

void Linear::Run(size_t rows, const float* x, bool relu, float* y) const {
  HWY_DYNAMIC_DISPATCH(LinearRows)
  (in_, out_, packed_.data(), rows, x, relu, y);
}

}  // namespace lenet::kernels

#endif  // HWY_ONCE

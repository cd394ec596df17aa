#include "cc/kernels/conv2d.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/conv2d.cc"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

// The padded input is copied into one plane for each pair (row mod stride,
// column mod stride). In a plane, what a kernel element needs for output
// (row, column) lies at row * plane_width + column plus an offset that depends
// on the element alone, whatever stride and dilation are. So outputs are
// computed as one run over a plane, rows and the few columns between them that
// belong to no output alike: narrow images fill vectors too.

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Four output channels at `count` positions: sums [4][stride]. Weights are
// [channels][taps][4]; reads and writes whole vectors, up to 3 beyond count.
void ConvBlock(const float* HWY_RESTRICT planes, size_t channels,
               size_t channel_stride, const size_t* HWY_RESTRICT offsets,
               size_t taps, const float* HWY_RESTRICT weights, size_t count,
               size_t stride, float* HWY_RESTRICT sums) {
  const hn::ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const size_t lanes = hn::Lanes(d);
  for (size_t p = 0; p < count; p += 3 * lanes) {
    V a0 = hn::Zero(d), a1 = a0, a2 = a0, b0 = a0, b1 = a0, b2 = a0;
    V c0 = a0, c1 = a0, c2 = a0, e0 = a0, e1 = a0, e2 = a0;
    const float* w = weights;
    for (size_t c = 0; c < channels; ++c) {
      const float* const plane = planes + c * channel_stride + p;
      for (size_t t = 0; t < taps; ++t, w += 4) {
        const float* const x = plane + offsets[t];
        const V x0 = hn::LoadU(d, x);
        const V x1 = hn::LoadU(d, x + lanes);
        const V x2 = hn::LoadU(d, x + 2 * lanes);
        const V wa = hn::Set(d, w[0]);
        a0 = hn::MulAdd(x0, wa, a0);
        a1 = hn::MulAdd(x1, wa, a1);
        a2 = hn::MulAdd(x2, wa, a2);
        const V wb = hn::Set(d, w[1]);
        b0 = hn::MulAdd(x0, wb, b0);
        b1 = hn::MulAdd(x1, wb, b1);
        b2 = hn::MulAdd(x2, wb, b2);
        const V wc = hn::Set(d, w[2]);
        c0 = hn::MulAdd(x0, wc, c0);
        c1 = hn::MulAdd(x1, wc, c1);
        c2 = hn::MulAdd(x2, wc, c2);
        const V we = hn::Set(d, w[3]);
        e0 = hn::MulAdd(x0, we, e0);
        e1 = hn::MulAdd(x1, we, e1);
        e2 = hn::MulAdd(x2, we, e2);
      }
    }
    float* out = sums + p;
    hn::StoreU(a0, d, out);
    hn::StoreU(a1, d, out + lanes);
    hn::StoreU(a2, d, out + 2 * lanes);
    out += stride;
    hn::StoreU(b0, d, out);
    hn::StoreU(b1, d, out + lanes);
    hn::StoreU(b2, d, out + 2 * lanes);
    out += stride;
    hn::StoreU(c0, d, out);
    hn::StoreU(c1, d, out + lanes);
    hn::StoreU(c2, d, out + 2 * lanes);
    out += stride;
    hn::StoreU(e0, d, out);
    hn::StoreU(e1, d, out + lanes);
    hn::StoreU(e2, d, out + 2 * lanes);
  }
}

size_t ConvStep() { return 3 * hn::Lanes(hn::ScalableTag<float>()); }

}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace lenet::kernels {
namespace {

HWY_EXPORT(ConvBlock);
HWY_EXPORT(ConvStep);

constexpr size_t kBlock = 4;  // output channels at a time

size_t Size(int value) { return static_cast<size_t>(value); }

size_t RoundUp(size_t value, size_t step) {
  return (value + step - 1) / step * step;
}

size_t Blocks(const Conv2dShape& shape) {
  return RoundUp(Size(shape.out_channels / shape.groups), kBlock) / kBlock;
}

// Geometry of the planes; see the comment at the top.
struct Planes {
  explicit Planes(const Window& window)
      : width(Size(window.width.out() - 1 +
                   (window.width.span() - 1) / window.width.stride + 1)),
        height(Size(window.height.out() - 1 +
                    (window.height.span() - 1) / window.height.stride + 1)),
        phases_w(Size(std::min(window.width.stride, window.width.span()))),
        phases_h(Size(std::min(window.height.stride, window.height.span()))),
        positions(Size(window.height.out() - 1) * width +
                  Size(window.width.out())),
        run(RoundUp(positions, HWY_DYNAMIC_DISPATCH(ConvStep)())) {}

  size_t plane() const { return width * height; }
  size_t channel() const { return plane() * phases_w * phases_h; }

  size_t width;
  size_t height;
  size_t phases_w;
  size_t phases_h;
  size_t positions;  // from the first output to the last
  size_t run;        // as many as are computed
};

// One channel of the input, padded and split into planes.
void FillPlanes(const Window& window, const Planes& planes, const float* x,
                float* out) {
  std::fill_n(out, planes.channel(), 0.0f);
  const WindowAxis& h = window.height;
  const WindowAxis& w = window.width;
  for (size_t phase_h = 0; phase_h < planes.phases_h; ++phase_h) {
    for (size_t phase_w = 0; phase_w < planes.phases_w; ++phase_w) {
      for (size_t row = 0; row < planes.height; ++row) {
        const int y = static_cast<int>(row) * h.stride +
                      static_cast<int>(phase_h) - h.pad_before;
        float* const to = out + row * planes.width;
        if (y < 0 || y >= h.in) continue;
        const float* const from = x + Size(y) * Size(w.in);
        const int first = static_cast<int>(phase_w) - w.pad_before;
        if (w.stride == 1) {
          const int begin = std::max(0, -first);
          const int end =
              std::min(static_cast<int>(planes.width), w.in - first);
          if (begin < end) {
            std::memcpy(to + begin, from + first + begin,
                        Size(end - begin) * sizeof(float));
          }
          continue;
        }
        for (size_t column = 0; column < planes.width; ++column) {
          const int source = static_cast<int>(column) * w.stride + first;
          if (source >= 0 && source < w.in) to[column] = from[source];
        }
      }
      out += planes.plane();
    }
  }
}

// Outputs of one channel out of a run over the plane.
void Finish(const Window& window, const Planes& planes, const float* sums,
            float bias, bool relu, float* y) {
  const size_t columns = Size(window.width.out());
  for (int row = 0; row < window.height.out(); ++row) {
    for (size_t column = 0; column < columns; ++column) {
      const float value = sums[column] + bias;
      y[column] = relu && value < 0.0f ? 0.0f : value;
    }
    sums += planes.width;
    y += columns;
  }
}

}  // namespace

Conv2d::Conv2d(const Conv2dShape& shape, const float* weights,
               const float* bias)
    : shape_(shape) {
  const Window& window = shape.window;
  const size_t taps = window.kernel_size();
  const size_t group_in = Size(shape.in_channels / shape.groups);
  const size_t group_out = Size(shape.out_channels / shape.groups);
  const size_t blocks = Blocks(shape);
  packed_.resize(Size(shape.groups) * blocks * group_in * taps * kBlock);
  bias_.resize(Size(shape.groups) * blocks * kBlock);
  for (size_t o = 0; o < Size(shape.out_channels); ++o) {
    const size_t block = o / group_out * blocks + o % group_out / kBlock;
    const size_t lane = o % group_out % kBlock;
    if (bias != nullptr) bias_[block * kBlock + lane] = bias[o];
    for (size_t i = 0; i < group_in * taps; ++i) {
      packed_[(block * group_in * taps + i) * kBlock + lane] =
          weights[o * group_in * taps + i];
    }
  }
  const Planes planes(window);
  for (int h = 0; h < window.height.kernel; ++h) {
    for (int w = 0; w < window.width.kernel; ++w) {
      const int y = h * window.height.dilation;
      const int x = w * window.width.dilation;
      const size_t phase = Size(y % window.height.stride) * planes.phases_w +
                           Size(x % window.width.stride);
      offsets_.push_back(phase * planes.plane() +
                         Size(y / window.height.stride) * planes.width +
                         Size(x / window.width.stride));
    }
  }
}

size_t Conv2d::scratch_size() const {
  const Planes planes(shape_.window);
  // A run reads beyond the last plane, as far as it is longer than its outputs.
  return Size(shape_.in_channels) * planes.channel() +
         (planes.run - planes.positions) + kBlock * planes.run;
}

void Conv2d::Run(const float* x, bool relu, float* y, float* scratch) const {
  const Window& window = shape_.window;
  const Planes planes(window);
  const size_t channels = Size(shape_.in_channels);
  for (size_t c = 0; c < channels; ++c) {
    FillPlanes(window, planes, x + c * window.in_size(),
               scratch + c * planes.channel());
  }
  float* const slack = scratch + channels * planes.channel();
  std::fill(slack, slack + (planes.run - planes.positions), 0.0f);
  float* const sums = slack + (planes.run - planes.positions);

  const size_t group_in = channels / Size(shape_.groups);
  const size_t group_out = Size(shape_.out_channels / shape_.groups);
  const size_t blocks = Blocks(shape_);
  const size_t block_size = group_in * offsets_.size() * kBlock;
  for (size_t block = 0; block < Size(shape_.groups) * blocks; ++block) {
    const size_t group = block / blocks;
    HWY_DYNAMIC_DISPATCH(ConvBlock)
    (scratch + group * group_in * planes.channel(), group_in, planes.channel(),
     offsets_.data(), offsets_.size(), packed_.data() + block * block_size,
     planes.positions, planes.run, sums);
    const size_t first = block % blocks * kBlock;
    const size_t count = std::min(kBlock, group_out - first);
    for (size_t i = 0; i < count; ++i) {
      Finish(window, planes, sums + i * planes.run, bias_[block * kBlock + i],
             relu, y + (group * group_out + first + i) * window.out_size());
    }
  }
}

}  // namespace lenet::kernels

#endif  // HWY_ONCE

#include "cc/kernels/conv2d.h"

#include <algorithm>

#include "cc/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cc/kernels/conv2d.cc"
#include "hwy/foreach_target.h"  // IWYU pragma: keep
// After foreach_target.h.
#include "cc/kernels/simd-inl.h"

// The padded input is split into one plane per pair (row mod stride, column mod
// stride). Within a plane the input of a kernel tap for output (row, column)
// lies at row * plane_width + column plus an offset that depends only on the
// tap, for any stride and dilation. Outputs are computed in one run over a
// plane, including the few columns between rows that belong to no output, so
// narrow images fill vectors too.

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kVectors = 3;

size_t ConvStep() { return kVectors * hn::Lanes(hn::ScalableTag<float>()); }

// Computes sums [4, stride] of four output channels at `count` positions.
// weights: [channels, taps, 4]. Reads and writes up to ConvStep() - 1 floats
// beyond `count`.
void ConvBlock(const float* HWY_RESTRICT planes, size_t channels,
               size_t channel_stride, const size_t* HWY_RESTRICT offsets,
               size_t taps, const float* HWY_RESTRICT weights, size_t count,
               size_t stride, float* HWY_RESTRICT sums) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  for (size_t p = 0; p < count; p += kVectors * lanes) {
    hn::Vec<decltype(d)> tile[4][kVectors];
    Clear(d, tile);
    const float* w = weights;
    for (size_t c = 0; c < channels; ++c) {
      for (size_t t = 0; t < taps; ++t, w += 4) {
        const float* const x = planes + c * channel_stride + p + offsets[t];
        AddOuterProduct([&](size_t r) HWY_ATTR { return hn::Set(d, w[r]); },
                        [&](size_t v)
                            HWY_ATTR { return hn::LoadU(d, x + v * lanes); },
                        tile);
      }
    }
    ForEachInTile(tile, [&](size_t r, size_t v, auto sum) HWY_ATTR {
      hn::StoreU(sum, d, sums + p + r * stride + v * lanes);
    });
  }
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace lenet::kernels {
namespace {

HWY_EXPORT(ConvBlock);
HWY_EXPORT(ConvStep);

constexpr size_t kBlock = 4;  // output channels per ConvBlock

size_t Size(int value) { return static_cast<size_t>(value); }

size_t RoundUp(size_t value, size_t step) {
  return (value + step - 1) / step * step;
}

size_t Blocks(const Conv2dShape& shape) {
  return RoundUp(Size(shape.out_channels / shape.groups), kBlock) / kBlock;
}

// Geometry of the planes of one channel.
struct Planes {
  explicit Planes(const Window& window)
      : width(Side(window.width)),
        height(Side(window.height)),
        phases_w(Size(std::min(window.width.stride, window.width.span()))),
        phases_h(Size(std::min(window.height.stride, window.height.span()))),
        positions(Size(window.height.out() - 1) * width +
                  Size(window.width.out())),
        run(RoundUp(positions, HWY_DYNAMIC_DISPATCH(ConvStep)())) {}

  static size_t Side(const WindowAxis& axis) {
    return Size(axis.out() + (axis.span() - 1) / axis.stride);
  }
  size_t plane() const { return width * height; }
  size_t channel() const { return plane() * phases_w * phases_h; }
  size_t slack() const { return run - positions; }

  size_t width;
  size_t height;
  size_t phases_w;
  size_t phases_h;
  size_t positions;  // from the first output to the last
  size_t run;        // positions that are computed
};

// Splits one row of the input, from column `first` on, into columns of a plane.
void FillRow(const WindowAxis& axis, int first, int width, const float* from,
             float* to) {
  const int begin = first < 0 ? (axis.stride - 1 - first) / axis.stride : 0;
  const int end = std::min(width, (axis.in - first - 1) / axis.stride + 1);
  if (axis.in <= first || begin >= end) return;
  if (axis.stride == 1) {
    std::copy(from + first + begin, from + first + end, to + begin);
    return;
  }
  for (int c = begin; c < end; ++c) to[c] = from[c * axis.stride + first];
}

// Pads one channel of the input and splits it into planes.
void FillPlanes(const Window& window, const Planes& planes, const float* x,
                float* out) {
  std::fill_n(out, planes.channel(), 0.0f);
  const WindowAxis& h = window.height;
  const WindowAxis& w = window.width;
  for (size_t phase = 0; phase < planes.phases_h * planes.phases_w; ++phase) {
    const int first_y = static_cast<int>(phase / planes.phases_w);
    const int first_x = static_cast<int>(phase % planes.phases_w);
    for (size_t row = 0; row < planes.height; ++row, out += planes.width) {
      const int y = static_cast<int>(row) * h.stride + first_y - h.pad_before;
      if (y < 0 || y >= h.in) continue;
      FillRow(w, first_x - w.pad_before, static_cast<int>(planes.width),
              x + Size(y) * Size(w.in), out);
    }
  }
}

// Writes the outputs of one channel, taken from a run over the plane.
void StoreChannel(const Window& window, const Planes& planes, const float* sums,
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
  const size_t inputs =
      Size(shape.in_channels / shape.groups) * window.kernel_size();
  const size_t group_out = Size(shape.out_channels / shape.groups);
  const size_t blocks = Blocks(shape);
  packed_.resize(Size(shape.groups) * blocks * inputs * kBlock);
  bias_.resize(Size(shape.groups) * blocks * kBlock);
  for (size_t o = 0; o < Size(shape.out_channels); ++o) {
    const size_t block = o / group_out * blocks + o % group_out / kBlock;
    const size_t lane = o % group_out % kBlock;
    if (bias != nullptr) bias_[block * kBlock + lane] = bias[o];
    for (size_t i = 0; i < inputs; ++i) {
      packed_[(block * inputs + i) * kBlock + lane] = weights[o * inputs + i];
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
  return Size(shape_.in_channels) * planes.channel() + planes.slack() +
         kBlock * planes.run;
}

void Conv2d::Run(const float* x, bool relu, float* y, float* scratch) const {
  const Window& window = shape_.window;
  const Planes planes(window);
  const size_t channels = Size(shape_.in_channels);
  for (size_t c = 0; c < channels; ++c) {
    FillPlanes(window, planes, x + c * window.in_size(),
               scratch + c * planes.channel());
  }
  // The last run reads beyond the planes.
  float* const slack = scratch + channels * planes.channel();
  std::fill_n(slack, planes.slack(), 0.0f);
  float* const sums = slack + planes.slack();

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
      StoreChannel(window, planes, sums + i * planes.run,
                   bias_[block * kBlock + i], relu,
                   y + (group * group_out + first + i) * window.out_size());
    }
  }
}

}  // namespace lenet::kernels
#endif  // HWY_ONCE

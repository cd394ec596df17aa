// What ConvReluPoolBackward finds out about its inputs.

// Once for each target.
#if defined(CC_KERNELS_CONV_RELU_POOL_ITEMS_INL_H_) == \
    defined(HWY_TARGET_TOGGLE)
#ifdef CC_KERNELS_CONV_RELU_POOL_ITEMS_INL_H_
#undef CC_KERNELS_CONV_RELU_POOL_ITEMS_INL_H_
#else
#define CC_KERNELS_CONV_RELU_POOL_ITEMS_INL_H_
#endif

#include <array>
#include <cstddef>
#include <cstdint>

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace lenet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

// Whether all are finite.
bool AllFinite(const float* p, size_t n) {
  const hn::ScalableTag<float> d;
  const size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  auto sum0 = zero;  // of products by zero: NaN from the first that is not
  auto sum1 = zero;
  size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    sum0 = hn::MulAdd(hn::LoadU(d, p + i), zero, sum0);
    sum1 = hn::MulAdd(hn::LoadU(d, p + i + lanes), zero, sum1);
  }
  float rest = 0.0f;
  for (; i < n; ++i) rest += p[i] * 0.0f;
  return rest == 0.0f && hn::AllTrue(d, hn::Eq(hn::Add(sum0, sum1), zero));
}

// For each set of eight lanes (bits) the numbers of its lanes, then zeros. Not
// hwy::Compress: gcc 12 copies its table to the stack in each call, for AVX2,
// and CompressStore is a slow instruction on some CPUs with AVX-512.
constexpr std::array<std::array<uint8_t, 8>, 256> MakeLanesOfSet() {
  std::array<std::array<uint8_t, 8>, 256> lanes = {};
  for (size_t set = 0; set < 256; ++set) {
    size_t count = 0;
    for (size_t lane = 0; lane < 8; ++lane) {
      if ((set >> lane & 1) != 0) {
        lanes[set][count++] = static_cast<uint8_t>(lane);
      }
    }
  }
  return lanes;
}
constexpr std::array<std::array<uint8_t, 8>, 256> kLanesOfSet =
    MakeLanesOfSet();

// Lists the items of one channel; returns how many. Writes up to a vector
// behind the last.
int32_t ListItems(size_t windows, const float* y, const uint8_t* argmax,
                  const float* dy, float* values, int32_t* places) {
  size_t count = 0;
  size_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::CappedTag<float, 8> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const size_t lanes = hn::Lanes(d);
  const auto zero = hn::Zero(d);
  auto first_place = hn::ShiftLeft<2>(hn::Iota(di, 0));
  const auto step = hn::Set(di, static_cast<int32_t>(4 * lanes));
  for (; i + lanes <= windows; i += lanes) {
    const auto gradient = hn::LoadU(d, dy + i);
    const auto place = hn::PromoteTo(di, hn::LoadU(d8, argmax + i));
    const auto is_item =
        hn::And(hn::Gt(hn::LoadU(d, y + i), zero), hn::Ne(gradient, zero));
    uint8_t set[8];
    hn::StoreMaskBits(d, is_item, set);
    const auto order =
        hn::PromoteTo(di, hn::LoadU(d8, kLanesOfSet[set[0]].data()));
    hn::StoreU(hn::TableLookupLanes(gradient, hn::IndicesFromVec(d, order)), d,
               values + count);
    hn::StoreU(hn::TableLookupLanes(hn::Add(first_place, place),
                                    hn::IndicesFromVec(di, order)),
               di, places + count);
    count += hn::CountTrue(d, is_item);
    first_place = hn::Add(first_place, step);
  }
#endif
  for (; i < windows; ++i) {
    values[count] = dy[i];
    places[count] = static_cast<int32_t>(4 * i + argmax[i]);
    // Without a branch: it would be hard to predict.
    count +=
        static_cast<size_t>(y[i] > 0.0f) & static_cast<size_t>(dy[i] != 0.0f);
  }
  return static_cast<int32_t>(count);
}

}  // namespace
}  // namespace HWY_NAMESPACE
}  // namespace lenet::kernels
HWY_AFTER_NAMESPACE();

#endif  // CC_KERNELS_CONV_RELU_POOL_ITEMS_INL_H_

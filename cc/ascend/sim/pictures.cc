#include "cc/ascend/sim/pictures.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"

namespace lenet::ascend::sim {
namespace {

// Of the scaler.
constexpr uint32_t kMinWidth = 10;
constexpr uint32_t kMinHeight = 6;
constexpr uint32_t kMaxSide = 4096;
constexpr uint32_t kMaxSideOfNv12 = 8192;  // as an input
constexpr uint32_t kStrideAlignment = 16;
constexpr uint32_t kMinWidthStride = 32;
constexpr uint32_t kMaxStride = 16384;
constexpr uint32_t kMaxShrinking = 32;
constexpr uint32_t kMaxEnlarging = 16;

bool IsNv12(acldvppPixelFormat format) {
  return format == PIXEL_FORMAT_YUV_SEMIPLANAR_420 ||
         format == PIXEL_FORMAT_YVU_SEMIPLANAR_420;
}

std::string CheckScaled(const PicDesc& picture, uint32_t most) {
  if (picture.width < kMinWidth || picture.height < kMinHeight ||
      picture.width > most || picture.height > most) {
    return absl::StrCat("a side of ", picture.width, "x", picture.height);
  }
  if (IsNv12(picture.format) && (picture.width | picture.height) % 2 != 0) {
    return "NV12 of an odd size";
  }
  if (picture.width_stride % kStrideAlignment != 0 ||
      picture.width_stride < std::max(kMinWidthStride, picture.width) ||
      picture.width_stride > kMaxStride || picture.height_stride % 2 != 0 ||
      picture.height_stride < std::max(kMinHeight, picture.height) ||
      picture.height_stride > kMaxStride) {
    return absl::StrCat("strides ", picture.width_stride, "x",
                        picture.height_stride);
  }
  const uint32_t bytes =
      picture.format == PIXEL_FORMAT_YUV_400
          ? picture.width_stride * picture.height_stride
          : PictureBytes(picture.format, picture.width_stride,
                         picture.height_stride);
  return picture.size < bytes ? "the picture does not fit its buffer" : "";
}

bool RatioFits(uint32_t from, uint32_t to) {
  return from <= to * kMaxShrinking && to <= from * kMaxEnlarging;
}

// Where a target pixel lies between two of the source.
struct Between {
  uint32_t first = 0;
  uint32_t second = 0;
  float weight = 0;  // of the second
};

Between Place(uint32_t target, uint32_t from, uint32_t to) {
  const float position = (static_cast<float>(target) + 0.5f) *
                             static_cast<float>(from) / static_cast<float>(to) -
                         0.5f;
  const float clamped =
      std::clamp(position, 0.0f, static_cast<float>(from - 1));
  const auto first = static_cast<uint32_t>(clamped);
  return {first, std::min(first + 1, from - 1),
          clamped - static_cast<float>(first)};
}

}  // namespace

uint32_t AlignUp(uint32_t size, uint32_t alignment) {
  return (size + alignment - 1) / alignment * alignment;
}

uint32_t PictureBytes(acldvppPixelFormat format, uint32_t width_stride,
                      uint32_t height_stride) {
  const uint32_t luma = width_stride * height_stride;
  switch (format) {
    case PIXEL_FORMAT_YUV_SEMIPLANAR_420:
    case PIXEL_FORMAT_YVU_SEMIPLANAR_420:
      return luma * 3 / 2;
    case PIXEL_FORMAT_YUV_SEMIPLANAR_422:
    case PIXEL_FORMAT_YVU_SEMIPLANAR_422:
    case PIXEL_FORMAT_YUV_SEMIPLANAR_440:
    case PIXEL_FORMAT_YVU_SEMIPLANAR_440:
      return luma * 2;
    case PIXEL_FORMAT_YUV_SEMIPLANAR_444:
    case PIXEL_FORMAT_YVU_SEMIPLANAR_444:
      return luma * 3;
    default:
      return 0;
  }
}

std::string CheckDecoded(const JpegHeader& header, const PicDesc& output) {
  if (!header.baseline) return "the JPEG is not baseline";
  if (header.width < kMinJpegSide || header.height < kMinJpegSide ||
      header.width > kMaxJpegSide || header.height > kMaxJpegSide) {
    return absl::StrCat("a JPEG of ", header.width, "x", header.height);
  }
  if (output.width_stride % kDecodedWidthAlignment != 0 ||
      output.width_stride < header.width ||
      output.height_stride % kDecodedHeightAlignment != 0 ||
      output.height_stride < header.height) {
    return absl::StrCat("strides ", output.width_stride, "x",
                        output.height_stride);
  }
  const uint32_t bytes =
      PictureBytes(output.format, output.width_stride, output.height_stride);
  return output.size < bytes ? "the picture does not fit its buffer" : "";
}

std::string CheckResized(const PicDesc& input, const PicDesc& output) {
  const std::string wrong_input =
      CheckScaled(input, IsNv12(input.format) ? kMaxSideOfNv12 : kMaxSide);
  if (!wrong_input.empty()) return absl::StrCat("input: ", wrong_input);
  const std::string wrong_output = CheckScaled(output, kMaxSide);
  if (!wrong_output.empty()) return absl::StrCat("output: ", wrong_output);
  if (!RatioFits(input.width, output.width) ||
      !RatioFits(input.height, output.height)) {
    return "the ratio is not within 1/32 and 16";
  }
  return "";
}

void ResizePlane(const uint8_t* from, const PicDesc& input, uint8_t* to,
                 const PicDesc& output) {
  for (uint32_t y = 0; y < output.height; ++y) {
    const Between row = Place(y, input.height, output.height);
    const uint8_t* const upper = from + row.first * input.width_stride;
    const uint8_t* const lower = from + row.second * input.width_stride;
    for (uint32_t x = 0; x < output.width; ++x) {
      const Between column = Place(x, input.width, output.width);
      const auto mix = [&](const uint8_t* line) {
        return static_cast<float>(line[column.first]) * (1 - column.weight) +
               static_cast<float>(line[column.second]) * column.weight;
      };
      const float value =
          mix(upper) * (1 - row.weight) + mix(lower) * row.weight;
      to[y * output.width_stride + x] =
          static_cast<uint8_t>(std::lround(value));
    }
  }
}

}  // namespace lenet::ascend::sim

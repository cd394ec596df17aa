// libacl_dvpp.so: memory, channels, pictures, JPEG decoder and scaler.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/ascend/sim/simulator.h"
#include "cc/image/decode.h"
#include "cc/image/transform.h"

namespace lenet::ascend::sim {
namespace {

// The only format of pictures that is simulated.
constexpr acldvppPixelFormat kNv12 = PIXEL_FORMAT_YUV_SEMIPLANAR_420;
constexpr uint8_t kNeutralChroma = 128;
constexpr uint32_t kWorkFailed = 1;  // ret_code of a PicDesc

// Limits of the decoder.
constexpr int kMinJpegSide = 32;
constexpr int kMaxJpegSide = 8192;
constexpr uint32_t kDecodedWidthAlignment = 128;
constexpr uint32_t kDecodedHeightAlignment = 16;

// Limits of the scaler.
constexpr uint32_t kMinWidth = 10;
constexpr uint32_t kMinHeight = 6;
constexpr uint32_t kMaxInputSide = 8192;
constexpr uint32_t kMaxOutputSide = 4096;
constexpr uint32_t kStrideAlignment = 16;
constexpr uint32_t kMinWidthStride = 32;
constexpr uint32_t kMaxStride = 16384;
constexpr uint32_t kMaxShrinking = 32;
constexpr uint32_t kMaxEnlarging = 16;

struct Channel {
  static constexpr absl::string_view kKind = "channel";
};

struct ChannelDesc {
  static constexpr absl::string_view kKind = "channel description";
  const void* channel = nullptr;  // handle; null without a channel
};

struct ResizeConfig {
  static constexpr absl::string_view kKind = "resize configuration";
};

struct PicDesc {
  static constexpr absl::string_view kKind = "picture description";
  void* data = nullptr;
  uint32_t size = 0;
  acldvppPixelFormat format = PIXEL_FORMAT_YUV_400;
  uint32_t width = 0;
  uint32_t height = 0;
  uint32_t width_stride = 0;   // bytes
  uint32_t height_stride = 0;  // rows
  uint32_t ret_code = 0;       // result of the work that wrote it; 0: success

  // Returns whether the buffer holds a picture with these strides.
  bool fits() const {
    return size >= uint64_t{width_stride} * height_stride * 3 / 2;
  }
};

uint32_t AlignUp(int size, uint32_t alignment) {
  return (static_cast<uint32_t>(size) + alignment - 1) / alignment * alignment;
}

bool IsBaseline(const JpegHeader& header) {
  return header.coding == JpegCoding::kBaseline && header.precision == 8;
}

// Returns whether the decoder takes pictures of this width and height.
bool DecoderTakes(const JpegHeader& header) {
  return std::min(header.width, header.height) >= kMinJpegSide &&
         std::max(header.width, header.height) <= kMaxJpegSide;
}

// Returns whether the decoder can write the JPEG to `output`.
bool CanDecode(const JpegHeader& header, const PicDesc& output) {
  return IsBaseline(header) && DecoderTakes(header) &&
         output.width_stride % kDecodedWidthAlignment == 0 &&
         output.width_stride >= static_cast<uint32_t>(header.width) &&
         output.height_stride % kDecodedHeightAlignment == 0 &&
         output.height_stride >= static_cast<uint32_t>(header.height) &&
         output.fits();
}

bool ScalerTakes(const PicDesc& picture, uint32_t max_side) {
  return picture.format == kNv12 && (picture.width | picture.height) % 2 == 0 &&
         picture.width >= kMinWidth && picture.height >= kMinHeight &&
         std::max(picture.width, picture.height) <= max_side &&
         picture.width_stride % kStrideAlignment == 0 &&
         picture.width_stride >= std::max(kMinWidthStride, picture.width) &&
         picture.height_stride % 2 == 0 &&
         picture.height_stride >= picture.height &&
         std::max(picture.width_stride, picture.height_stride) <= kMaxStride &&
         picture.fits();
}

// Returns whether the scaler can make `output` from `input`.
bool CanResize(const PicDesc& input, const PicDesc& output) {
  const auto ratio_fits = [](uint32_t from, uint32_t to) {
    return from <= to * kMaxShrinking && to <= from * kMaxEnlarging;
  };
  return ScalerTakes(input, kMaxInputSide) &&
         ScalerTakes(output, kMaxOutputSide) &&
         ratio_fits(input.width, output.width) &&
         ratio_fits(input.height, output.height);
}

// Returns the simulator's address of the memory of a picture or a file; null,
// and records a violation, for memory of another heap.
char* DvppView(State* state, Site site, const void* address, size_t bytes) {
  char* const view = state->memory.View(Side::kDvpp, address, bytes);
  if (view == nullptr) {
    state->AddViolation(
        site, absl::StrCat(bytes, " bytes are not memory of acldvppMalloc"));
  }
  return view;
}

// Writes the luma plane, and gray for the colours, which are not simulated.
void StorePicture(const GrayImage& image, char* to, PicDesc* output) {
  output->width = static_cast<uint32_t>(image.width);
  output->height = static_cast<uint32_t>(image.height);
  output->ret_code = 0;
  for (size_t y = 0; y < output->height; ++y) {
    std::memcpy(to + y * output->width_stride,
                image.pixels.data() + y * output->width, output->width);
  }
  const size_t plane = size_t{output->width_stride} * output->height_stride;
  std::memset(to + plane, kNeutralChroma, plane / 2);
}

// Sets the result of work that fails on the device. The details would be only
// in the log of the device.
aclError Fail(PicDesc* output) {
  output->ret_code = kWorkFailed;
  return ACL_ERROR_RT_AICPU_EXCEPTION;
}

aclError Decode(State* state, Site site, const void* jpeg, uint32_t size,
                PicDesc* output) {
  const char* const file = DvppView(state, site, jpeg, size);
  char* const to = DvppView(state, site, output->data, output->size);
  if (file == nullptr || to == nullptr) return Fail(output);
  const absl::string_view content(file, size);
  const absl::StatusOr<JpegHeader> header = ParseJpegHeader(content);
  if (!header.ok() || !CanDecode(*header, *output)) return Fail(output);
  const absl::StatusOr<GrayImage> image = DecodeImage(content);
  if (!image.ok()) return Fail(output);
  StorePicture(*image, to, output);
  return ACL_SUCCESS;
}

aclError Scale(State* state, Site site, const PicDesc& input, PicDesc* output) {
  if (!CanResize(input, *output)) return Fail(output);
  const char* const from = DvppView(state, site, input.data, input.size);
  char* const to = DvppView(state, site, output->data, output->size);
  if (from == nullptr || to == nullptr) return Fail(output);
  GrayImage image;
  image.height = static_cast<int>(input.height);
  image.width = static_cast<int>(input.width);
  for (size_t y = 0; y < input.height; ++y) {
    const char* const row = from + y * input.width_stride;
    image.pixels.insert(image.pixels.end(), row, row + input.width);
  }
  StorePicture(Resize(image, static_cast<int>(output->height),
                      static_cast<int>(output->width)),
               to, output);
  return ACL_SUCCESS;
}

}  // namespace

extern "C" {

aclError acldvppMalloc(void** pointer, size_t size) {
  SIM_CALL(kDeviceWork);
  return call.Allocate(HeapKind::kDvpp, pointer, size);
}

aclError acldvppFree(void* pointer) {
  SIM_CALL(kNeedsContext | kReleases);
  return call.Free(HeapKind::kDvpp, pointer);
}

// Channels.

acldvppChannelDesc* acldvppCreateChannelDesc() {
  return static_cast<acldvppChannelDesc*>(Create<ChannelDesc>(__func__));
}

aclError acldvppDestroyChannelDesc(acldvppChannelDesc* handle) {
  SIM_CALL(kReleases);
  if (handle == nullptr) return call.Result(ACL_SUCCESS);
  SIM_GET(desc, ChannelDesc, handle);
  if (desc->channel != nullptr) {
    return call.Violation(ACL_ERROR_RELATIVE_RESOURCE_NOT_CLEARED,
                          "the description still has a channel");
  }
  call.objects().Remove(handle);
  return call.Result(ACL_SUCCESS);
}

aclError acldvppCreateChannel(acldvppChannelDesc* handle) {
  SIM_CALL(kDeviceWork);
  SIM_GET(desc, ChannelDesc, handle);
  if (desc->channel != nullptr) {
    return call.Violation(ACL_ERROR_INVALID_PARAM,
                          "the description already has a channel");
  }
  desc->channel = call.objects().Add(std::make_shared<Channel>(), call.site(),
                                     call.context_handle());
  return call.Result(ACL_SUCCESS);
}

aclError acldvppDestroyChannel(acldvppChannelDesc* handle) {
  SIM_CALL(kNeedsContext | kReleases);
  SIM_GET(desc, ChannelDesc, handle);
  if (desc->channel == nullptr) {
    return call.Violation(ACL_ERROR_INVALID_PARAM,
                          "the description has no channel");
  }
  call.objects().Remove(desc->channel);
  desc->channel = nullptr;
  return call.Result(ACL_SUCCESS);
}

// Pictures.

acldvppPicDesc* acldvppCreatePicDesc() {
  return static_cast<acldvppPicDesc*>(Create<PicDesc>(__func__));
}

aclError acldvppDestroyPicDesc(acldvppPicDesc* handle) {
  return Destroy<PicDesc>(__func__, handle, true);
}

#define SIM_PIC_DESC_SETTER(Name, type, member)                          \
  aclError acldvppSetPicDesc##Name(acldvppPicDesc* handle, type value) { \
    SIM_CALL(0);                                                         \
    SIM_GET(picture, PicDesc, handle);                                   \
    picture->member = value;                                             \
    return call.Result(ACL_SUCCESS);                                     \
  }

// Returns 0 for null.
#define SIM_PIC_DESC_GETTER(Name, member)                                   \
  uint32_t acldvppGetPicDesc##Name(const acldvppPicDesc* handle) {          \
    SIM_CALL_OR(0, 0);                                                      \
    std::shared_ptr<PicDesc> picture;                                       \
    return call.Get(handle, &picture) == ACL_SUCCESS ? picture->member : 0; \
  }

SIM_PIC_DESC_SETTER(Data, void*, data)
SIM_PIC_DESC_SETTER(Size, uint32_t, size)
SIM_PIC_DESC_SETTER(Format, acldvppPixelFormat, format)
SIM_PIC_DESC_SETTER(Width, uint32_t, width)
SIM_PIC_DESC_SETTER(Height, uint32_t, height)
SIM_PIC_DESC_SETTER(WidthStride, uint32_t, width_stride)
SIM_PIC_DESC_SETTER(HeightStride, uint32_t, height_stride)
SIM_PIC_DESC_GETTER(Width, width)
SIM_PIC_DESC_GETTER(Height, height)
SIM_PIC_DESC_GETTER(WidthStride, width_stride)
SIM_PIC_DESC_GETTER(HeightStride, height_stride)
SIM_PIC_DESC_GETTER(RetCode, ret_code)

acldvppResizeConfig* acldvppCreateResizeConfig() {
  return static_cast<acldvppResizeConfig*>(Create<ResizeConfig>(__func__));
}

aclError acldvppDestroyResizeConfig(acldvppResizeConfig* handle) {
  return Destroy<ResizeConfig>(__func__, handle, true);
}

aclError acldvppSetResizeConfigInterpolation(acldvppResizeConfig* handle,
                                             uint32_t interpolation) {
  SIM_CALL(0);
  SIM_GET(config, ResizeConfig, handle);
  constexpr uint32_t kMaxInterpolation = 4;
  if (interpolation > kMaxInterpolation) {
    return call.Result(ACL_ERROR_FEATURE_UNSUPPORTED, "unknown interpolation");
  }
  return call.Result(ACL_SUCCESS);
}

// JPEG decoder and scaler.

// The file is in memory of the host.
aclError acldvppJpegPredictDecSize(const void* jpeg, uint32_t size,
                                   acldvppPixelFormat format,
                                   uint32_t* decoded_size) {
  SIM_CALL(0);
  SIM_RETURN_IF_ERROR(call.CheckPointers({jpeg, decoded_size}));
  const char* const view = call.memory().View(Side::kHost, jpeg, size);
  if (view == nullptr) {
    return call.Violation(ACL_ERROR_INVALID_PARAM,
                          "the file is not in memory of the host");
  }
  const absl::StatusOr<JpegHeader> header =
      ParseJpegHeader(absl::string_view(view, size));
  if (!header.ok()) {
    return call.Result(ACL_ERROR_FAILURE, "the file has no JPEG header");
  }
  if (!DecoderTakes(*header)) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "too small or too large");
  }
  if (!IsBaseline(*header)) {
    return call.Result(ACL_ERROR_UNSUPPORTED_JPEG, "not baseline");
  }
  if (format != kNv12) {
    return call.Result(ACL_ERROR_FORMAT_NOT_MATCH, "not NV12");
  }
  *decoded_size = AlignUp(header->width, kDecodedWidthAlignment) *
                  AlignUp(header->height, kDecodedHeightAlignment) * 3 / 2;
  return call.Result(ACL_SUCCESS);
}

aclError acldvppJpegDecodeAsync(acldvppChannelDesc* channel_handle,
                                const void* jpeg, uint32_t size,
                                acldvppPicDesc* output_handle,
                                aclrtStream stream_handle) {
  SIM_CALL(kDeviceWork);
  SIM_GET(channel, ChannelDesc, channel_handle);
  SIM_GET(output, PicDesc, output_handle);
  SIM_GET_STREAM(stream, stream_handle);
  SIM_RETURN_IF_ERROR(call.CheckPointers({channel->channel, jpeg}));
  if (output->format != kNv12) {
    return call.Result(ACL_ERROR_FORMAT_NOT_MATCH, "not NV12");
  }
  State* const state = &call.state();
  const auto work = [state, site = call.site(), jpeg, size, output = output] {
    return Decode(state, site, jpeg, size, output.get());
  };
  call.Enqueue(stream.get(), work, {jpeg, output->data});
  return call.Result(ACL_SUCCESS);
}

aclError acldvppVpcResizeAsync(acldvppChannelDesc* channel_handle,
                               acldvppPicDesc* input_handle,
                               acldvppPicDesc* output_handle,
                               acldvppResizeConfig* config_handle,
                               aclrtStream stream_handle) {
  SIM_CALL(kDeviceWork);
  SIM_GET(channel, ChannelDesc, channel_handle);
  SIM_GET(input, PicDesc, input_handle);
  SIM_GET(output, PicDesc, output_handle);
  SIM_GET(config, ResizeConfig, config_handle);
  SIM_GET_STREAM(stream, stream_handle);
  SIM_RETURN_IF_ERROR(call.CheckPointers({channel->channel}));
  if (output->format != kNv12) {
    return call.Result(ACL_ERROR_FORMAT_NOT_MATCH, "not NV12");
  }
  State* const state = &call.state();
  const auto work = [state, site = call.site(), input = input,
                     output = output] {
    return Scale(state, site, *input, output.get());
  };
  call.Enqueue(stream.get(), work, {input->data, output->data});
  return call.Result(ACL_SUCCESS);
}

}  // extern "C"
}  // namespace lenet::ascend::sim

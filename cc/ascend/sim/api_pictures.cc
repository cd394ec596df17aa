// Of libacl_dvpp.so: the JPEG decoder and the scaler.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/ascend/sim/call.h"
#include "cc/ascend/sim/functions.h"
#include "cc/ascend/sim/pictures.h"

namespace lenet::ascend::sim {
namespace {

constexpr uint8_t kNeutralChroma = 128;
constexpr uint32_t kWorkFailed = 1;  // in a PicDesc

// What goes wrong while the device works is an exception of its AI CPU, with
// the details in its log alone.
aclError Fail(PicDesc* output) {
  output->ret_code = kWorkFailed;
  return ACL_ERROR_RT_AICPU_EXCEPTION;
}

aclError CheckChannel(Call* call, acldvppChannelDesc* handle) {
  std::shared_ptr<ChannelDesc> desc;
  SIM_RETURN_IF_ERROR(call->Get(handle, &desc));
  if (desc->channel != nullptr) return ACL_SUCCESS;
  return call->Violation(ViolationKind::kOrder, ACL_ERROR_INVALID_PARAM,
                         "there is no channel");
}

// The bytes of a file, for the functions that read it on the host.
aclError GetHostFile(Call* call, const void* jpeg, uint32_t size,
                     JpegHeader* header) {
  if (jpeg == nullptr || size == 0) {
    return call->Result(ACL_ERROR_INVALID_PARAM, "there is no file");
  }
  const char* const view = call->heaps().HostView(jpeg, size);
  if (view == nullptr) {
    return call->Violation(ViolationKind::kOwnership, ACL_ERROR_INVALID_PARAM,
                           "the file is not in memory of the host");
  }
  if (!ReadJpegHeader(absl::string_view(view, size), header)) {
    return call->Result(ACL_ERROR_FAILURE, "the file has no JPEG header");
  }
  return ACL_SUCCESS;
}

// Of the DVPP heap, or a breach of ownership.
char* DvppView(State* state, Site site, const void* address, size_t bytes) {
  char* const view = state->heaps().DvppView(address, bytes);
  if (view == nullptr) {
    state->AddViolation(
        {ViolationKind::kOwnership, site,
         absl::StrCat(bytes, " bytes are not memory of acldvppMalloc")});
  }
  return view;
}

aclError Decode(State* state, Site site, const void* jpeg, uint32_t size,
                PicDesc* output) {
  const char* const file = DvppView(state, site, jpeg, size);
  char* const picture = DvppView(state, site, output->data, output->size);
  if (file == nullptr || picture == nullptr) return Fail(output);
  const absl::string_view content(file, size);
  JpegHeader header;
  std::vector<uint8_t> luma;
  if (!ReadJpegHeader(content, &header) ||
      !CheckDecoded(header, *output).empty() || !DecodeLuma(content, &luma)) {
    return Fail(output);
  }
  for (uint32_t y = 0; y < header.height; ++y) {
    std::memcpy(picture + size_t{y} * output->width_stride,
                luma.data() + size_t{y} * header.width, header.width);
  }
  // Colours are not simulated: nothing in this project looks at them.
  const size_t plane = size_t{output->width_stride} * output->height_stride;
  const size_t all =
      PictureBytes(output->format, output->width_stride, output->height_stride);
  std::memset(picture + plane, kNeutralChroma, all - plane);
  output->width = header.width;
  output->height = header.height;
  output->ret_code = 0;
  return ACL_SUCCESS;
}

aclError Resize(State* state, Site site, const PicDesc& input,
                PicDesc* output) {
  if (!CheckResized(input, *output).empty()) return Fail(output);
  const char* const from = DvppView(state, site, input.data, input.size);
  char* const to = DvppView(state, site, output->data, output->size);
  if (from == nullptr || to == nullptr) return Fail(output);
  ResizePlane(reinterpret_cast<const uint8_t*>(from), input,
              reinterpret_cast<uint8_t*>(to), *output);
  const size_t plane = size_t{output->width_stride} * output->height_stride;
  std::memset(to + plane, kNeutralChroma, plane / 2);
  output->ret_code = 0;
  return ACL_SUCCESS;
}

}  // namespace
}  // namespace lenet::ascend::sim

using lenet::ascend::sim::AlignUp;
using lenet::ascend::sim::CheckChannel;
using lenet::ascend::sim::Decode;
using lenet::ascend::sim::GetHostFile;
using lenet::ascend::sim::JpegHeader;
using lenet::ascend::sim::kDecodedHeightAlignment;
using lenet::ascend::sim::kDecodedWidthAlignment;
using lenet::ascend::sim::kMaxJpegSide;
using lenet::ascend::sim::kMinJpegSide;
using lenet::ascend::sim::PicDesc;
using lenet::ascend::sim::PictureBytes;
using lenet::ascend::sim::Resize;
using lenet::ascend::sim::ResizeConfig;
using lenet::ascend::sim::Site;
using lenet::ascend::sim::State;
using lenet::ascend::sim::Stream;

extern "C" {

aclError acldvppJpegPredictDecSize(const void* jpeg, uint32_t size,
                                   acldvppPixelFormat format,
                                   uint32_t* decoded_size) {
  SIM_CALL(acldvppJpegPredictDecSize);
  if (decoded_size == nullptr) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "decoded_size is null");
  }
  JpegHeader header;
  SIM_RETURN_IF_ERROR(GetHostFile(&call, jpeg, size, &header));
  if (header.width < kMinJpegSide || header.height < kMinJpegSide ||
      header.width > kMaxJpegSide || header.height > kMaxJpegSide) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "the size of the picture");
  }
  if (!header.baseline) {
    return call.Result(ACL_ERROR_UNSUPPORTED_JPEG, "not baseline");
  }
  const uint32_t bytes =
      PictureBytes(format, AlignUp(header.width, kDecodedWidthAlignment),
                   AlignUp(header.height, kDecodedHeightAlignment));
  if (bytes == 0) {
    return call.Result(ACL_ERROR_FORMAT_NOT_MATCH, "the pixel format");
  }
  *decoded_size = bytes;
  return call.Result(ACL_SUCCESS);
}

aclError acldvppJpegDecodeAsync(acldvppChannelDesc* channel, const void* jpeg,
                                uint32_t size, acldvppPicDesc* picture,
                                aclrtStream handle) {
  SIM_CALL(acldvppJpegDecodeAsync);
  SIM_RETURN_IF_ERROR(CheckChannel(&call, channel));
  std::shared_ptr<PicDesc> output;
  SIM_RETURN_IF_ERROR(call.Get(picture, &output));
  std::shared_ptr<Stream> stream;
  SIM_RETURN_IF_ERROR(call.GetStream(handle, &stream));
  if (jpeg == nullptr || size == 0) {
    return call.Result(ACL_ERROR_INVALID_PARAM, "there is no file");
  }
  if (PictureBytes(output->format, 1, 2) == 0) {
    return call.Result(ACL_ERROR_FORMAT_NOT_MATCH,
                       "the decoder makes semi-planar pictures only");
  }
  State* const state = &call.state();
  const Site site = call.site();
  call.Enqueue(stream,
               [state, site, jpeg, size, output] {
                 return Decode(state, site, jpeg, size, output.get());
               },
               {jpeg, output->data});
  return call.Result(ACL_SUCCESS);
}

aclError acldvppVpcResizeAsync(acldvppChannelDesc* channel,
                               acldvppPicDesc* input_handle,
                               acldvppPicDesc* output_handle,
                               acldvppResizeConfig* config_handle,
                               aclrtStream handle) {
  SIM_CALL(acldvppVpcResizeAsync);
  SIM_RETURN_IF_ERROR(CheckChannel(&call, channel));
  std::shared_ptr<PicDesc> input;
  std::shared_ptr<PicDesc> output;
  std::shared_ptr<ResizeConfig> config;
  std::shared_ptr<Stream> stream;
  SIM_RETURN_IF_ERROR(call.Get(input_handle, &input));
  SIM_RETURN_IF_ERROR(call.Get(output_handle, &output));
  SIM_RETURN_IF_ERROR(call.Get(config_handle, &config));
  SIM_RETURN_IF_ERROR(call.GetStream(handle, &stream));
  if (output->format != PIXEL_FORMAT_YUV_SEMIPLANAR_420 &&
      output->format != PIXEL_FORMAT_YVU_SEMIPLANAR_420) {
    return call.Result(ACL_ERROR_FORMAT_NOT_MATCH,
                       "the scaler of this chip makes NV12 and NV21 only");
  }
  State* const state = &call.state();
  const Site site = call.site();
  call.Enqueue(stream,
               [state, site, input, output] {
                 return Resize(state, site, *input, output.get());
               },
               {input->data, output->data});
  return call.Result(ACL_SUCCESS);
}

}  // extern "C"

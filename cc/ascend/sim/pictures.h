#ifndef CC_ASCEND_SIM_PICTURES_H_
#define CC_ASCEND_SIM_PICTURES_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/sim/objects.h"

// Pictures as the DVPP of an Ascend 310 ("V1") takes and makes them.

namespace lenet::ascend::sim {

struct Channel {
  static constexpr ObjectKind kKind = ObjectKind::kChannel;
};

struct ChannelDesc {
  static constexpr ObjectKind kKind = ObjectKind::kChannelDesc;
  const void* channel = nullptr;  // handle, while there is one
};

struct PicDesc {
  static constexpr ObjectKind kKind = ObjectKind::kPicDesc;
  void* data = nullptr;
  uint32_t size = 0;
  acldvppPixelFormat format = PIXEL_FORMAT_YUV_400;
  uint32_t width = 0;
  uint32_t height = 0;
  uint32_t width_stride = 0;
  uint32_t height_stride = 0;
  uint32_t ret_code = 0;  // of the work that made it; 0: well
};

struct ResizeConfig {
  static constexpr ObjectKind kKind = ObjectKind::kResizeConfig;
  uint32_t interpolation = 0;
};

// The header of a JPEG file.
struct JpegHeader {
  uint32_t width = 0;
  uint32_t height = 0;
  int components = 0;
  acldvppJpegFormat sampling = ACL_JPEG_CSS_UNKNOWN;
  bool baseline = false;  // 8 bits, Huffman, sequential
};

// False if there is none.
bool ReadJpegHeader(absl::string_view jpeg, JpegHeader* header);

// The luma plane [height, width] as it is stored. False for a damaged file.
bool DecodeLuma(absl::string_view jpeg, std::vector<uint8_t>* luma);

// Sides that the decoder takes.
inline constexpr uint32_t kMinJpegSide = 32;
inline constexpr uint32_t kMaxJpegSide = 8192;

// Where the decoder puts a picture: strides are multiples of 128 and 16.
inline constexpr uint32_t kDecodedWidthAlignment = 128;
inline constexpr uint32_t kDecodedHeightAlignment = 16;
uint32_t AlignUp(uint32_t size, uint32_t alignment);

// Bytes of a picture; 0 for a format that the decoder does not make.
uint32_t PictureBytes(acldvppPixelFormat format, uint32_t width_stride,
                      uint32_t height_stride);

// "" if the decoder can put a picture of that header there; otherwise what it
// would find wrong only while it works.
std::string CheckDecoded(const JpegHeader& header, const PicDesc& output);

// "" if the scaler can make `output` of `input`; otherwise as above.
std::string CheckResized(const PicDesc& input, const PicDesc& output);

// Bilinear between the centres of pixels, in float32 and rounded to nearest:
// near to what other programs do, and not equal. Strides in bytes.
void ResizePlane(const uint8_t* from, const PicDesc& input, uint8_t* to,
                 const PicDesc& output);

}  // namespace lenet::ascend::sim

#endif  // CC_ASCEND_SIM_PICTURES_H_

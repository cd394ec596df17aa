// The JPEG files of pictures.h, by libjpeg.

#include <csetjmp>
#include <cstdio>
// After cstdio, which it needs.
#include <jpeglib.h>

#include "cc/ascend/sim/pictures.h"

namespace lenet::ascend::sim {
namespace {

struct ErrorManager {
  jpeg_error_mgr
      base;  // the first member, so that a pointer to it is one to us
  std::jmp_buf jump;
};

[[noreturn]] void JumpOut(j_common_ptr info) {
  std::longjmp(reinterpret_cast<ErrorManager*>(info->err)->jump, 1);
}

// The decoder of an NPU is not lenient: a warning is an error.
void RejectWarning(j_common_ptr info, int level) {
  if (level < 0) JumpOut(info);
}

acldvppJpegFormat Sampling(const jpeg_decompress_struct& info) {
  if (info.num_components == 1) return ACL_JPEG_CSS_GRAY;
  if (info.num_components != 3) return ACL_JPEG_CSS_UNKNOWN;
  const int across = info.comp_info[0].h_samp_factor;
  const int down = info.comp_info[0].v_samp_factor;
  if (across == 1 && down == 1) return ACL_JPEG_CSS_444;
  if (across == 2 && down == 1) return ACL_JPEG_CSS_422;
  if (across == 2 && down == 2) return ACL_JPEG_CSS_420;
  if (across == 1 && down == 2) return ACL_JPEG_CSS_440;
  if (across == 4 && down == 1) return ACL_JPEG_CSS_411;
  return ACL_JPEG_CSS_UNKNOWN;
}

void Describe(const jpeg_decompress_struct& info, JpegHeader* header) {
  header->width = info.image_width;
  header->height = info.image_height;
  header->components = info.num_components;
  header->sampling = Sampling(info);
  header->baseline = info.progressive_mode == FALSE &&
                     info.arith_code == FALSE && info.data_precision == 8;
}

void ReadRows(jpeg_decompress_struct* info, std::vector<uint8_t>* luma) {
  info->out_color_space = JCS_GRAYSCALE;
  jpeg_start_decompress(info);
  luma->resize(size_t{info->output_width} * info->output_height);
  while (info->output_scanline < info->output_height) {
    JSAMPROW row =
        luma->data() + size_t{info->output_scanline} * info->output_width;
    jpeg_read_scanlines(info, &row, 1);
  }
  jpeg_finish_decompress(info);
}

// Reads the header, and with `luma` the picture. longjmp crosses no object with
// a destructor here and in ReadRows.
bool Read(absl::string_view jpeg, JpegHeader* header,
          std::vector<uint8_t>* luma) {
  jpeg_decompress_struct info;
  ErrorManager errors;
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = JumpOut;
  errors.base.emit_message = RejectWarning;
  if (setjmp(errors.jump) != 0) {
    jpeg_destroy_decompress(&info);
    return false;
  }
  jpeg_create_decompress(&info);
  jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(jpeg.data()),
               static_cast<unsigned long>(jpeg.size()));
  jpeg_read_header(&info, TRUE);
  if (header != nullptr) Describe(info, header);
  if (luma != nullptr) ReadRows(&info, luma);
  jpeg_destroy_decompress(&info);
  return true;
}

}  // namespace

bool ReadJpegHeader(absl::string_view jpeg, JpegHeader* header) {
  return Read(jpeg, header, nullptr);
}

bool DecodeLuma(absl::string_view jpeg, std::vector<uint8_t>* luma) {
  return Read(jpeg, nullptr, luma);
}

}  // namespace lenet::ascend::sim

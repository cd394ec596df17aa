#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // before jpeglib.h, which needs it
#include <iterator>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/base/error.h"
#include "cc/image/decode.h"
#include "cc/image/image.h"
#include "cc/image/planes.h"
#include "jpeglib.h"
// clang-format off: jerror.h numbers its messages by the version in jpeglib.h.
#include "jerror.h"
// clang-format on

namespace lenet {
namespace {

constexpr uint32_t kDraftSide = 1024;  // _MAX_SIDE in picture.py

// Second bytes of markers.
constexpr int kSof0 = 0xc0;
constexpr int kSof2 = 0xc2;
constexpr int kExifMarker = JPEG_APP0 + 1;

// A block of 8x8 pixels takes at least one bit, in the scan of its mean.
// (Arithmetic coding could take less.)
constexpr uint64_t kJpegPixelsPerByte = 8 * 8 * 8;

// A scan of a few bytes takes as long to decode as the whole image. Encoders
// write about ten.
constexpr int kMaxScans = 100;

using MessageBuffer = char[JMSG_LENGTH_MAX];

struct JpegErrors {
  jpeg_error_mgr manager;  // the first member: libjpeg gets a pointer to it
  std::jmp_buf jump;
  MessageBuffer message;
  MessageBuffer warning;  // the last one
  int frame_marker;       // second byte of the marker SOF0 to SOF15
};

[[noreturn]] void JpegFail(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// Returns whether the pixels are whole although libjpeg warns. Bytes within the
// scans that are no code are damaged pixels.
bool IsHarmless(j_common_ptr info) {
  const jpeg_error_mgr& error = *info->err;
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (error.msg_code == JWRN_EXTRANEOUS_DATA) {
    return decompress->input_scan_number == 0 ||
           error.msg_parm.i[1] == JPEG_EOI;
  }
  return error.msg_code == JWRN_JFIF_MAJOR ||
         error.msg_code == JWRN_ADOBE_XFORM ||
         error.msg_code == JWRN_TOO_MUCH_DATA;
}

// Level -1 is a warning: libjpeg would replace damaged data and go on. Levels
// from 0 are traces; only a trace gives the marker of the frame.
void JpegMessage(j_common_ptr info, int level) {
  if (level < 0) {
    if (!IsHarmless(info)) JpegFail(info);
    auto* errors = reinterpret_cast<JpegErrors*>(info->err);
    info->err->format_message(info, errors->warning);
    return;
  }
  if (info->err->msg_code == JTRC_SOF) {
    reinterpret_cast<JpegErrors*>(info->err)->frame_marker =
        info->err->msg_parm.i[0];
  }
}

// libjpeg calls it while it reads an image of several scans.
void JpegProgress(j_common_ptr info) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (decompress->input_scan_number <= kMaxScans) return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors->message, sizeof(errors->message), "more than %d scans",
                kMaxScans);
  std::longjmp(errors->jump, 1);
}

class JpegReader {
 public:
  JpegReader() {
    info_.err = jpeg_std_error(&errors_.manager);
    errors_.manager.error_exit = JpegFail;
    errors_.manager.emit_message = JpegMessage;
    progress_.progress_monitor = JpegProgress;
  }
  ~JpegReader() { jpeg_destroy_decompress(&info_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  bool ReadHeader(absl::string_view content) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&info_);
    info_.progress = &progress_;
    jpeg_mem_src(&info_, reinterpret_cast<const unsigned char*>(content.data()),
                 static_cast<unsigned long>(content.size()));  // NOLINT
    jpeg_save_markers(&info_, kExifMarker, 0xffff);
    jpeg_read_header(&info_, /*require_image=*/TRUE);
    return true;
  }

  // Sets output_height and output_width in info(). Libjpeg scales while it
  // decodes: gray down to kMaxPixels, colour as Pillow's
  // draft("RGB", (kDraftSide, kDraftSide)).
  bool ChooseScale(bool color) {
    if (setjmp(errors_.jump) != 0) return false;
    const bool gray = !color || info_.jpeg_color_space == JCS_GRAYSCALE;
    info_.out_color_space = is_cmyk() ? JCS_CMYK
                            : gray    ? JCS_GRAYSCALE
                                      : JCS_RGB;
    const uint32_t drafts =
        std::min(info_.image_height, info_.image_width) / kDraftSide;
    info_.scale_denom = 8;
    for (const unsigned numerator : {8u, 4u, 2u, 1u}) {
      info_.scale_num = numerator;
      jpeg_calc_output_dimensions(&info_);
      const uint64_t pixels =
          uint64_t{info_.output_height} * info_.output_width;
      if (color ? drafts * numerator < 16 : pixels <= kMaxPixels) break;
    }
    return true;
  }

  // Returns the bytes for the image and, unless it is decoded scan by scan, all
  // its coefficients.
  uint64_t MemoryNeeded() {
    const bool whole = jpeg_has_multiple_scans(&info_) != FALSE;
    return kBytesPerPixel * info_.output_height * info_.output_width +
           (whole ? kBytesPerPixel / 2 : 0) * info_.image_height *
               info_.image_width;
  }

  // `row` has room for a row of all components.
  bool ReadPixels(uint8_t* row, Planes* planes) {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_start_decompress(&info_);
    while (info_.output_scanline < info_.output_height) {
      size_t pixel = size_t{info_.output_scanline} * info_.output_width;
      jpeg_read_scanlines(&info_, &row, 1);
      const uint8_t* sample = row;
      for (size_t x = 0; x < info_.output_width; ++x, ++pixel) {
        if (info_.output_components == 1) {
          for (GrayImage& plane : *planes) plane.pixels[pixel] = *sample;
        } else {
          const bool cmyk = info_.output_components == 4;
          const auto value = [&](size_t i) -> uint32_t {
            return cmyk ? Mixed(sample, i) : sample[i];
          };
          SetColor(pixel, {value(0), value(1), value(2)}, planes);
        }
        sample += info_.output_components;
      }
    }
    jpeg_finish_decompress(&info_);  // fails if the end is missing
    return true;
  }

  // Returns the error of the function that failed.
  absl::Status Error() const {
    return InvalidArgument("broken JPEG: ", errors_.message);
  }

  // Returns what was odd about a file that could be read; "" if nothing.
  std::string Warning() const {
    // The number of bytes would make each file's warning another one.
    if (absl::StrContains(errors_.warning, "extraneous bytes")) {
      return "JPEG with extraneous bytes";
    }
    return errors_.warning;
  }

  bool is_cmyk() const {
    return info_.jpeg_color_space == JCS_CMYK ||
           info_.jpeg_color_space == JCS_YCCK;
  }

  const jpeg_decompress_struct& info() const { return info_; }
  int frame_marker() const { return errors_.frame_marker; }

 private:
  // Converts as Pillow: the four inks are stored inverted, as Adobe does.
  static uint32_t Mixed(const uint8_t* light, size_t i) {
    const uint32_t shade = (255u - light[i]) * light[3] + 128u;
    return light[3] - (((shade >> 8) + shade) >> 8);
  }

  JpegErrors errors_ = {};
  jpeg_progress_mgr progress_ = {};
  jpeg_decompress_struct info_ = {};
};

int JpegOrientation(const jpeg_decompress_struct& info) {
  for (auto marker = info.marker_list; marker != nullptr;
       marker = marker->next) {
    absl::string_view segment(reinterpret_cast<const char*>(marker->data),
                              marker->data_length);
    if (absl::ConsumePrefix(&segment, absl::string_view("Exif\0\0", 6))) {
      return ExifOrientation(segment);
    }
  }
  return 1;
}

// Returns whether the scan whose header was read last holds all coefficients of
// all components, and the file has the tables to decode them.
bool IsCompleteScan(const jpeg_decompress_struct& info) {
  const auto has = [](const auto& tables, int number) {
    return number >= 0 && number < static_cast<int>(std::size(tables)) &&
           tables[number] != nullptr;
  };
  for (int i = 0; i < info.comps_in_scan; ++i) {
    const jpeg_component_info& component = *info.cur_comp_info[i];
    if (component.component_index != i ||
        !has(info.quant_tbl_ptrs, component.quant_tbl_no) ||
        !has(info.dc_huff_tbl_ptrs, component.dc_tbl_no) ||
        !has(info.ac_huff_tbl_ptrs, component.ac_tbl_no)) {
      return false;
    }
  }
  return info.comps_in_scan == info.num_components && info.Ss == 0 &&
         info.Se == DCTSIZE2 - 1 && info.Ah == 0 && info.Al == 0;
}

// Returns the second byte of the marker that ends a scan.
absl::StatusOr<int> FindEndOfScan(absl::string_view data) {
  for (size_t i = data.find('\xff');
       i != absl::string_view::npos && i + 1 < data.size();
       i = data.find('\xff', i + 1)) {
    const auto code = static_cast<uint8_t>(data[i + 1]);
    const bool is_restart = code >= JPEG_RST0 && code < JPEG_RST0 + 8;
    // 0 follows a coded byte of 0xff; markers may start with several 0xff.
    if (code != 0 && code != 0xff && !is_restart) return code;
  }
  return InvalidArgument("broken JPEG: the file ends too early");
}

}  // namespace

absl::StatusOr<Planes> DecodeJpeg(absl::string_view content, bool color) {
  JpegReader reader;
  if (!reader.ReadHeader(content)) return reader.Error();
  const jpeg_decompress_struct& info = reader.info();
  LENET_RETURN_IF_ERROR(CheckHeader("JPEG", info.image_height, info.image_width,
                                    content.size() * kJpegPixelsPerByte));
  if (!reader.ChooseScale(color)) return reader.Error();
  std::unique_lock<std::mutex> lock;
  LENET_RETURN_IF_ERROR(ReserveMemory("JPEG", info.image_height,
                                      info.image_width, reader.MemoryNeeded(),
                                      &lock));
  Planes planes = Allocate(info.output_height, info.output_width,
                           color && info.num_components > 1);
  std::vector<uint8_t> row(size_t{info.output_width} *
                           static_cast<size_t>(info.output_components));
  const int orientation = JpegOrientation(info);  // libjpeg frees the markers
  if (!reader.ReadPixels(row.data(), &planes)) return reader.Error();
  planes[0].warning = reader.Warning();
  TurnUpright(orientation, &planes);
  return planes;
}

absl::StatusOr<JpegHeader> ParseJpegHeader(absl::string_view content) {
  if (!absl::StartsWith(content, "\xff\xd8\xff")) {
    return InvalidArgument("not a JPEG");
  }
  JpegReader reader;
  if (!reader.ReadHeader(content)) return reader.Error();
  const jpeg_decompress_struct& info = reader.info();
  JpegHeader header;
  if (info.num_components > static_cast<int>(header.sampling.size())) {
    return InvalidArgument("expected 1 to 4 JPEG components, found ",
                           info.num_components);
  }
  header.height = static_cast<int>(info.image_height);
  header.width = static_cast<int>(info.image_width);
  header.precision = info.data_precision;
  if (reader.frame_marker() == kSof0) header.coding = JpegCoding::kBaseline;
  if (reader.frame_marker() == kSof2) header.coding = JpegCoding::kProgressive;
  const J_COLOR_SPACE space = info.jpeg_color_space;
  if (space == JCS_GRAYSCALE) header.color = JpegColor::kGray;
  if (space == JCS_YCbCr) header.color = JpegColor::kYcc;
  if (space == JCS_RGB) header.color = JpegColor::kRgb;
  header.components = info.num_components;
  for (int i = 0; i < info.num_components; ++i) {
    header.sampling[static_cast<size_t>(i)] = {info.comp_info[i].h_samp_factor,
                                               info.comp_info[i].v_samp_factor};
  }
  header.orientation = JpegOrientation(info);
  if (IsCompleteScan(info)) {
    content.remove_prefix(content.size() - info.src->bytes_in_buffer);
    LENET_ASSIGN_OR_RETURN(const int marker, FindEndOfScan(content));
    header.single_scan = marker == JPEG_EOI;
  }
  return header;
}

}  // namespace lenet

#include "cc/image/decode.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // before jpeglib.h, which needs it
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/base/error.h"
#include "cc/image/image.h"
#include "jpeglib.h"
#include "png.h"
// clang-format off: jerror.h numbers its messages by the version in jpeglib.h.
#include "jerror.h"
// clang-format on

// libjpeg and libpng report errors by longjmp, which must not skip destructors.
// So each call that can jump is in a function of its own that has no object
// with a destructor and returns whether it succeeded.

namespace lenet {
namespace {

constexpr absl::string_view kJpegStart = "\xff\xd8\xff";
constexpr absl::string_view kPngStart = "\x89PNG\r\n\x1a\n";
constexpr uint64_t kMaxPixels = uint64_t{1} << 26;  // of a JPEG after scaling
constexpr uint64_t kBytesPerPixel = 16;  // while an image is decoded, at most
constexpr uint32_t kDraftSide = 1024;    // _MAX_SIDE in picture.py

using MessageBuffer = char[JMSG_LENGTH_MAX];

// Checks the size in a header before memory is allocated for the pixels.
// `max_pixels`: what a file of this length can hold.
absl::Status CheckHeader(absl::string_view format, uint32_t height,
                         uint32_t width, uint64_t max_pixels) {
  if (height < 1 || width < 1 || height > kMaxImageSide ||
      width > kMaxImageSide) {
    return InvalidArgument(format, " image of ", width, "x", height,
                           " pixels; at most ", kMaxImageSide, "x",
                           kMaxImageSide, " are supported");
  }
  if (uint64_t{height} * width > max_pixels) {
    return InvalidArgument("broken ", format, ": too short for ", width, "x",
                           height, " pixels");
  }
  return absl::OkStatus();
}

// Returns the memory that is left, in bytes; the maximum if it is unknown.
uint64_t AvailableMemory() {
  std::ifstream file("/proc/meminfo");
  std::string key;
  uint64_t kilobytes = 0;
  for (std::string unit; file >> key >> kilobytes;) {
    if (key == "MemAvailable:") return kilobytes << 10;
    std::getline(file, unit);
  }
  return std::numeric_limits<uint64_t>::max();
}

// Checks that `needed` bytes are left. Large images are decoded one at a time,
// while `lock` is held.
absl::Status ReserveMemory(absl::string_view format, uint32_t height,
                           uint32_t width, uint64_t needed,
                           std::unique_lock<std::mutex>* lock) {
  static std::mutex mutex;
  if (needed <= kMaxPixels * kBytesPerPixel) return absl::OkStatus();
  *lock = std::unique_lock<std::mutex>(mutex);
  const uint64_t available = AvailableMemory();
  if (needed <= available) return absl::OkStatus();
  return InvalidArgument(format, " image of ", width, "x", height,
                         " pixels: needs about ", needed / 1000000,
                         " MB of memory, and ", available / 1000000,
                         " MB are left; scale it down");
}

// Gray, then red, green and blue if they are wanted.
using Planes = std::vector<GrayImage>;

Planes Allocate(uint32_t height, uint32_t width, bool color) {
  GrayImage image{static_cast<int>(height), static_cast<int>(width), {}};
  image.pixels.resize(size_t{height} * width);
  return Planes(color ? 4 : 1, image);
}

// Stores a colour; gray is converted as Pillow's convert("L"): ITU-R 601-2 luma
// in 16 bits, rounded.
void SetColor(size_t pixel, const std::array<uint32_t, 3>& color,
              Planes* planes) {
  const uint32_t luma =
      19595u * color[0] + 38470u * color[1] + 7471u * color[2] + 32768u;
  (*planes)[0].pixels[pixel] = static_cast<uint8_t>(luma >> 16);
  for (size_t i = 1; i < planes->size(); ++i) {
    (*planes)[i].pixels[pixel] = static_cast<uint8_t>(color[i - 1]);
  }
}

// Returns the orientation, 1 to 8, from EXIF data (EXIF 2.3, section 4.6).
// Returns 1 if there is none or it is invalid.
int ExifOrientation(absl::string_view data) {
  constexpr uint64_t kOrientationTag = 0x0112;
  constexpr uint64_t kShort = 3;
  constexpr uint64_t kEntrySize = 12;  // tag, type, count, value
  const bool little_endian = absl::StartsWith(data, "II");
  const auto number = [data, little_endian](uint64_t offset, size_t bytes) {
    uint64_t value = 0;  // also past the end
    if (offset + bytes > data.size()) return value;
    for (size_t i = 0; i < bytes; ++i) {
      const size_t place = offset + (little_endian ? bytes - 1 - i : i);
      value = value << 8 | static_cast<uint8_t>(data[place]);
    }
    return value;
  };
  if ((!little_endian && !absl::StartsWith(data, "MM")) || number(2, 2) != 42) {
    return 1;
  }
  const uint64_t directory = number(4, 4);
  const uint64_t count = number(directory, 2);
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t entry = directory + 2 + i * kEntrySize;
    if (number(entry, 2) != kOrientationTag) continue;
    const uint64_t value = number(entry + 8, 2);
    const bool valid =
        number(entry + 2, 2) == kShort && value >= 1 && value <= 8;
    return valid ? static_cast<int>(value) : 1;
  }
  return 1;
}

// Turns an image upright that is stored with an orientation of EXIF.
void TurnUpright(int orientation, GrayImage* stored) {
  if (orientation == 1) return;
  const GrayImage image = *stored;
  const bool swapped = orientation >= 5;
  const bool from_bottom = orientation == 3 || orientation == 4 ||
                           orientation == 7 || orientation == 6;
  const bool from_right = orientation == 2 || orientation == 3 ||
                          orientation == 7 || orientation == 8;
  const auto height = static_cast<size_t>(image.height);
  const auto width = static_cast<size_t>(image.width);
  GrayImage& turned = *stored;
  if (swapped) std::swap(turned.height, turned.width);
  size_t i = 0;
  for (size_t y = 0; y < static_cast<size_t>(turned.height); ++y) {
    for (size_t x = 0; x < static_cast<size_t>(turned.width); ++x) {
      const size_t row = swapped ? x : y;
      const size_t column = swapped ? y : x;
      turned.pixels[i++] =
          image.pixels[(from_bottom ? height - 1 - row : row) * width +
                       (from_right ? width - 1 - column : column)];
    }
  }
}

// ---------------------------------------------------------------- JPEG

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

// ---------------------------------------------------------------- PNG

constexpr uint32_t kFewLevels = 32;

struct PngReader {
  absl::string_view rest;  // the part of the file that is not read yet
  png_structp png = nullptr;
  png_infop info = nullptr;
  MessageBuffer message = {};
};

[[noreturn]] void PngFail(png_structp png, png_const_charp message) {
  auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader->message, sizeof(reader->message), "%s", message);
  png_longjmp(png, 1);
}

// Ignores warnings: they concern parts that do not change the gray values.
void PngWarn(png_structp, png_const_charp) {}

void PngRead(png_structp png, png_bytep data, size_t size) {
  auto* reader = static_cast<PngReader*>(png_get_io_ptr(png));
  if (size > reader->rest.size()) png_error(png, "the file ends too early");
  std::copy_n(reader->rest.data(), size, reinterpret_cast<char*>(data));
  reader->rest.remove_prefix(size);
}

bool PngReadHeader(PngReader* reader) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_set_read_fn(reader->png, reader, PngRead);
  // Skips texts and the like, which could unpack to gigabytes.
  png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_AS_DEFAULT,
                              reinterpret_cast<png_const_bytep>("eXIf"), 1);
  png_read_info(reader->png, reader->info);
  return true;
}

// Returns how many pixels a file of `size` bytes can hold: deflate makes at
// most 1032 bytes of one.
uint64_t PngMaxPixels(const PngReader& reader, size_t size) {
  const unsigned pixel_bits = png_get_channels(reader.png, reader.info) *
                              png_get_bit_depth(reader.png, reader.info);
  return uint64_t{size} * 1032 * 8 / std::max(pixel_bits, 1u);
}

// Sets the conversions to samples of 8 or 16 bits: gray or red, green and blue;
// then alpha, if the file has it.
bool PngSetUp(PngReader* reader) {
  png_structp png = reader->png;
  if (setjmp(png_jmpbuf(png)) != 0) return false;
  const int color = png_get_color_type(png, reader->info);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
  if (png_get_valid(png, reader->info, PNG_INFO_tRNS) != 0 &&
      png_get_bit_depth(png, reader->info) <= 8) {
    png_set_tRNS_to_alpha(png);
  }
  png_set_interlace_handling(png);
  png_read_update_info(png, reader->info);
  return true;
}

bool PngReadPixels(PngReader* reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_read_image(reader->png, rows);
  png_read_end(reader->png, reader->info);  // fails if the end is missing
  return true;
}

int PngOrientation(const PngReader& reader) {
  png_uint_32 size = 0;
  png_bytep data = nullptr;
  if (png_get_eXIf_1(reader.png, reader.info, &size, &data) == 0) return 1;
  return ExifOrientation({reinterpret_cast<const char*>(data), size});
}

// Puts the pixels on an opaque ground, as lenet.prediction.picture in Python:
// transparent parts get the colour of opaque paper; around bare ink they become
// white under dark ink and black under light ink.
void PutOnPaper(const std::vector<uint8_t>& alpha, Planes* planes) {
  constexpr int kMarkContrast = 64;  // gray levels between paper and ink
  const uint32_t full = *std::max_element(alpha.begin(), alpha.end());
  if (full == 0) return;  // nothing would be visible
  const auto width = static_cast<size_t>(planes->front().width);
  const std::vector<uint8_t>& gray = planes->front().pixels;
  const auto opaque = [&](size_t i) { return alpha[i] * 2u > full; };
  std::vector<size_t> edge;  // opaque pixels beside others
  uint64_t light = 0;
  uint64_t weight = 0;
  for (size_t i = 0; i < gray.size(); ++i) {
    light += uint64_t{gray[i]} * alpha[i];
    weight += alpha[i];
    const size_t x = i % width;
    const bool inside = (x == 0 || opaque(i - 1)) &&
                        (x + 1 == width || opaque(i + 1)) &&
                        (i < width || opaque(i - width)) &&
                        (i + width >= gray.size() || opaque(i + width));
    if (opaque(i) && !inside) edge.push_back(i);
  }
  if (edge.empty()) return;
  const auto paper_of = [&edge](const std::vector<uint8_t>& plane) {
    std::vector<uint8_t> levels;
    for (const size_t i : edge) levels.push_back(plane[i]);
    const auto median = levels.begin() + levels.size() / 2;
    std::nth_element(levels.begin(), median, levels.end());
    return *median;
  };
  const uint8_t gray_paper = paper_of(gray);
  size_t marks = 0;
  size_t visible = 0;
  for (size_t i = 0; i < gray.size(); ++i) {
    if (!opaque(i)) continue;
    ++visible;
    if (std::abs(gray[i] - gray_paper) >= kMarkContrast) ++marks;
  }
  const bool has_paper = marks * 100 >= visible;
  const uint32_t ground = light < 128 * weight ? 255 : 0;
  for (GrayImage& plane : *planes) {
    const uint8_t paper = paper_of(plane.pixels);
    for (size_t i = 0; i < alpha.size(); ++i) {
      uint8_t& pixel = plane.pixels[i];
      if (!has_paper) {
        pixel = static_cast<uint8_t>(
            (pixel * alpha[i] + ground * (full - alpha[i]) + full / 2) / full);
      } else if (!opaque(i)) {
        pixel = paper;
      }
    }
  }
}

absl::StatusOr<Planes> DecodePng(absl::string_view content, bool color) {
  PngReader reader;
  reader.rest = content;
  reader.png =
      png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, PngFail, PngWarn);
  const absl::Cleanup destroyer = [&reader] {
    png_destroy_read_struct(&reader.png, &reader.info, nullptr);
  };
  if (reader.png != nullptr) reader.info = png_create_info_struct(reader.png);
  if (reader.info == nullptr) {
    return absl::InternalError("libpng cannot start: wrong version or memory");
  }
  const auto broken = [&reader] {
    return InvalidArgument("broken PNG: ", reader.message);
  };

  if (!PngReadHeader(&reader)) return broken();
  const uint32_t height = png_get_image_height(reader.png, reader.info);
  const uint32_t width = png_get_image_width(reader.png, reader.info);
  LENET_RETURN_IF_ERROR(
      CheckHeader("PNG", height, width, PngMaxPixels(reader, content.size())));
  std::unique_lock<std::mutex> lock;
  LENET_RETURN_IF_ERROR(ReserveMemory("PNG", height, width,
                                      kBytesPerPixel * height * width, &lock));
  if (!PngSetUp(&reader)) return broken();

  const size_t row_size = png_get_rowbytes(reader.png, reader.info);
  const size_t channels = png_get_channels(reader.png, reader.info);
  const bool wide = png_get_bit_depth(reader.png, reader.info) == 16;
  const size_t colors = channels >= 3 ? 3 : 1;
  std::vector<uint8_t> samples(height * row_size);
  std::vector<png_bytep> rows(height);
  for (size_t y = 0; y < height; ++y) rows[y] = &samples[y * row_size];
  if (!PngReadPixels(&reader, rows.data())) return broken();

  const size_t count = size_t{height} * width;
  const auto sample16 = [&samples](size_t i) {
    return uint32_t{samples[2 * i]} << 8 | samples[2 * i + 1];
  };
  const auto value = [&](size_t i) -> uint32_t {
    return wide ? sample16(i) : samples[i];
  };
  uint32_t smallest = std::numeric_limits<uint32_t>::max();
  uint32_t largest = 0;
  for (size_t i = 0; i < count * channels; ++i) {
    if (i % channels >= colors) continue;
    smallest = std::min(smallest, value(i));
    largest = std::max(largest, value(i));
  }
  // For example, 12 bits of a scanner, or an array of 0 and 1 saved as it is.
  const bool few_levels = channels == colors && smallest < largest;
  const bool scaled = largest > 0 && largest < (wide         ? 1u << 15
                                                : few_levels ? kFewLevels
                                                             : 0);
  const auto sample = [&](size_t pixel, size_t channel) -> uint32_t {
    const size_t i = pixel * channels + channel;
    if (!scaled || channel >= colors) return value(i) >> (wide ? 8 : 0);
    return (value(i) * 255 + largest / 2) / largest;
  };
  Planes planes = Allocate(height, width, color && colors == 3);
  std::vector<uint8_t> alpha(channels > colors ? count : 0);
  for (size_t i = 0; i < count; ++i) {
    if (colors == 1) {
      planes[0].pixels[i] = static_cast<uint8_t>(sample(i, 0));
    } else {
      SetColor(i, {sample(i, 0), sample(i, 1), sample(i, 2)}, &planes);
    }
    if (!alpha.empty()) alpha[i] = static_cast<uint8_t>(sample(i, colors));
  }
  if (!alpha.empty()) PutOnPaper(alpha, &planes);
  if (scaled) {
    planes[0].warning =
        "samples that use a small part of their range; scaled by the largest";
  }
  for (GrayImage& plane : planes) TurnUpright(PngOrientation(reader), &plane);
  return planes;
}

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
  for (GrayImage& plane : planes) TurnUpright(orientation, &plane);
  return planes;
}

absl::StatusOr<Planes> Decode(absl::string_view content, bool color) {
  if (content.empty()) return InvalidArgument("the file is empty");
  if (absl::StartsWith(content, kJpegStart)) return DecodeJpeg(content, color);
  if (absl::StartsWith(content, kPngStart)) return DecodePng(content, color);
  return InvalidArgument("neither JPEG nor PNG (starts with 0x",
                         absl::BytesToHexString(content.substr(0, 4)), ")");
}

}  // namespace

absl::StatusOr<JpegHeader> ParseJpegHeader(absl::string_view content) {
  if (!absl::StartsWith(content, kJpegStart)) {
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

bool IsImage(absl::string_view start) {
  return absl::StartsWith(start, kJpegStart) ||
         absl::StartsWith(start, kPngStart);
}

absl::StatusOr<GrayImage> DecodeImage(absl::string_view content) {
  LENET_ASSIGN_OR_RETURN(Planes planes, Decode(content, /*color=*/false));
  return std::move(planes[0]);
}

absl::StatusOr<std::vector<GrayImage>> DecodePlanes(absl::string_view content) {
  return Decode(content, /*color=*/true);
}

}  // namespace lenet

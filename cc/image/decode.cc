#include "cc/image/decode.h"

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // before jpeglib.h, which needs it
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "cc/image/image.h"
#include "jpeglib.h"
#include "png.h"

// Both libraries report errors by longjmp. So each step that can jump is a
// small function that has no object with a destructor, and that returns whether
// it reached its end; everything with an owner lives in the functions around
// them.

namespace lenet {
namespace {

using MessageBuffer = char[JMSG_LENGTH_MAX];

// What a header says before memory is taken for it: sizes, and whether a file
// of so few bytes can hold so many pixels at all.
absl::Status CheckSize(absl::string_view format, uint32_t height,
                       uint32_t width, uint64_t most_pixels) {
  if (height < 1 || width < 1 || height > kMaxImageSide ||
      width > kMaxImageSide) {
    return absl::InvalidArgumentError(absl::StrCat(
        format, " image of ", width, "x", height, " pixels; at most ",
        kMaxImageSide, "x", kMaxImageSide, " are supported"));
  }
  if (uint64_t{height} * width > most_pixels) {
    return absl::InvalidArgumentError(absl::StrCat(
        "broken ", format, ": too short for ", width, "x", height, " pixels"));
  }
  return absl::OkStatus();
}

GrayImage Allocate(uint32_t height, uint32_t width) {
  GrayImage image{static_cast<int>(height), static_cast<int>(width), {}};
  image.pixels.resize(size_t{height} * width);
  return image;
}

// ---------------------------------------------------------------- JPEG

struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg knows only this part
  std::jmp_buf jump;
  MessageBuffer message;
};

[[noreturn]] void JpegFail(j_common_ptr info) {
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  info->err->format_message(info, errors->message);
  std::longjmp(errors->jump, 1);
}

// A block of 8x8 pixels has at least one bit, in the scan with its mean. (But
// for arithmetic coding, which nobody writes.)
constexpr uint64_t kJpegPixelsPerByte = 8 * 8 * 8;

// Nobody writes more; each costs as much time as the whole image, and a few
// bytes.
constexpr int kMaxScans = 100;

// Level -1 is a warning: the file is damaged and libjpeg would go on with
// invented pixels. Levels from 0 are traces.
void JpegMessage(j_common_ptr info, int level) {
  if (level < 0) JpegFail(info);
}

// Called by libjpeg in between; only progressive files have many scans.
void JpegProgress(j_common_ptr info) {
  const auto* decompress = reinterpret_cast<j_decompress_ptr>(info);
  if (decompress->input_scan_number <= kMaxScans) return;
  auto* errors = reinterpret_cast<JpegErrors*>(info->err);
  std::snprintf(errors->message, sizeof(errors->message), "more than %d scans",
                kMaxScans);
  std::longjmp(errors->jump, 1);
}

bool JpegReadHeader(jpeg_decompress_struct* info, JpegErrors* errors,
                    jpeg_progress_mgr* progress, absl::string_view content) {
  if (setjmp(errors->jump) != 0) return false;
  jpeg_create_decompress(info);
  info->progress = progress;
  jpeg_mem_src(info, reinterpret_cast<const unsigned char*>(content.data()),
               static_cast<unsigned long>(content.size()));  // NOLINT: its type
  jpeg_read_header(info, /*require_image=*/TRUE);
  return true;
}

bool JpegReadPixels(jpeg_decompress_struct* info, JpegErrors* errors,
                    uint8_t* pixels) {
  if (setjmp(errors->jump) != 0) return false;
  info->out_color_space = JCS_GRAYSCALE;
  jpeg_start_decompress(info);
  while (info->output_scanline < info->output_height) {
    JSAMPROW row = pixels + size_t{info->output_scanline} * info->output_width;
    jpeg_read_scanlines(info, &row, 1);
  }
  jpeg_finish_decompress(info);  // sees a missing end
  return true;
}

// ---------------------------------------------------------------- PNG

struct PngReader {
  absl::string_view rest;  // of the file
  png_structp png = nullptr;
  png_infop info = nullptr;
  MessageBuffer message = {};
};

[[noreturn]] void PngFail(png_structp png, png_const_charp message) {
  auto* reader = static_cast<PngReader*>(png_get_error_ptr(png));
  std::snprintf(reader->message, sizeof(reader->message), "%s", message);
  png_longjmp(png, 1);
}

// Warnings are about parts that do not change the gray values. Damaged pixels
// are errors.
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
  // All but pixels, palette and transparency: texts could unpack to gigabytes.
  png_set_keep_unknown_chunks(reader->png, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
  png_read_info(reader->png, reader->info);
  return true;
}

// That a file of `size` bytes can hold: deflate makes 1032 bytes of one at
// most.
uint64_t PngMostPixels(const PngReader& reader, size_t size) {
  const unsigned pixel_bits = png_get_channels(reader.png, reader.info) *
                              png_get_bit_depth(reader.png, reader.info);
  return uint64_t{size} * 1032 * 8 / std::max(pixel_bits, 1u);
}

// Asks for 8-bit gray or RGB without alpha. Returns the channels of a pixel, 1
// or 3; 0 on an error.
size_t PngSetUp(PngReader* reader) {
  png_structp png = reader->png;
  if (setjmp(png_jmpbuf(png)) != 0) return 0;
  const int color = png_get_color_type(png, reader->info);
  if (color == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png);
  if (color == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_interlace_handling(png);
  png_read_update_info(png, reader->info);
  return png_get_channels(png, reader->info);
}

// rows: pointers to the start of each row.
bool PngReadPixels(PngReader* reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader->png)) != 0) return false;
  png_read_image(reader->png, rows);
  png_read_end(reader->png, nullptr);  // sees a missing end
  return true;
}

// As Pillow's convert("L"): ITU-R 601-2 luma, in 16 bits, rounded.
void RgbToGray(const std::vector<uint8_t>& rgb, std::vector<uint8_t>* gray) {
  for (size_t i = 0; i < gray->size(); ++i) {
    const uint32_t luma = 19595u * rgb[3 * i] + 38470u * rgb[3 * i + 1] +
                          7471u * rgb[3 * i + 2] + 32768u;
    (*gray)[i] = static_cast<uint8_t>(luma >> 16);
  }
}

}  // namespace

absl::StatusOr<GrayImage> DecodeJpeg(absl::string_view content) {
  if (content.empty()) return absl::InvalidArgumentError("the file is empty");

  JpegErrors errors = {};
  jpeg_decompress_struct info = {};
  info.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = JpegFail;
  errors.manager.emit_message = JpegMessage;
  jpeg_progress_mgr progress = {};
  progress.progress_monitor = JpegProgress;
  const absl::Cleanup destroyer = [&info] { jpeg_destroy_decompress(&info); };
  const auto broken = [&errors] {
    return absl::InvalidArgumentError(
        absl::StrCat("broken JPEG: ", errors.message));
  };

  if (!JpegReadHeader(&info, &errors, &progress, content)) return broken();
  if (absl::Status status =
          CheckSize("JPEG", info.image_height, info.image_width,
                    content.size() * kJpegPixelsPerByte);
      !status.ok()) {
    return status;
  }
  if (info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK) {
    return absl::InvalidArgumentError(
        "CMYK JPEG is not supported; convert it to gray or RGB");
  }
  GrayImage image = Allocate(info.image_height, info.image_width);
  if (!JpegReadPixels(&info, &errors, image.pixels.data())) return broken();
  return image;
}

absl::StatusOr<GrayImage> DecodePng(absl::string_view content) {
  if (content.empty()) return absl::InvalidArgumentError("the file is empty");

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
    return absl::InvalidArgumentError(
        absl::StrCat("broken PNG: ", reader.message));
  };

  if (!PngReadHeader(&reader)) return broken();
  const uint32_t height = png_get_image_height(reader.png, reader.info);
  const uint32_t width = png_get_image_width(reader.png, reader.info);
  if (absl::Status status = CheckSize("PNG", height, width,
                                      PngMostPixels(reader, content.size()));
      !status.ok()) {
    return status;
  }
  const size_t channels = PngSetUp(&reader);
  if (channels == 0) return broken();

  GrayImage image = Allocate(height, width);
  std::vector<uint8_t> rgb(channels == 3 ? 3 * image.pixels.size() : 0);
  std::vector<uint8_t>& target = channels == 3 ? rgb : image.pixels;
  std::vector<png_bytep> rows(height);
  for (size_t y = 0; y < height; ++y) rows[y] = &target[y * width * channels];
  if (!PngReadPixels(&reader, rows.data())) return broken();
  if (channels == 3) RgbToGray(rgb, &image.pixels);
  return image;
}

absl::StatusOr<GrayImage> DecodeImage(absl::string_view content) {
  constexpr absl::string_view kJpeg = "\xff\xd8\xff";
  constexpr absl::string_view kPng = "\x89PNG\r\n\x1a\n";
  if (content.empty()) return absl::InvalidArgumentError("the file is empty");
  if (content.substr(0, kJpeg.size()) == kJpeg) return DecodeJpeg(content);
  if (content.substr(0, kPng.size()) == kPng) return DecodePng(content);

  std::string start;
  for (const char c : content.substr(0, 4)) {
    absl::StrAppendFormat(&start, " %02x", static_cast<unsigned char>(c));
  }
  return absl::InvalidArgumentError(
      absl::StrCat("neither JPEG nor PNG (starts with", start, ")"));
}

}  // namespace lenet

#include "png.h"

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/base/error.h"
#include "cc/image/image.h"
#include "cc/image/planes.h"

namespace lenet {
namespace {

constexpr uint32_t kFewLevels = 32;

struct PngReader {
  absl::string_view rest;  // the part of the file that is not read yet
  png_structp png = nullptr;
  png_infop info = nullptr;
  char message[200] = {};
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
  // Skips texts and colour profiles, which could unpack to gigabytes.
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

}  // namespace

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
  TurnUpright(PngOrientation(reader), &planes);
  return planes;
}

}  // namespace lenet

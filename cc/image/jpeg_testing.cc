#include "cc/image/jpeg_testing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // before jpeglib.h, which needs it
#include <cstdlib>
#include <string>
#include <vector>

#include "jpeglib.h"

namespace lenet {
namespace {

constexpr uint8_t kFlat = 100;
constexpr uint8_t kNeutral = 128;

struct ColorSpace {
  J_COLOR_SPACE space;
  int components;
};

ColorSpace SpaceOf(JpegOptions::Color color) {
  switch (color) {
    case JpegOptions::Color::kGray:
      return {JCS_GRAYSCALE, 1};
    case JpegOptions::Color::kYcc:
      return {JCS_YCbCr, 3};
    case JpegOptions::Color::kRgb:
      return {JCS_RGB, 3};
    case JpegOptions::Color::kCmyk:
      return {JCS_CMYK, 4};
  }
  std::abort();
}

// One component after the other, each with all its coefficients.
std::vector<jpeg_scan_info> ScansOf(int components) {
  std::vector<jpeg_scan_info> scans;
  for (int i = 0; i < components; ++i) {
    scans.push_back({1, {i, 0, 0, 0}, 0, 63, 0, 0});
  }
  return scans;
}

void SetUp(const JpegOptions& options, const std::vector<jpeg_scan_info>& scans,
           jpeg_compress_struct* info) {
  const auto [space, components] = SpaceOf(options.color);
  info->image_height = static_cast<JDIMENSION>(options.height);
  info->image_width = static_cast<JDIMENSION>(options.width);
  info->in_color_space = space;
  info->input_components = components;
  jpeg_set_defaults(info);
  jpeg_set_colorspace(info, space);
  jpeg_set_quality(info, options.quality, /*force_baseline=*/TRUE);
  info->comp_info[0].h_samp_factor = options.horizontal;
  info->comp_info[0].v_samp_factor = options.vertical;
  for (int i = 1; i < components; ++i) {
    info->comp_info[i].h_samp_factor = 1;
    info->comp_info[i].v_samp_factor = 1;
  }
  if (options.progressive) jpeg_simple_progression(info);
  if (options.separate_scans) {
    info->scan_info = scans.data();
    info->num_scans = static_cast<int>(scans.size());
  }
  info->restart_interval = static_cast<unsigned>(options.restart_interval);
}

}  // namespace

std::string MakeJpeg(const JpegOptions& options) {
  jpeg_compress_struct info = {};
  jpeg_error_mgr errors = {};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  jpeg_mem_dest(&info, &buffer, &size);
  const std::vector<jpeg_scan_info> scans =
      ScansOf(SpaceOf(options.color).components);
  SetUp(options, scans, &info);
  jpeg_start_compress(&info, TRUE);
  if (!options.exif.empty()) {
    jpeg_write_marker(&info, JPEG_APP0 + 1,
                      reinterpret_cast<const JOCTET*>(options.exif.data()),
                      static_cast<unsigned>(options.exif.size()));
  }
  const auto width = static_cast<size_t>(options.width);
  const auto step = static_cast<size_t>(info.input_components);
  std::vector<JSAMPLE> row(width * step, kNeutral);
  while (info.next_scanline < info.image_height) {
    for (size_t x = 0; x < width; ++x) {
      row[x * step] = options.luma.empty()
                          ? kFlat
                          : options.luma[info.next_scanline * width + x];
    }
    JSAMPROW rows = row.data();
    jpeg_write_scanlines(&info, &rows, 1);
  }
  jpeg_finish_compress(&info);
  std::string file(buffer, buffer + size);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return file;
}

std::string MakeExif(int orientation, bool little_endian, size_t entries) {
  const auto number = [little_endian](size_t value, size_t bytes) {
    std::string text;
    for (size_t i = 0; i < bytes; ++i) {
      text.push_back(static_cast<char>(value >> 8 * i & 0xff));
    }
    if (!little_endian) std::reverse(text.begin(), text.end());
    return text;
  };
  std::string exif("Exif\0\0", 6);
  exif += little_endian ? "II" : "MM";
  exif += number(42, 2) + number(8, 4) + number(entries + 1, 2);
  for (size_t i = 0; i < entries; ++i) {
    exif += number(0x0100, 2) + number(4, 2) + number(1, 4) + number(7, 4);
  }
  exif += number(0x0112, 2) + number(3, 2) + number(1, 4);
  return exif + number(static_cast<size_t>(orientation), 2) + number(0, 6);
}

}  // namespace lenet

#include "cc/image/testing.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>  // before jpeglib.h, which needs it
#include <cstdlib>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cc/base/testing.h"
#include "jpeglib.h"

namespace lenet {
namespace {

std::string EncodeInteger(size_t value, size_t bytes, bool little_endian) {
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    text.push_back(static_cast<char>(value >> 8 * i & 0xff));
  }
  if (!little_endian) std::reverse(text.begin(), text.end());
  return text;
}

std::string BigEndian(size_t value) { return EncodeInteger(value, 4, false); }

J_COLOR_SPACE ColorSpace(JpegOptions::Color color) {
  constexpr J_COLOR_SPACE kSpaces[] = {JCS_GRAYSCALE, JCS_YCbCr, JCS_RGB,
                                       JCS_CMYK};
  return kSpaces[static_cast<size_t>(color)];
}

void SetUp(const JpegOptions& options, jpeg_compress_struct* info) {
  info->image_height = static_cast<JDIMENSION>(options.height);
  info->image_width = static_cast<JDIMENSION>(options.width);
  info->in_color_space = ColorSpace(options.color);
  jpeg_set_defaults(info);
  jpeg_set_colorspace(info, info->in_color_space);
  info->input_components = info->num_components;
  jpeg_set_quality(info, options.quality, /*force_baseline=*/TRUE);
  for (int i = 0; i < info->num_components; ++i) {
    info->comp_info[i].h_samp_factor = i == 0 ? options.horizontal : 1;
    info->comp_info[i].v_samp_factor = i == 0 ? options.vertical : 1;
  }
  if (options.progressive) jpeg_simple_progression(info);
  if (options.separate_scans) {
    static constexpr jpeg_scan_info kScans[] = {
        {1, {0}, 0, 63, 0, 0}, {1, {1}, 0, 63, 0, 0}, {1, {2}, 0, 63, 0, 0}};
    info->scan_info = kScans;
    info->num_scans = info->num_components;
  }
  info->restart_interval = static_cast<unsigned>(options.restart_interval);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(const std::string& path,
                                                     size_t limit) {
  DatasetOptions options;
  options.path = path;
  options.limit = limit;
  return OpenDataset(options);
}

std::vector<std::string> Stems(const Dataset& dataset) {
  std::vector<std::string> stems;
  for (size_t i = 0; i < dataset.size(); ++i) stems.push_back(dataset.stem(i));
  return stems;
}

std::vector<int> Labels(const Dataset& dataset) {
  std::vector<int> labels;
  for (size_t i = 0; i < dataset.size(); ++i) {
    labels.push_back(dataset.label(i).value_or(-1));
  }
  return labels;
}

std::string MakeIdxImages(const std::vector<uint8_t>& values) {
  std::string file = absl::StrCat(BigEndian(0x0803), BigEndian(values.size()),
                                  BigEndian(28), BigEndian(28));
  for (const uint8_t value : values) {
    file.append(28 * 28, static_cast<char>(value));
  }
  return file;
}

std::string MakeIdxLabels(const std::vector<uint8_t>& labels) {
  return absl::StrCat(BigEndian(0x0801), BigEndian(labels.size()),
                      std::string(labels.begin(), labels.end()));
}

std::string MakeJpeg(const JpegOptions& options) {
  jpeg_compress_struct info = {};
  jpeg_error_mgr errors = {};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  jpeg_mem_dest(&info, &buffer, &size);
  SetUp(options, &info);
  jpeg_start_compress(&info, TRUE);
  if (!options.exif.empty()) {
    jpeg_write_marker(&info, JPEG_APP0 + 1,
                      reinterpret_cast<const JOCTET*>(options.exif.data()),
                      static_cast<unsigned>(options.exif.size()));
  }
  const auto width = static_cast<size_t>(options.width);
  const auto components = static_cast<size_t>(info.input_components);
  std::vector<JSAMPLE> row(width * components, 128);
  while (info.next_scanline < info.image_height) {
    for (size_t x = 0; x < width; ++x) {
      row[x * components] = options.luma.empty()
                                ? 100
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
    return EncodeInteger(value, bytes, little_endian);
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

std::string BytesOf(const std::vector<float>& values) {
  return {reinterpret_cast<const char*>(values.data()),
          values.size() * sizeof(float)};
}

const std::map<std::string, GoldenImage>& GoldenImages() {
  static const auto* const images = [] {
    auto* result = new std::map<std::string, GoldenImage>;
    std::istringstream records(
        ReadTestFile(TestData("lenet_mindspore/cc/image/golden_images.bin")));
    std::string name;
    GoldenImage image;
    size_t bytes = 0;
    while (records >> name >> image.height >> image.width >> image.crc >>
           image.digits_crc >> bytes) {
      records.get();  // the end of the line
      image.file.resize(bytes);
      records.read(image.file.data(), static_cast<std::streamsize>(bytes));
      (*result)[name] = image;
    }
    return result;
  }();
  return *images;
}

}  // namespace lenet

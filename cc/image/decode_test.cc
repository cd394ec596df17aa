#include "cc/image/decode.h"

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "cc/base/test_util.h"
#include "cc/image/golden.h"
#include "cc/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "jpeglib.h"
#include "png.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

struct Golden {
  std::string file;
  GrayImage image;
};

// JPEG and PNG files with the pixels that Pillow finds in them.
const std::map<std::string, Golden>& Goldens() {
  static const auto* const goldens = [] {
    auto* result = new std::map<std::string, Golden>;
    for (const auto& [name, content] : ReadGolden("decode/")) {
      GoldenRecord record(content);
      Golden& golden = (*result)[name.substr(7)];
      golden.image.height = record.Int();
      golden.image.width = record.Int();
      golden.file = record.Bytes(static_cast<size_t>(record.Int()));
      golden.image.pixels = record.Pixels(
          static_cast<size_t>(golden.image.height * golden.image.width));
    }
    return result;
  }();
  return *goldens;
}

std::string FileNamed(const std::string& name) {
  return Goldens().at(name).file;
}

// A JPEG of one flat colour, of a kind that Pillow does not write; progressive
// if scans are given.
std::string EncodeJpeg(int height, int width, J_COLOR_SPACE space,
                       int components,
                       const std::vector<jpeg_scan_info>& scans = {}) {
  jpeg_compress_struct info = {};
  jpeg_error_mgr errors = {};
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type
  jpeg_mem_dest(&info, &buffer, &size);
  info.image_height = static_cast<JDIMENSION>(height);
  info.image_width = static_cast<JDIMENSION>(width);
  info.in_color_space = space;
  info.input_components = components;
  jpeg_set_defaults(&info);
  info.scan_info = scans.empty() ? nullptr : scans.data();
  info.num_scans = static_cast<int>(scans.size());
  jpeg_start_compress(&info, TRUE);
  std::vector<JSAMPLE> row(static_cast<size_t>(width * components), 100);
  JSAMPROW rows = row.data();
  for (int y = 0; y < height; ++y) jpeg_write_scanlines(&info, &rows, 1);
  jpeg_finish_compress(&info);
  std::string result(reinterpret_cast<char*>(buffer), size);
  jpeg_destroy_compress(&info);
  std::free(buffer);
  return result;
}

// A gray PNG, compressed as well as can be.
std::string EncodePng(const std::vector<uint8_t>& pixels, unsigned width) {
  png_image image = {};
  image.version = PNG_IMAGE_VERSION;
  image.width = width;
  image.height = static_cast<unsigned>(pixels.size()) / width;
  image.format = PNG_FORMAT_GRAY;
  std::string result(pixels.size() + 1000, '\0');
  png_alloc_size_t size = result.size();
  EXPECT_NE(png_image_write_to_memory(&image, result.data(), &size, 0,
                                      pixels.data(), 0, nullptr),
            0);
  result.resize(size);
  return result;
}

void PutBigEndian(size_t value, size_t offset, std::string* file) {
  for (size_t i = 0; i < 4; ++i) {
    (*file)[offset + i] = static_cast<char>(value >> (24 - 8 * i) & 0xff);
  }
}

// `file` with other sizes in its header, which has them and its CRC at fixed
// places.
std::string PngWithSize(std::string file, size_t height, size_t width) {
  PutBigEndian(width, 16, &file);
  PutBigEndian(height, 20, &file);
  PutBigEndian(Crc32(file.substr(12, 17)), 29, &file);
  return file;
}

TEST(DecodeImageTest, EqualsPillow) {
  ASSERT_GT(Goldens().size(), 50u);
  for (const auto& [name, golden] : Goldens()) {
    const absl::StatusOr<GrayImage> image = DecodeImage(golden.file);
    ASSERT_THAT(image, IsOk()) << name;
    EXPECT_EQ(image->height, golden.image.height) << name;
    EXPECT_EQ(image->width, golden.image.width) << name;
    EXPECT_EQ(image->pixels, golden.image.pixels) << name;
  }
}

TEST(DecodeImageTest, OtherFilesAreNamedByTheirFirstBytes) {
  EXPECT_THAT(DecodeImage(""), StatusIs(kInvalid, "the file is empty"));
  EXPECT_THAT(
      DecodeImage("text of a letter"),
      StatusIs(kInvalid, "neither JPEG nor PNG (starts with 74 65 78 74)"));
  EXPECT_THAT(DecodeImage("\xff"),
              StatusIs(kInvalid, "neither JPEG nor PNG (starts with ff)"));
  EXPECT_THAT(DecodeImage("\xff\xd8"), StatusIs(kInvalid, HasSubstr("ff d8")));
  EXPECT_THAT(DecodeImage("BM"), StatusIs(kInvalid, HasSubstr("42 4d")));
}

TEST(DecodeImageTest, DecodersRefuseOtherFormats) {
  EXPECT_THAT(DecodeJpeg(""), StatusIs(kInvalid, "the file is empty"));
  EXPECT_THAT(DecodePng(""), StatusIs(kInvalid, "the file is empty"));
  EXPECT_THAT(DecodeJpeg("text"), StatusIs(kInvalid, HasSubstr("broken JPEG")));
  EXPECT_THAT(DecodePng("text"), StatusIs(kInvalid, HasSubstr("broken PNG")));
  EXPECT_THAT(DecodeJpeg(FileNamed("png_gray8")),
              StatusIs(kInvalid, HasSubstr("Not a JPEG file")));
  EXPECT_THAT(DecodePng(FileNamed("jpeg_gray_28x28_95")),
              StatusIs(kInvalid, HasSubstr("Not a PNG file")));
}

// Of every file, however little is cut off.
TEST(DecodeImageTest, EveryCutIsAnError) {
  for (const auto& [name, golden] : Goldens()) {
    const absl::string_view file = golden.file;
    const size_t step = file.size() < 1500 ? 1 : 7;
    for (size_t lost = 1; lost <= file.size(); lost += step) {
      // A copy of that size, so that the address sanitizer sees a byte too
      // many.
      const std::string cut(file.substr(0, file.size() - lost));
      EXPECT_THAT(DecodeImage(cut), StatusIs(kInvalid, testing::_))
          << name << " without its last " << lost << " of " << file.size();
    }
  }
}

// With 8192x8192 in its header it would take 64 MB and more.
TEST(DecodeImageTest, AShortFileOfALargeImageIsRefusedAtOnce) {
  std::string jpeg = FileNamed("jpeg_gray_28x28_95");
  const size_t frame = jpeg.find("\xff\xc0");  // length 2, precision 1, sizes
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, std::string("\x20\0\x20\0", 4));
  EXPECT_THAT(DecodeJpeg(jpeg),
              StatusIs(kInvalid, HasSubstr("too short for 8192x8192 pixels")));
  EXPECT_THAT(DecodePng(PngWithSize(FileNamed("png_gray8"), 8192, 8192)),
              StatusIs(kInvalid, HasSubstr("too short for 8192x8192 pixels")));
}

TEST(DecodeImageTest, AsFewBytesAsAnImageCanHave) {
  // Of one value: 64 pixels of the JPEG take 6 bits, 1024 of the PNG one byte.
  LENET_ASSERT_OK_AND_ASSIGN(
      const GrayImage image,
      DecodeImage(EncodeJpeg(2000, 2000, JCS_GRAYSCALE, 1)));
  EXPECT_EQ(image.pixels, std::vector<uint8_t>(2000 * 2000, 100));
  const std::vector<uint8_t> flat_pixels(2000 * 2000, 255);
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage flat,
                             DecodeImage(EncodePng(flat_pixels, 2000)));
  EXPECT_EQ(flat.pixels, flat_pixels);
}

TEST(DecodeJpegTest, ScansWithoutEndAreRefused) {
  // One scan for the means, one for the rest. Who writes the latter again and
  // again makes the decoder work as often.
  const std::string file =
      EncodeJpeg(16, 16, JCS_GRAYSCALE, 1,
                 {{1, {0}, 0, 0, 0, 0}, {1, {0}, 1, DCTSIZE2 - 1, 0, 0}});
  const size_t end = file.size() - 2;  // before the marker of the end
  const size_t last = file.rfind("\xff\xda");
  ASSERT_NE(last, std::string::npos);
  std::string scans;
  for (int i = 0; i < 98; ++i) scans += file.substr(last, end - last);
  EXPECT_THAT(DecodeJpeg(file.substr(0, end) + scans + file.substr(end)),
              IsOk());
  scans += file.substr(last, end - last);
  EXPECT_THAT(DecodeJpeg(file.substr(0, end) + scans + file.substr(end)),
              StatusIs(kInvalid, HasSubstr("more than 100 scans")));
}

// A JPEG has no checksum: damage may go unseen, but is an image or an error.
TEST(DecodeImageTest, DamageIsAnImageOrAnError) {
  std::mt19937 random(1);
  int errors = 0;
  for (const auto& [name, golden] : Goldens()) {
    for (int round = 0; round < 200; ++round) {
      std::string file = golden.file;
      for (unsigned flips = 1 + random() % 4; flips > 0; --flips) {
        file[random() % file.size()] = static_cast<char>(random() % 256);
      }
      // Sizes of up to 8192 in a damaged header are right, but slow.
      const absl::StatusOr<GrayImage> image = DecodeImage(file);
      if (!image.ok()) {
        ++errors;
        EXPECT_THAT(image, StatusIs(kInvalid, testing::_)) << name;
        continue;
      }
      EXPECT_GE(image->height, 1);
      EXPECT_GE(image->width, 1);
      EXPECT_EQ(image->pixels.size(), static_cast<size_t>(image->height) *
                                          static_cast<size_t>(image->width));
    }
  }
  EXPECT_GT(errors, 1000);
}

TEST(DecodePngTest, ADamagedPixelIsAlwaysAnError) {
  const std::string file = FileNamed("png_pillow_28x28");
  const size_t begin = file.find("IDAT");
  const size_t end = file.find("IEND") - 4;
  ASSERT_LT(begin, end);
  for (size_t i = begin; i < end; ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_THAT(DecodePng(damaged), StatusIs(kInvalid, HasSubstr("broken PNG")))
        << i;
  }
}

TEST(DecodeJpegTest, WarningsOfTheLibraryAreErrors) {
  // The end of the image in the middle of its data: libjpeg alone would fill
  // the rest with gray.
  std::string file = FileNamed("jpeg_gray_130x33_95");
  file.resize(file.size() / 2);
  file += "\xff\xd9";
  EXPECT_THAT(DecodeJpeg(file), StatusIs(kInvalid, HasSubstr("premature end")));
}

TEST(DecodeJpegTest, BytesAfterTheEndDoNotMatter) {
  const Golden& golden = Goldens().at("jpeg_gray_28x28_95");
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage image,
                             DecodeJpeg(golden.file + std::string(100, '\0')));
  EXPECT_EQ(image.pixels, golden.image.pixels);
}

TEST(DecodeJpegTest, CmykIsRefused) {
  EXPECT_THAT(DecodeJpeg(EncodeJpeg(8, 8, JCS_CMYK, 4)),
              StatusIs(kInvalid, AllOf(HasSubstr("CMYK"), HasSubstr("RGB"))));
}

TEST(DecodeTest, SizesEndAt8192) {
  LENET_ASSERT_OK_AND_ASSIGN(
      const GrayImage image,
      DecodeJpeg(EncodeJpeg(3, kMaxImageSide, JCS_GRAYSCALE, 1)));
  EXPECT_EQ(image.width, kMaxImageSide);
  EXPECT_THAT(DecodeJpeg(EncodeJpeg(3, kMaxImageSide + 1, JCS_GRAYSCALE, 1)),
              StatusIs(kInvalid, HasSubstr("8193x3 pixels; at most 8192")));
  EXPECT_THAT(DecodeJpeg(EncodeJpeg(kMaxImageSide + 1, 3, JCS_GRAYSCALE, 1)),
              StatusIs(kInvalid, HasSubstr("3x8193 pixels")));
}

TEST(DecodeTest, PngSizesEndAt8192) {
  EXPECT_THAT(DecodePng(PngWithSize(FileNamed("png_gray8"), 13, 8193)),
              StatusIs(kInvalid, HasSubstr("8193x13 pixels")));
}

}  // namespace
}  // namespace lenet

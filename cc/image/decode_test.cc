#include "cc/image/decode.h"

#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/base/test_util.h"
#include "cc/image/image.h"
#include "cc/image/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::_;
using ::testing::HasSubstr;

using Color = JpegOptions::Color;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;
constexpr int kMaxSmallSide = 500;

std::string FileNamed(absl::string_view name) {
  return GoldenImageNamed(name).file;
}

void PutBigEndian(size_t value, size_t offset, std::string* file) {
  for (size_t i = 0; i < 4; ++i) {
    (*file)[offset + i] = static_cast<char>(value >> (24 - 8 * i) & 0xff);
  }
}

// Returns a PNG file whose header has another size.
std::string PngWithSize(size_t height, size_t width) {
  std::string file = FileNamed("png_gray8");
  PutBigEndian(width, 16, &file);
  PutBigEndian(height, 20, &file);
  PutBigEndian(Crc32(file.substr(12, 17)), 29, &file);
  return file;
}

std::string JpegWithSize(int height, int width) {
  JpegOptions options;
  options.height = height;
  options.width = width;
  return MakeJpeg(options);
}

std::string JpegWithColor(Color color) {
  JpegOptions options;
  options.color = color;
  return MakeJpeg(options);
}

std::string JpegWithSampling(int horizontal, int vertical) {
  JpegOptions options;
  options.color = Color::kYcc;
  options.horizontal = horizontal;
  options.vertical = vertical;
  return MakeJpeg(options);
}

// Returns the offset of a marker's second byte.
size_t FindMarker(const std::string& jpeg, uint8_t marker) {
  const size_t at = jpeg.find(std::string{'\xff', static_cast<char>(marker)});
  EXPECT_NE(at, std::string::npos);
  return at + 1;
}

// Replaces one byte, counted from the second byte of a marker.
std::string With(std::string jpeg, uint8_t marker, int offset, int value) {
  jpeg[FindMarker(jpeg, marker) + static_cast<size_t>(offset)] =
      static_cast<char>(value);
  return jpeg;
}

// Removes the first segment with that marker.
std::string Without(std::string jpeg, uint8_t marker) {
  const size_t at = FindMarker(jpeg, marker);
  const size_t length =
      static_cast<size_t>(static_cast<uint8_t>(jpeg[at + 1]) << 8 |
                          static_cast<uint8_t>(jpeg[at + 2]));
  return jpeg.erase(at - 1, length + 2);
}

JpegHeader Parse(const std::string& jpeg) {
  const absl::StatusOr<JpegHeader> header = ParseJpegHeader(jpeg);
  EXPECT_THAT(header, IsOk());
  return header.value_or(JpegHeader());
}

TEST(DecodeImageTest, EqualsPillow) {
  ASSERT_GT(GoldenImages().size(), 50u);
  for (const GoldenImage& golden : GoldenImages()) {
    const absl::StatusOr<GrayImage> image = DecodeImage(golden.file);
    ASSERT_THAT(image, IsOk()) << golden.name;
    EXPECT_EQ(image->height, golden.height) << golden.name;
    EXPECT_EQ(image->width, golden.width) << golden.name;
    const std::string pixels(image->pixels.begin(), image->pixels.end());
    EXPECT_EQ(Crc32(pixels), golden.crc) << golden.name;
  }
}

TEST(DecodeImageTest, OtherFilesAreInvalid) {
  for (const auto& [content, message] :
       std::vector<std::pair<std::string, std::string>>{
           {"", "the file is empty"},
           {"text of a letter",
            "neither JPEG nor PNG (starts with 74 65 78 74)"},
           {"\xff\xd8", "neither JPEG nor PNG (starts with ff d8)"}}) {
    EXPECT_THAT(DecodeImage(content), StatusIs(kInvalid, message));
  }
  EXPECT_THAT(DecodeJpeg(""), StatusIs(kInvalid, "the file is empty"));
  EXPECT_THAT(DecodeJpeg(FileNamed("png_gray8")),
              StatusIs(kInvalid, HasSubstr("Not a JPEG file")));
}

TEST(DecodeImageTest, EveryTruncationIsAnError) {
  for (const GoldenImage& golden : GoldenImages()) {
    if (golden.height > kMaxSmallSide) continue;
    const size_t step = golden.file.size() < 1500 ? 1 : 7;
    for (size_t lost = 1; lost <= golden.file.size(); lost += step) {
      // A string of its own, so that the address sanitizer sees its end.
      const std::string file = golden.file.substr(0, golden.file.size() - lost);
      EXPECT_THAT(DecodeImage(file), StatusIs(kInvalid, _))
          << golden.name << " without its last " << lost << " bytes";
    }
  }
}

// JPEG has no checksum, so damage may go unnoticed.
TEST(DecodeImageTest, DamageGivesAnImageOrAnError) {
  std::mt19937 random(1);
  int errors = 0;
  for (const GoldenImage& golden : GoldenImages()) {
    if (golden.height > kMaxSmallSide) continue;
    for (int round = 0; round < 200; ++round) {
      std::string file = golden.file;
      for (unsigned bytes = 1 + random() % 4; bytes > 0; --bytes) {
        file[random() % file.size()] = static_cast<char>(random() % 256);
      }
      const absl::StatusOr<GrayImage> image = DecodeImage(file);
      if (!image.ok()) {
        ++errors;
        EXPECT_THAT(image, StatusIs(kInvalid, _)) << golden.name;
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

TEST(DecodeImageTest, SizeLimits) {
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage image,
                             DecodeJpeg(JpegWithSize(3, kMaxImageSide)));
  EXPECT_EQ(image.width, kMaxImageSide);
  EXPECT_THAT(DecodeJpeg(JpegWithSize(3, kMaxImageSide + 1)),
              StatusIs(kInvalid, HasSubstr("8193x3 pixels; at most 8192")));
  EXPECT_THAT(DecodeJpeg(JpegWithSize(kMaxImageSide + 1, 3)),
              StatusIs(kInvalid, HasSubstr("3x8193 pixels")));
  EXPECT_THAT(DecodeImage(PngWithSize(13, 8193)),
              StatusIs(kInvalid, HasSubstr("8193x13 pixels")));
}

// The pixels of 8192x8192 would take 64 MB.
TEST(DecodeImageTest, FilesTooShortForTheirSizeAreInvalid) {
  std::string jpeg = MakeJpeg({});
  jpeg.replace(FindMarker(jpeg, 0xc0) + 4, 4, std::string("\x20\0\x20\0", 4));
  const auto too_short =
      StatusIs(kInvalid, HasSubstr("too short for 8192x8192 pixels"));
  EXPECT_THAT(DecodeJpeg(jpeg), too_short);
  EXPECT_THAT(DecodeImage(PngWithSize(8192, 8192)), too_short);
}

TEST(DecodeJpegTest, ManyScansAreInvalid) {
  JpegOptions options;
  options.color = Color::kYcc;
  options.separate_scans = true;
  const std::string file = MakeJpeg(options);
  const std::string end = file.substr(file.size() - 2);
  const std::string last_scan = file.substr(
      file.rfind("\xff\xda"), file.size() - 2 - file.rfind("\xff\xda"));
  std::string scans = file.substr(0, file.size() - 2);
  for (int count = 3; count < 100; ++count) scans += last_scan;
  EXPECT_THAT(DecodeJpeg(scans + end), IsOk());
  EXPECT_THAT(DecodeJpeg(scans + last_scan + end),
              StatusIs(kInvalid, HasSubstr("more than 100 scans")));
}

TEST(DecodeJpegTest, WarningsOfLibjpegAreErrors) {
  std::string file = FileNamed("jpeg_gray_130x33_95");
  file.resize(file.size() / 2);
  EXPECT_THAT(DecodeJpeg(file + "\xff\xd9"),
              StatusIs(kInvalid, HasSubstr("premature end")));
}

TEST(DecodeJpegTest, BytesAfterTheEndAreIgnored) {
  EXPECT_THAT(DecodeJpeg(MakeJpeg({}) + std::string(100, '\0')), IsOk());
}

TEST(DecodeJpegTest, CmykIsInvalid) {
  EXPECT_THAT(DecodeJpeg(JpegWithColor(Color::kCmyk)),
              StatusIs(kInvalid, HasSubstr("CMYK")));
}

TEST(DecodePngTest, EveryDamagedPixelIsAnError) {
  const std::string file = FileNamed("png_pillow_28x28");
  const size_t end = file.find("IEND") - 4;
  for (size_t i = file.find("IDAT"); i < end; ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_THAT(DecodeImage(damaged),
                StatusIs(kInvalid, HasSubstr("broken PNG")))
        << i;
  }
}

TEST(JpegHeaderTest, GoldenImages) {
  for (const GoldenImage& golden : GoldenImages()) {
    const std::string& name = golden.name;
    if (!absl::StartsWith(name, "jpeg_")) continue;
    const JpegHeader header = Parse(golden.file);
    const bool progressive = absl::StrContains(name, "progressive");
    const bool gray = absl::StrContains(name, "gray");
    EXPECT_EQ(header.height, golden.height) << name;
    EXPECT_EQ(header.width, golden.width) << name;
    EXPECT_EQ(header.precision, 8) << name;
    EXPECT_EQ(header.orientation, 1) << name;
    EXPECT_EQ(header.coding,
              progressive ? JpegCoding::kProgressive : JpegCoding::kBaseline)
        << name;
    EXPECT_EQ(header.single_scan, !progressive) << name;
    EXPECT_EQ(header.color, gray ? JpegColor::kGray : JpegColor::kYcc) << name;
    EXPECT_EQ(header.components, gray ? 1 : 3) << name;
  }
}

TEST(JpegHeaderTest, Sampling) {
  for (const auto& [horizontal, vertical] : std::vector<std::pair<int, int>>{
           {1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}}) {
    const JpegHeader header = Parse(JpegWithSampling(horizontal, vertical));
    EXPECT_EQ(header.sampling[0].horizontal, horizontal);
    EXPECT_EQ(header.sampling[0].vertical, vertical);
    EXPECT_EQ(header.sampling[2].horizontal, 1);
    EXPECT_EQ(header.sampling[2].vertical, 1);
  }
}

TEST(JpegHeaderTest, Color) {
  const std::string rgb = JpegWithColor(Color::kRgb);  // has an Adobe segment
  EXPECT_EQ(Parse(rgb).color, JpegColor::kRgb);
  EXPECT_EQ(Parse(Without(rgb, 0xee)).color, JpegColor::kRgb);  // by its IDs
  EXPECT_EQ(Parse(With(rgb, 0xee, 14, 1)).color, JpegColor::kYcc);
  EXPECT_EQ(Parse(JpegWithColor(Color::kCmyk)).color, JpegColor::kOther);
}

TEST(JpegHeaderTest, Coding) {
  const std::string jpeg = MakeJpeg({});
  EXPECT_EQ(Parse(With(jpeg, 0xc0, 0, 0xc1)).coding, JpegCoding::kOther);
  EXPECT_EQ(Parse(With(jpeg, 0xc0, 0, 0xc9)).coding, JpegCoding::kOther);
  EXPECT_THAT(ParseJpegHeader(With(jpeg, 0xc0, 0, 0xc3)),
              StatusIs(kInvalid, HasSubstr("SOF type 0xc3")));
}

TEST(JpegHeaderTest, SingleScan) {
  JpegOptions options;
  options.color = Color::kYcc;
  options.restart_interval = 1;
  const std::string jpeg = MakeJpeg(options);
  EXPECT_TRUE(Parse(jpeg).single_scan);
  const size_t scan = FindMarker(jpeg, 0xda) - 1;
  EXPECT_FALSE(
      Parse(jpeg.substr(0, jpeg.size() - 2) + jpeg.substr(scan)).single_scan);
  options.separate_scans = true;
  EXPECT_FALSE(Parse(MakeJpeg(options)).single_scan);

  const std::string gray = MakeJpeg({});
  for (const std::string& incomplete :
       {Without(gray, 0xdb), Without(gray, 0xc4),
        With(gray, 0xc0, 11, 3),    // quantization table 3
        With(gray, 0xda, 5, 0x33),  // Huffman tables 3
        With(gray, 0xda, 5, 0xff),  // Huffman tables 15
        With(gray, 0xda, 7, 5)}) {  // the first six coefficients
    EXPECT_FALSE(Parse(incomplete).single_scan);
  }
}

TEST(JpegHeaderTest, Orientation) {
  for (const bool little_endian : {false, true}) {
    for (int orientation = 0; orientation < 11; ++orientation) {
      for (const size_t entries : {0, 3}) {
        JpegOptions options;
        options.exif = MakeExif(orientation, little_endian, entries);
        EXPECT_EQ(Parse(MakeJpeg(options)).orientation,
                  orientation >= 1 && orientation <= 8 ? orientation : 1);
      }
    }
  }
}

TEST(JpegHeaderTest, DamagedExifIsIgnored) {
  const std::string good = MakeExif(6, true);
  JpegOptions options;
  for (size_t length = 0; length < good.size() - 6; ++length) {
    options.exif = good.substr(0, length);
    EXPECT_EQ(Parse(MakeJpeg(options)).orientation, 1) << length;
  }
  options.exif = good;
  options.exif.replace(10, 4, "\xff\xff\xff\xff");  // offset of the directory
  EXPECT_EQ(Parse(MakeJpeg(options)).orientation, 1);
}

TEST(JpegHeaderTest, EveryTruncationIsAnError) {
  const std::string jpeg = JpegWithSampling(2, 1);
  for (size_t length = 0; length < jpeg.size(); ++length) {
    EXPECT_THAT(ParseJpegHeader(absl::string_view(jpeg).substr(0, length)),
                StatusIs(kInvalid, _))
        << length;
  }
  EXPECT_THAT(ParseJpegHeader(jpeg + "trailing bytes"), IsOk());
}

TEST(JpegHeaderTest, DamagedMarkersAreInvalid) {
  const std::string jpeg = JpegWithSampling(2, 2);
  const size_t frame = FindMarker(jpeg, 0xc0) - 1;
  const size_t scan = FindMarker(jpeg, 0xda) - 1;
  EXPECT_THAT(ParseJpegHeader("\x89PNG\r\n\x1a\n"),
              StatusIs(kInvalid, "not a JPEG"));
  for (const std::string& damaged : {
           std::string("\xff\xd8\xff\xd9"),
           jpeg.substr(0, scan) + "\xff\xd9",          // no scan
           jpeg.substr(0, frame) + jpeg.substr(scan),  // no frame
           jpeg.substr(0, scan) + jpeg.substr(frame),  // two frames
           With(jpeg, 0xc0, 2, 0),                     // length
           With(jpeg, 0xc0, 8, 0),                     // no components
           With(jpeg, 0xc0, 5, 0),                     // no height
           With(jpeg, 0xc0, 3, 12),                    // precision
           With(jpeg, 0xc0, 10, 0x51),                 // sampling
           With(jpeg, 0xda, 3, 2),                     // components
           With(jpeg, 0xda, 4, 9),                     // component ID
           With(jpeg, 0xdb, 3, 4),                     // table number
           With(jpeg, 0xc4, 3, 0x20),                  // table number
           With(jpeg, 0xc4, 4, 0xff),                  // too many codes
           With(jpeg, 0xc0, -1, 0),                    // no marker
       }) {
    EXPECT_THAT(ParseJpegHeader(damaged), StatusIs(kInvalid, _));
  }
}

}  // namespace
}  // namespace lenet

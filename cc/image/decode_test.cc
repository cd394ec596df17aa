#include "cc/image/decode.h"

#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/base/testing.h"
#include "cc/image/digit.h"
#include "cc/image/image.h"
#include "cc/image/testing.h"
#include "cc/image/transform.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::_;
using ::testing::Each;
using ::testing::HasSubstr;

using Color = JpegOptions::Color;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

void PutBigEndian(size_t value, size_t offset, std::string* file) {
  for (size_t i = 0; i < 4; ++i) {
    (*file)[offset + i] = static_cast<char>(value >> (24 - 8 * i) & 0xff);
  }
}

// Returns a PNG file whose header has another size.
std::string PngWithSize(size_t height, size_t width) {
  std::string file = GoldenImages().at("png_gray8").file;
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

JpegOptions ColorOptions(Color color, int horizontal = 1, int vertical = 1) {
  JpegOptions options;
  options.color = color;
  options.horizontal = horizontal;
  options.vertical = vertical;
  return options;
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

// Removes the first segment with that marker, which has less than 256 bytes.
std::string Without(std::string jpeg, uint8_t marker) {
  const size_t at = FindMarker(jpeg, marker);
  return jpeg.erase(at - 1, static_cast<uint8_t>(jpeg[at + 2]) + size_t{2});
}

JpegHeader Parse(const std::string& jpeg) {
  const absl::StatusOr<JpegHeader> header = ParseJpegHeader(jpeg);
  EXPECT_THAT(header, IsOk());
  return header.value_or(JpegHeader());
}

// The pixels of lenet.prediction.picture: upright, on paper, of any depth.
TEST(DecodeImageTest, EqualsPython) {
  ASSERT_GT(GoldenImages().size(), 70u);
  for (const auto& [name, golden] : GoldenImages()) {
    const absl::StatusOr<GrayImage> image = DecodeImage(golden.file);
    ASSERT_THAT(image, IsOk()) << name;
    EXPECT_EQ(image->height, golden.height) << name;
    EXPECT_EQ(image->width, golden.width) << name;
    const std::string pixels(image->pixels.begin(), image->pixels.end());
    EXPECT_EQ(Crc32(pixels), golden.crc) << name;
  }
}

// The steps of //python:predict, from the file to the network's input.
TEST(PrepareDigitsTest, EqualsPython) {
  for (const auto& [name, golden] : GoldenImages()) {
    LENET_ASSERT_OK_AND_ASSIGN(const std::vector<GrayImage> planes,
                               DecodePlanes(golden.file));
    const absl::StatusOr<std::vector<GrayImage>> digits = PrepareDigits(planes);
    std::string found(digits.status().message());
    for (const GrayImage& digit : digits.value_or(std::vector<GrayImage>())) {
      const GrayImage input = Resize(digit, 32, 32);
      found.append(input.pixels.begin(), input.pixels.end());
    }
    EXPECT_EQ(Crc32(found), golden.digits_crc) << name << digits.status();
  }
}

TEST(DecodeImageTest, OtherFilesAreInvalid) {
  for (const auto& [content, message] :
       std::vector<std::pair<std::string, std::string>>{
           {"", "the file is empty"},
           {"text of a letter",
            "neither JPEG nor PNG (starts with 0x74657874)"},
           {"\xff\xd8", "neither JPEG nor PNG (starts with 0xffd8)"}}) {
    EXPECT_THAT(DecodeImage(content), StatusIs(kInvalid, message));
  }
}

TEST(DecodeImageTest, EveryTruncationIsAnError) {
  for (const auto& [name, golden] : GoldenImages()) {
    if (golden.height >= 1000 || golden.file.size() > 8000) continue;  // slow
    const size_t step = golden.file.size() < 1500 ? 1 : 7;
    for (size_t lost = 1; lost <= golden.file.size(); lost += step) {
      // A string of its own, so that the address sanitizer sees its end.
      const std::string file = golden.file.substr(0, golden.file.size() - lost);
      EXPECT_THAT(DecodeImage(file), StatusIs(kInvalid, _))
          << name << " without its last " << lost << " bytes";
    }
  }
}

TEST(DecodeImageTest, SizeLimits) {
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage image,
                             DecodeImage(JpegWithSize(3, 20000)));
  EXPECT_EQ(image.width, 20000);
  EXPECT_THAT(DecodeImage(PngWithSize(13, 65536)),
              StatusIs(kInvalid, HasSubstr("65536x13 pixels; at most 65535")));
  EXPECT_THAT(DecodeImage(PngWithSize(65536, 13)),
              StatusIs(kInvalid, HasSubstr("13x65536 pixels")));
}

TEST(DecodeJpegTest, TooManyPixelsAreDecodedAtASmallerScale) {
  JpegOptions options;
  options.height = 8200;
  options.width = 8208;
  options.progressive = true;
  LENET_ASSERT_OK_AND_ASSIGN(const GrayImage image,
                             DecodeImage(MakeJpeg(options)));
  EXPECT_EQ(image.height, 4100);
  EXPECT_EQ(image.width, 4104);
  EXPECT_THAT(image.pixels, Each(100));
}

TEST(DecodeImageTest, TheMemoryLeftIsTheLimit) {
  constexpr int64_t kNeeded = int64_t{65535} * 65535 * 16;  // bytes
  if (int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE) >= kNeeded) {
    GTEST_SKIP() << "this machine has the memory";
  }
  const std::string zeros(size_t{1} << 23, '\0');
  EXPECT_THAT(DecodeImage(PngWithSize(65535, 65535) + zeros),
              StatusIs(kInvalid, HasSubstr("65535x65535 pixels: needs")));
}

// The pixels of 8192x8192 would take 64 MB.
TEST(DecodeImageTest, FilesTooShortForTheirSizeAreInvalid) {
  std::string jpeg = MakeJpeg({});
  jpeg.replace(FindMarker(jpeg, 0xc0) + 4, 4, std::string("\x20\0\x20\0", 4));
  const auto too_short =
      StatusIs(kInvalid, HasSubstr("too short for 8192x8192 pixels"));
  EXPECT_THAT(DecodeImage(jpeg), too_short);
  EXPECT_THAT(DecodeImage(PngWithSize(8192, 8192)), too_short);
}

TEST(DecodeJpegTest, MoreThan100ScansAreInvalid) {
  JpegOptions options = ColorOptions(Color::kYcc);
  options.separate_scans = true;
  const std::string file = MakeJpeg(options);
  const size_t last = file.rfind("\xff\xda");
  const size_t end = file.size() - 2;
  std::string scans = file.substr(0, end);
  for (int count = 3; count < 100; ++count)
    scans += file.substr(last, end - last);
  EXPECT_THAT(DecodeImage(scans + file.substr(end)), IsOk());
  EXPECT_THAT(DecodeImage(scans + file.substr(last)),
              StatusIs(kInvalid, HasSubstr("more than 100 scans")));
}

TEST(DecodeJpegTest, OddFilesWithAllPixelsAreReadWithAWarning) {
  const GoldenImage& golden = GoldenImages().at("jpeg_gray_130x33_95");
  std::string junk = golden.file;
  junk.insert(junk.size() - 2, 40, '\x55');
  std::string version = golden.file;
  version[version.find("JFIF") + 5] = 2;
  for (const auto& [file, warning] :
       std::vector<std::pair<std::string, std::string>>{
           {golden.file, ""},
           {junk, "JPEG with extraneous bytes"},
           {version, "Warning: unknown JFIF revision number 2.01"}}) {
    LENET_ASSERT_OK_AND_ASSIGN(const GrayImage image, DecodeImage(file));
    EXPECT_EQ(image.warning, warning);
    const std::string pixels(image.pixels.begin(), image.pixels.end());
    EXPECT_EQ(Crc32(pixels), golden.crc);
  }
}

TEST(DecodeJpegTest, MissingPixelsAreErrors) {
  std::string file = GoldenImages().at("jpeg_gray_130x33_95").file;
  file.resize(file.size() / 2);
  EXPECT_THAT(DecodeImage(file + "\xff\xd9"),
              StatusIs(kInvalid, HasSubstr("premature end")));
  file = GoldenImages().at("jpeg_gray_restart").file;
  file.insert(FindMarker(file, 0xd0) - 1, 9, '\x55');
  EXPECT_THAT(DecodeImage(file),
              StatusIs(kInvalid, HasSubstr("extraneous bytes before marker")));
}

TEST(DecodeJpegTest, BytesAfterTheEndAreIgnored) {
  EXPECT_THAT(DecodeImage(MakeJpeg({}) + std::string(100, '\0')), IsOk());
}

TEST(DecodePngTest, EveryDamagedPixelIsAnError) {
  const std::string file = GoldenImages().at("png_pillow_28x28").file;
  const size_t end = file.find("IEND") - 4;
  for (size_t i = file.find("IDAT"); i < end; ++i) {
    std::string damaged = file;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    EXPECT_THAT(DecodeImage(damaged),
                StatusIs(kInvalid, HasSubstr("broken PNG")))
        << i;
  }
}

TEST(JpegHeaderTest, SizeAndSampling) {
  for (const auto& [horizontal, vertical] : std::vector<std::pair<int, int>>{
           {1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}}) {
    JpegOptions options = ColorOptions(Color::kYcc, horizontal, vertical);
    options.height = 7;
    const JpegHeader header = Parse(MakeJpeg(options));
    EXPECT_EQ(header.height, 7);
    EXPECT_EQ(header.width, 32);
    EXPECT_EQ(header.precision, 8);
    EXPECT_EQ(header.components, 3);
    EXPECT_EQ(header.sampling[0].horizontal, horizontal);
    EXPECT_EQ(header.sampling[0].vertical, vertical);
    EXPECT_EQ(header.sampling[2].horizontal, 1);
    EXPECT_EQ(header.sampling[2].vertical, 1);
  }
}

TEST(JpegHeaderTest, CodingColorAndScans) {
  constexpr JpegCoding kBaseline = JpegCoding::kBaseline;
  constexpr JpegColor kGray = JpegColor::kGray;
  constexpr JpegColor kYcc = JpegColor::kYcc;
  struct Case {
    std::string jpeg;
    JpegCoding coding;
    JpegColor color;
    bool single_scan;
  };
  const std::string gray = MakeJpeg({});
  const std::string rgb = MakeJpeg(ColorOptions(Color::kRgb));
  const std::string cmyk = MakeJpeg(ColorOptions(Color::kCmyk));
  JpegOptions options = ColorOptions(Color::kYcc);
  options.restart_interval = 1;
  const std::string ycc = MakeJpeg(options);
  const std::string second_scan = ycc.substr(FindMarker(ycc, 0xda) - 1);
  options.separate_scans = true;
  const std::string scans = MakeJpeg(options);
  options.separate_scans = false;
  options.progressive = true;
  const std::string progressive = MakeJpeg(options);
  const std::vector<Case> cases = {
      {gray, kBaseline, kGray, true},
      {ycc, kBaseline, kYcc, true},
      {rgb, kBaseline, JpegColor::kRgb, true},
      {Without(rgb, 0xee), kBaseline, JpegColor::kRgb,
       true},                                           // no Adobe segment
      {With(rgb, 0xee, 14, 1), kBaseline, kYcc, true},  // Adobe's transform
      {cmyk, kBaseline, JpegColor::kOther, true},
      {With(gray, 0xc0, 0, 0xc1), JpegCoding::kOther, kGray, true},
      {With(gray, 0xc0, 0, 0xc9), JpegCoding::kOther, kGray, true},
      {progressive, JpegCoding::kProgressive, kYcc, false},
      {scans, kBaseline, kYcc, false},
      {ycc.substr(0, ycc.size() - 2) + second_scan, kBaseline, kYcc, false},
      {Without(gray, 0xdb), kBaseline, kGray, false},
      {Without(gray, 0xc4), kBaseline, kGray, false},
      // Tables 3 and 15, which do not exist.
      {With(gray, 0xc0, 11, 3), kBaseline, kGray, false},
      {With(gray, 0xc0, 11, 255), kBaseline, kGray, false},
      {With(gray, 0xda, 5, 0x33), kBaseline, kGray, false},
      {With(gray, 0xda, 5, 0xff), kBaseline, kGray, false},
      // Only the first six coefficients.
      {With(gray, 0xda, 7, 5), kBaseline, kGray, false},
  };
  for (size_t i = 0; i < cases.size(); ++i) {
    const JpegHeader header = Parse(cases[i].jpeg);
    EXPECT_EQ(header.coding, cases[i].coding) << i;
    EXPECT_EQ(header.color, cases[i].color) << i;
    EXPECT_EQ(header.single_scan, cases[i].single_scan) << i;
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
  const std::string jpeg = MakeJpeg(ColorOptions(Color::kYcc, 2, 1));
  for (size_t length = 0; length < jpeg.size(); ++length) {
    EXPECT_THAT(ParseJpegHeader(absl::string_view(jpeg).substr(0, length)),
                StatusIs(kInvalid, _))
        << length;
  }
  EXPECT_THAT(ParseJpegHeader(jpeg + "trailing bytes"), IsOk());
}

TEST(JpegHeaderTest, DamagedMarkersAreInvalid) {
  const std::string jpeg = MakeJpeg(ColorOptions(Color::kYcc));
  const size_t frame = FindMarker(jpeg, 0xc0) - 1;
  const size_t scan = FindMarker(jpeg, 0xda) - 1;
  EXPECT_THAT(ParseJpegHeader("\x89PNG"), StatusIs(kInvalid, "not a JPEG"));
  for (const std::string& damaged : {
           jpeg.substr(0, scan) + "\xff\xd9",          // no scan
           jpeg.substr(0, frame) + jpeg.substr(scan),  // no frame
           jpeg.substr(0, scan) + jpeg.substr(frame),  // two frames
           With(jpeg, 0xc0, 5, 0),                     // no height
           With(jpeg, 0xc0, 8, 0),                     // no components
           With(jpeg, 0xc0, 10, 0x51),                 // sampling
           With(jpeg, 0xda, 4, 9),                     // unknown component
           With(jpeg, 0xc4, 4, 0xff),                  // too many codes
       }) {
    EXPECT_THAT(ParseJpegHeader(damaged), StatusIs(kInvalid, _));
  }
}

// libjpeg-turbo 3 reads these headers, older versions do not.
TEST(JpegHeaderTest, LosslessAndTwelveBitsAreNotBaseline) {
  const std::string jpeg = MakeJpeg(ColorOptions(Color::kYcc));
  const auto lossless = ParseJpegHeader(With(jpeg, 0xc0, 0, 0xc3));
  EXPECT_TRUE(!lossless.ok() || lossless->coding == JpegCoding::kOther);
  const auto twelve_bits = ParseJpegHeader(With(jpeg, 0xc0, 3, 12));
  EXPECT_TRUE(!twelve_bits.ok() || twelve_bits->precision == 12);
}

}  // namespace
}  // namespace lenet

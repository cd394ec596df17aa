#include "cc/image/jpeg_header.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "cc/base/test_util.h"
#include "cc/image/golden.h"
#include "cc/image/jpeg_testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::HasSubstr;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// The place of a marker's second byte.
size_t Find(const std::string& jpeg, uint8_t marker) {
  const size_t at = jpeg.find(std::string{'\xff', static_cast<char>(marker)});
  EXPECT_NE(at, std::string::npos);
  return at + 1;
}

// A JPEG with one byte replaced, counted from the second byte of a marker.
std::string With(std::string jpeg, uint8_t marker, int offset, int value) {
  jpeg[Find(jpeg, marker) + static_cast<size_t>(offset)] =
      static_cast<char>(value);
  return jpeg;
}

std::string Without(std::string jpeg, uint8_t marker) {
  const size_t at = Find(jpeg, marker);
  const size_t length =
      static_cast<size_t>(static_cast<uint8_t>(jpeg[at + 1]) << 8 |
                          static_cast<uint8_t>(jpeg[at + 2]));
  return jpeg.erase(at - 1, length + 2);
}

JpegOptions Colored(int horizontal, int vertical) {
  JpegOptions options;
  options.color = JpegOptions::Color::kYcc;
  options.horizontal = horizontal;
  options.vertical = vertical;
  return options;
}

JpegHeader Parse(const std::string& jpeg) {
  const absl::StatusOr<JpegHeader> header = ParseJpegHeader(jpeg);
  EXPECT_THAT(header, IsOk());
  return header.value_or(JpegHeader());
}

TEST(JpegHeaderTest, WhatPillowWrites) {
  int files = 0;
  for (const auto& [name, content] : ReadGolden("decode/jpeg_")) {
    GoldenRecord record(content);
    const int height = record.Int();
    const int width = record.Int();
    const JpegHeader header =
        Parse(record.Bytes(static_cast<size_t>(record.Int())));
    EXPECT_EQ(header.height, height) << name;
    EXPECT_EQ(header.width, width) << name;
    EXPECT_EQ(header.precision, 8) << name;
    EXPECT_EQ(header.orientation, 1) << name;
    const bool progressive = absl::StrContains(name, "progressive");
    EXPECT_EQ(header.coding,
              progressive ? JpegCoding::kProgressive : JpegCoding::kBaseline)
        << name;
    EXPECT_EQ(header.single_scan, !progressive) << name;
    const bool gray = absl::StrContains(name, "gray");
    EXPECT_EQ(header.color, gray ? JpegColor::kGray : JpegColor::kYcc) << name;
    EXPECT_EQ(header.components, gray ? 1 : 3) << name;
    ++files;
  }
  EXPECT_GT(files, 20);
}

TEST(JpegHeaderTest, Sampling) {
  for (const auto& [horizontal, vertical] : std::vector<std::pair<int, int>>{
           {1, 1}, {2, 1}, {1, 2}, {2, 2}, {4, 1}}) {
    const JpegHeader header = Parse(MakeJpeg(Colored(horizontal, vertical)));
    EXPECT_EQ(header.components, 3);
    EXPECT_EQ(header.sampling[0].horizontal, horizontal);
    EXPECT_EQ(header.sampling[0].vertical, vertical);
    for (const size_t i : {1, 2}) {
      EXPECT_EQ(header.sampling[i].horizontal, 1);
      EXPECT_EQ(header.sampling[i].vertical, 1);
    }
  }
}

TEST(JpegHeaderTest, Colors) {
  JpegOptions options;
  EXPECT_EQ(Parse(MakeJpeg(options)).color, JpegColor::kGray);
  options.color = JpegOptions::Color::kYcc;
  EXPECT_EQ(Parse(MakeJpeg(options)).color, JpegColor::kYcc);
  options.color = JpegOptions::Color::kRgb;  // libjpeg adds an Adobe segment
  const std::string rgb = MakeJpeg(options);
  EXPECT_EQ(Parse(rgb).color, JpegColor::kRgb);
  EXPECT_EQ(Parse(Without(rgb, 0xee)).color, JpegColor::kRgb);  // by its names
  EXPECT_EQ(Parse(With(rgb, 0xee, 14, 1)).color, JpegColor::kYcc);
  std::string jfif = rgb;  // which decides over all else
  jfif.insert(2, std::string("\xff\xe0\0\x07JFIF\0", 9));
  EXPECT_EQ(Parse(jfif).color, JpegColor::kYcc);
  options.color = JpegOptions::Color::kCmyk;
  EXPECT_EQ(Parse(MakeJpeg(options)).color, JpegColor::kOther);
}

TEST(JpegHeaderTest, Codings) {
  const std::string jpeg = MakeJpeg(JpegOptions());
  EXPECT_EQ(Parse(jpeg).coding, JpegCoding::kBaseline);
  EXPECT_EQ(Parse(With(jpeg, 0xc0, 0, 0xc1)).coding, JpegCoding::kExtended);
  for (const int other : {0xc3, 0xc5, 0xc9, 0xca, 0xcf}) {
    EXPECT_EQ(Parse(With(jpeg, 0xc0, 0, other)).coding, JpegCoding::kOther);
  }
  EXPECT_EQ(Parse(With(jpeg, 0xc0, 3, 12)).precision, 12);
  JpegOptions options;
  options.progressive = true;
  EXPECT_EQ(Parse(MakeJpeg(options)).coding, JpegCoding::kProgressive);
}

TEST(JpegHeaderTest, OneScanWithAllThatItNeeds) {
  JpegOptions options = Colored(2, 2);
  EXPECT_TRUE(Parse(MakeJpeg(options)).single_scan);
  options.restart_interval = 1;
  EXPECT_TRUE(Parse(MakeJpeg(options)).single_scan);
  options.separate_scans = true;
  const std::string scans = MakeJpeg(options);
  EXPECT_FALSE(Parse(scans).single_scan);
  const size_t second = scans.find("\xff\xda", Find(scans, 0xda));
  EXPECT_FALSE(Parse(scans.substr(0, second) + "\xff\xd9").single_scan);

  const std::string jpeg = MakeJpeg(JpegOptions());
  EXPECT_TRUE(Parse(jpeg).single_scan);
  EXPECT_FALSE(Parse(Without(jpeg, 0xdb)).single_scan);
  EXPECT_FALSE(Parse(Without(jpeg, 0xc4)).single_scan);      // of two
  EXPECT_FALSE(Parse(With(jpeg, 0xc0, 11, 3)).single_scan);  // no such table
  EXPECT_FALSE(Parse(With(jpeg, 0xda, 4, 9)).single_scan);   // nor component
  EXPECT_FALSE(Parse(With(jpeg, 0xda, 5, 0x33)).single_scan);
  EXPECT_FALSE(Parse(With(jpeg, 0xda, 5, 0xff)).single_scan);
  EXPECT_FALSE(Parse(With(jpeg, 0xda, 7, 5)).single_scan);  // to coefficient 5
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

TEST(JpegHeaderTest, DamagedExifIsNoMatter) {
  const std::string good = MakeExif(6, true);
  for (size_t length = 0; length < good.size(); ++length) {
    JpegOptions options;
    options.exif = good.substr(0, length);
    const int orientation = Parse(MakeJpeg(options)).orientation;
    EXPECT_TRUE(orientation == 1 || length >= good.size() - 6) << length;
  }
  JpegOptions options;
  options.exif = good;
  options.exif.replace(10, 4, "\xff\xff\xff\xff");  // directory far away
  EXPECT_EQ(Parse(MakeJpeg(options)).orientation, 1);
}

TEST(JpegHeaderTest, EveryCutIsSeen) {
  JpegOptions options = Colored(2, 1);
  options.restart_interval = 1;
  const std::string jpeg = MakeJpeg(options);
  for (size_t length = 0; length < jpeg.size(); ++length) {
    EXPECT_THAT(ParseJpegHeader(absl::string_view(jpeg).substr(0, length)),
                StatusIs(kInvalid, testing::_))
        << length;
  }
  EXPECT_THAT(ParseJpegHeader(jpeg + "what cameras add"), IsOk());
}

TEST(JpegHeaderTest, Broken) {
  struct Bad {
    std::string jpeg;
    std::string message;
  };
  const std::string jpeg = MakeJpeg(Colored(2, 2));
  const size_t frame = Find(jpeg, 0xc0) - 1;
  const size_t scan = Find(jpeg, 0xda) - 1;
  for (const Bad& bad : std::vector<Bad>{
           {"", "not a JPEG"},
           {"\x89PNG\r\n\x1a\n", "not a JPEG"},
           {"\xff\xd8\xff\xd9", "no pixels"},
           {jpeg.substr(0, scan) + "\xff\xd9", "no pixels"},
           {jpeg.substr(0, frame) + jpeg.substr(scan), "before the frame"},
           {jpeg.substr(0, scan) + jpeg.substr(frame), "two frames"},
           {With(jpeg, 0xc0, 2, 0), "a segment of less than 2 bytes"},
           {With(jpeg, 0xc0, 8, 0), "expected 1 to 4 components, found 0"},
           {With(jpeg, 0xc0, 8, 5), "found 5"},
           {With(jpeg, 0xc0, 8, 2), "wrong length"},
           {With(jpeg, 0xc0, 5, 0), "expected a size, found 32x0"},
           {With(jpeg, 0xc0, 7, 0), "expected a size, found 0x32"},
           {With(jpeg, 0xc0, 10, 0x20), "a component that cannot be"},
           {With(jpeg, 0xc0, 10, 0x05), "a component that cannot be"},
           {With(jpeg, 0xc0, 10, 0x51), "a component that cannot be"},
           {With(jpeg, 0xc0, 11, 4), "a component that cannot be"},
           {With(jpeg, 0xda, 3, 0), "a scan that cannot be"},
           {With(jpeg, 0xda, 3, 2), "a scan that cannot be"},
           {With(jpeg, 0xdb, 3, 4), "a quantization table that cannot be"},
           {With(jpeg, 0xdb, 3, 0x10), "a quantization table that cannot be"},
           {With(jpeg, 0xc4, 3, 0x04), "a Huffman table that cannot be"},
           {With(jpeg, 0xc4, 3, 0x20), "a Huffman table that cannot be"},
           {With(jpeg, 0xc4, 4, 0xff), "a Huffman table that cannot be"},
           {With(jpeg, 0xc4, 4, 100), "a Huffman table that cannot be"},
           {With(jpeg, 0xc0, -1, 0), "0x00 where a marker must be"},
           {With(jpeg, 0xc0, 0, 0xd3), "0xd3 where a marker must be"},
           {With(jpeg, 0xc0, 0, 0xd8), "0xd8 where a marker must be"},
       }) {
    EXPECT_THAT(ParseJpegHeader(bad.jpeg),
                StatusIs(kInvalid, HasSubstr(bad.message)));
  }
}

}  // namespace
}  // namespace lenet

#include "cc/image/jpeg_header.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "cc/base/status_macros.h"

namespace lenet {
namespace {

// The second byte of the markers; the first is 0xff.
constexpr uint8_t kTem = 0x01;
constexpr uint8_t kSof0 = 0xc0;
constexpr uint8_t kDht = 0xc4;
constexpr uint8_t kJpg = 0xc8;
constexpr uint8_t kDac = 0xcc;
constexpr uint8_t kSof15 = 0xcf;
constexpr uint8_t kRst0 = 0xd0;
constexpr uint8_t kRst7 = 0xd7;
constexpr uint8_t kSoi = 0xd8;
constexpr uint8_t kEoi = 0xd9;
constexpr uint8_t kSos = 0xda;
constexpr uint8_t kDqt = 0xdb;
constexpr uint8_t kApp0 = 0xe0;
constexpr uint8_t kApp1 = 0xe1;
constexpr uint8_t kApp14 = 0xee;

constexpr size_t kMaxTables = 4;

bool IsFrame(uint8_t marker) {
  return marker >= kSof0 && marker <= kSof15 && marker != kDht &&
         marker != kJpg && marker != kDac;
}

absl::Status Broken(absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat("broken JPEG: ", message));
}

uint8_t Byte(absl::string_view data, size_t offset) {
  return static_cast<uint8_t>(data[offset]);
}

int Word(absl::string_view data, size_t offset) {
  return Byte(data, offset) << 8 | Byte(data, offset + 1);
}

// ---------------------------------------------------------------- EXIF

// The numbers of a TIFF file, which EXIF is; 0 beyond its end.
class Tiff {
 public:
  explicit Tiff(absl::string_view data)
      : data_(data), little_(absl::StartsWith(data, "II")) {}

  uint32_t Number(uint64_t offset, uint64_t bytes) const {
    if (offset + bytes > data_.size()) return 0;
    uint32_t value = 0;
    for (uint64_t i = 0; i < bytes; ++i) {
      value = value << 8 | Byte(data_, offset + (little_ ? bytes - 1 - i : i));
    }
    return value;
  }

 private:
  absl::string_view data_;
  bool little_;
};

// Of the content of an APP1 segment. What makes no sense counts as 1, as it
// does for everyone who shows pictures.
int Orientation(absl::string_view segment) {
  constexpr absl::string_view kExif("Exif\0\0", 6);
  constexpr uint32_t kOrientationTag = 0x0112;
  constexpr uint32_t kShort = 3;
  constexpr uint64_t kEntrySize = 12;  // tag, type, count, value
  if (!absl::StartsWith(segment, kExif)) return 1;
  const Tiff tiff(segment.substr(kExif.size()));
  const uint64_t directory = tiff.Number(4, 4);
  const uint64_t entries = tiff.Number(directory, 2);
  for (uint64_t i = 0; i < entries; ++i) {
    const uint64_t entry = directory + 2 + i * kEntrySize;
    if (tiff.Number(entry, 2) != kOrientationTag) continue;
    const uint32_t value = tiff.Number(entry + 8, 2);
    if (tiff.Number(entry + 2, 2) != kShort || value < 1 || value > 8) return 1;
    return static_cast<int>(value);
  }
  return 1;
}

// ---------------------------------------------------------------- markers

class Parser {
 public:
  explicit Parser(absl::string_view content) : rest_(content) {}

  absl::StatusOr<JpegHeader> Parse();

 private:
  struct Component {
    uint8_t id = 0;
    size_t quantization = 0;  // table
  };

  absl::StatusOr<uint8_t> TakeMarker();
  absl::StatusOr<absl::string_view> TakeSegment();
  absl::Status TakeCodedPixels();
  absl::Status ParseSegment(uint8_t marker, absl::string_view segment);
  absl::Status ParseFrame(uint8_t marker, absl::string_view segment);
  absl::Status ParseScan(absl::string_view segment);
  absl::Status ParseQuantization(absl::string_view segment);
  absl::Status ParseHuffman(absl::string_view segment);
  JpegColor Color() const;

  absl::string_view rest_;
  JpegHeader header_;
  bool has_frame_ = false;
  std::array<Component, 4> components_;
  int scans_ = 0;
  bool complete_scan_ = true;  // all scans have all components and tables
  std::bitset<kMaxTables> quantization_tables_;
  std::bitset<kMaxTables> dc_tables_;
  std::bitset<kMaxTables> ac_tables_;
  bool has_jfif_ = false;
  int adobe_transform_ = -1;  // of APP14; -1: none
  bool has_exif_ = false;
};

absl::StatusOr<JpegHeader> Parser::Parse() {
  constexpr absl::string_view kStart = "\xff\xd8\xff";
  if (!absl::StartsWith(rest_, kStart)) {
    return absl::InvalidArgumentError("not a JPEG");
  }
  rest_.remove_prefix(2);
  while (true) {
    LENET_ASSIGN_OR_RETURN(const uint8_t marker, TakeMarker());
    if (marker == kEoi) break;
    if (marker == kTem) continue;
    LENET_ASSIGN_OR_RETURN(const absl::string_view segment, TakeSegment());
    LENET_RETURN_IF_ERROR(ParseSegment(marker, segment));
  }
  if (scans_ == 0) return Broken("it has no pixels");
  header_.color = Color();
  header_.single_scan = scans_ == 1 && complete_scan_;
  return header_;
}

// Of one or more 0xff and a code.
absl::StatusOr<uint8_t> Parser::TakeMarker() {
  const size_t code = rest_.find_first_not_of('\xff');
  if (code == absl::string_view::npos) {
    return Broken("the file ends too early");
  }
  const uint8_t marker = Byte(rest_, code);
  if (code == 0 || marker == 0 || marker == kSoi ||
      (marker >= kRst0 && marker <= kRst7)) {
    return Broken(absl::StrFormat("0x%02x where a marker must be", marker));
  }
  rest_.remove_prefix(code + 1);
  return marker;
}

// What follows a marker, without its two bytes of length.
absl::StatusOr<absl::string_view> Parser::TakeSegment() {
  if (rest_.size() < 2) return Broken("the file ends too early");
  const size_t length = static_cast<size_t>(Word(rest_, 0));
  if (length < 2) return Broken("a segment of less than 2 bytes");
  if (length > rest_.size()) return Broken("the file ends too early");
  const absl::string_view segment = rest_.substr(2, length - 2);
  rest_.remove_prefix(length);
  return segment;
}

// Up to the next marker that is neither a restart nor a pixel of 0xff.
absl::Status Parser::TakeCodedPixels() {
  for (size_t end = rest_.find('\xff'); end != absl::string_view::npos;
       end = rest_.find('\xff', end + 1)) {
    if (end + 1 == rest_.size()) break;
    const uint8_t code = Byte(rest_, end + 1);
    if (code == 0xff) continue;  // it may be repeated
    if (code == 0 || (code >= kRst0 && code <= kRst7)) continue;
    rest_.remove_prefix(end);
    return absl::OkStatus();
  }
  return Broken("the file ends too early");
}

absl::Status Parser::ParseSegment(uint8_t marker, absl::string_view segment) {
  if (IsFrame(marker)) return ParseFrame(marker, segment);
  switch (marker) {
    case kSos:
      LENET_RETURN_IF_ERROR(ParseScan(segment));
      return TakeCodedPixels();
    case kDqt:
      return ParseQuantization(segment);
    case kDht:
      return ParseHuffman(segment);
    case kApp0:
      has_jfif_ |= absl::StartsWith(segment, absl::string_view("JFIF\0", 5));
      break;
    case kApp1:
      if (!has_exif_ && absl::StartsWith(segment, "Exif")) {
        has_exif_ = true;
        header_.orientation = Orientation(segment);
      }
      break;
    case kApp14:
      if (absl::StartsWith(segment, "Adobe") && segment.size() >= 12) {
        adobe_transform_ = Byte(segment, 11);
      }
      break;
    default:
      break;
  }
  return absl::OkStatus();
}

absl::Status Parser::ParseFrame(uint8_t marker, absl::string_view segment) {
  if (has_frame_) return Broken("it has two frames");
  has_frame_ = true;
  constexpr size_t kFixed = 6;
  if (segment.size() < kFixed) return Broken("a frame that is too short");
  header_.precision = Byte(segment, 0);
  header_.height = Word(segment, 1);
  header_.width = Word(segment, 3);
  const size_t count = Byte(segment, 5);
  if (count < 1 || count > components_.size()) {
    return Broken(absl::StrCat("expected 1 to 4 components, found ", count));
  }
  if (segment.size() != kFixed + 3 * count) {
    return Broken("a frame of the wrong length");
  }
  if (header_.height == 0 || header_.width == 0) {
    return Broken(absl::StrCat("expected a size, found ", header_.width, "x",
                               header_.height));
  }
  header_.components = static_cast<int>(count);
  for (size_t i = 0; i < count; ++i) {
    const absl::string_view entry = segment.substr(kFixed + 3 * i, 3);
    const uint8_t factors = Byte(entry, 1);
    const JpegSampling sampling{factors >> 4, factors & 15};
    if (sampling.horizontal < 1 || sampling.horizontal > 4 ||
        sampling.vertical < 1 || sampling.vertical > 4 ||
        Byte(entry, 2) >= kMaxTables) {
      return Broken("a component that cannot be");
    }
    header_.sampling[i] = sampling;
    components_[i] = {Byte(entry, 0), Byte(entry, 2)};
  }
  constexpr std::array<JpegCoding, 3> kCodings = {
      JpegCoding::kBaseline, JpegCoding::kExtended, JpegCoding::kProgressive};
  const size_t number = static_cast<size_t>(marker - kSof0);
  header_.coding =
      number < kCodings.size() ? kCodings[number] : JpegCoding::kOther;
  return absl::OkStatus();
}

absl::Status Parser::ParseScan(absl::string_view segment) {
  if (!has_frame_) return Broken("a scan before the frame");
  ++scans_;
  const size_t count = segment.empty() ? 0 : Byte(segment, 0);
  if (segment.size() != 4 + 2 * count || count < 1 ||
      count > static_cast<size_t>(header_.components)) {
    return Broken("a scan that cannot be");
  }
  // All coefficients of all components, in all bits.
  complete_scan_ &= count == static_cast<size_t>(header_.components) &&
                    absl::EndsWith(segment, absl::string_view("\0\x3f\0", 3));
  for (size_t i = 0; i < count; ++i) {
    const uint8_t tables = Byte(segment, 2 + 2 * i);
    const size_t dc = tables >> 4;
    const size_t ac = tables & 15;
    const Component& component = components_[i];
    if (Byte(segment, 1 + 2 * i) != component.id || dc >= kMaxTables ||
        ac >= kMaxTables || !dc_tables_[dc] || !ac_tables_[ac] ||
        !quantization_tables_[component.quantization]) {
      complete_scan_ = false;
    }
  }
  return absl::OkStatus();
}

absl::Status Parser::ParseQuantization(absl::string_view segment) {
  while (!segment.empty()) {
    const size_t table = Byte(segment, 0) & 15;
    const size_t bytes = Byte(segment, 0) >> 4 == 0 ? 64 : 128;
    if (table >= kMaxTables || segment.size() < 1 + bytes) {
      return Broken("a quantization table that cannot be");
    }
    quantization_tables_.set(table);
    segment.remove_prefix(1 + bytes);
  }
  return absl::OkStatus();
}

absl::Status Parser::ParseHuffman(absl::string_view segment) {
  constexpr size_t kFixed = 17;  // the table's number, codes of 1 to 16 bits
  while (!segment.empty()) {
    const size_t table = Byte(segment, 0) & 15;
    const size_t kind = Byte(segment, 0) >> 4;
    size_t codes = 0;
    for (size_t i = 1; i < std::min(kFixed, segment.size()); ++i) {
      codes += Byte(segment, i);
    }
    if (table >= kMaxTables || kind > 1 || codes > 256 ||
        segment.size() < kFixed + codes) {
      return Broken("a Huffman table that cannot be");
    }
    (kind == 0 ? dc_tables_ : ac_tables_).set(table);
    segment.remove_prefix(kFixed + codes);
  }
  return absl::OkStatus();
}

// As libjpeg decides it.
JpegColor Parser::Color() const {
  if (header_.components == 1) return JpegColor::kGray;
  if (header_.components != 3) return JpegColor::kOther;
  if (has_jfif_) return JpegColor::kYcc;
  if (adobe_transform_ == 0) return JpegColor::kRgb;
  const bool named_rgb = components_[0].id == 'R' && components_[1].id == 'G' &&
                         components_[2].id == 'B';
  return adobe_transform_ < 0 && named_rgb ? JpegColor::kRgb : JpegColor::kYcc;
}

}  // namespace

absl::StatusOr<JpegHeader> ParseJpegHeader(absl::string_view content) {
  return Parser(content).Parse();
}

}  // namespace lenet

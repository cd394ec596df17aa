#include "cc/image/decode.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <limits>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "cc/base/error.h"
#include "cc/image/image.h"
#include "cc/image/planes.h"

namespace lenet {
namespace {

constexpr absl::string_view kJpegStart = "\xff\xd8\xff";
constexpr absl::string_view kPngStart = "\x89PNG\r\n\x1a\n";

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

void TurnUpright(int orientation, GrayImage* stored) {
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

absl::StatusOr<Planes> Decode(absl::string_view content, bool color) {
  if (content.empty()) return InvalidArgument("the file is empty");
  if (absl::StartsWith(content, kJpegStart)) return DecodeJpeg(content, color);
  if (absl::StartsWith(content, kPngStart)) return DecodePng(content, color);
  return InvalidArgument("neither JPEG nor PNG (starts with 0x",
                         absl::BytesToHexString(content.substr(0, 4)), ")");
}

}  // namespace

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

Planes Allocate(uint32_t height, uint32_t width, bool color) {
  GrayImage image{static_cast<int>(height), static_cast<int>(width), {}};
  image.pixels.resize(size_t{height} * width);
  return Planes(color ? 4 : 1, image);
}

void SetColor(size_t pixel, const std::array<uint32_t, 3>& color,
              Planes* planes) {
  const uint32_t luma =
      19595u * color[0] + 38470u * color[1] + 7471u * color[2] + 32768u;
  (*planes)[0].pixels[pixel] = static_cast<uint8_t>(luma >> 16);
  for (size_t i = 1; i < planes->size(); ++i) {
    (*planes)[i].pixels[pixel] = static_cast<uint8_t>(color[i - 1]);
  }
}

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

void TurnUpright(int orientation, Planes* planes) {
  if (orientation == 1) return;
  for (GrayImage& plane : *planes) TurnUpright(orientation, &plane);
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

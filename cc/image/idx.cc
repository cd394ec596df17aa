#include "cc/image/idx.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/base/gzip.h"

namespace lenet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxBytes = size_t{1} << 30;  // compressed and uncompressed
constexpr uint8_t kMaxLabel = 9;

struct Format {
  absl::string_view entries;
  uint32_t magic;
  size_t header_size;
  size_t entry_size;
};

// Header: magic, count, height, width; 4 bytes each.
constexpr Format kImages = {"images", 0x0803, 16, size_t{kIdxSide} * kIdxSide};
// Header: magic, count.
constexpr Format kLabels = {"labels", 0x0801, 8, 1};

// Both spellings, plain and compressed.
constexpr std::array<absl::string_view, 4> kImageSuffixes = {
    "images.idx3-ubyte", "images-idx3-ubyte", "images.idx3-ubyte.gz",
    "images-idx3-ubyte.gz"};

uint32_t BigEndian(absl::string_view content, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<unsigned char>(content[offset + i]);
  }
  return value;
}

// Returns the number of entries. `content` is the start of a file of
// `file_size` bytes.
absl::StatusOr<size_t> ParseHeader(const Format& format,
                                   absl::string_view content,
                                   size_t file_size) {
  if (content.size() >= 4 && BigEndian(content, 0) != format.magic) {
    const uint32_t magic = BigEndian(content, 0);
    std::string message = absl::StrFormat(
        "not an IDX file of %s: expected magic 0x%08x, found 0x%08x",
        format.entries, format.magic, magic);
    if (magic == kImages.magic) message += " (a file of images)";
    if (magic == kLabels.magic) message += " (a file of labels)";
    return InvalidArgument(message);
  }
  if (content.size() < format.header_size) {
    return InvalidArgument("not an IDX file of ", format.entries, ": expected ",
                           format.header_size, " bytes of header, found ",
                           content.size());
  }
  if (format.magic == kImages.magic) {
    const uint32_t height = BigEndian(content, 8);
    const uint32_t width = BigEndian(content, 12);
    if (height != kIdxSide || width != kIdxSide) {
      return InvalidArgument("expected images of 28x28 pixels, found ", height,
                             "x", width);
    }
  }
  const uint64_t count = BigEndian(content, 4);
  const uint64_t expected = format.header_size + count * format.entry_size;
  if (file_size != expected) {
    return InvalidArgument("expected ", expected, " bytes for the ", count, " ",
                           format.entries, " in its header, found ", file_size);
  }
  if (count == 0) return InvalidArgument("holds no ", format.entries);
  return count;
}

// Parses the first `limit` images, or all if limit is 0. `content` is the start
// of a file of `file_size` bytes.
absl::StatusOr<IdxImages> ParseImages(std::string content, size_t file_size,
                                      size_t limit) {
  LENET_ASSIGN_OR_RETURN(const size_t total,
                         ParseHeader(kImages, content, file_size));
  const size_t count = limit == 0 ? total : std::min(limit, total);
  const size_t needed = kImages.header_size + count * kImages.entry_size;
  if (content.size() < needed) {
    return InvalidArgument("was truncated while it was read: expected ", needed,
                           " bytes, found ", content.size());
  }
  return IdxImages{count, total, std::move(content)};
}

absl::StatusOr<std::string> Uncompress(std::string content) {
  if (!IsGzip(content)) return content;
  return Gunzip(content, kMaxBytes);
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

absl::Span<const uint8_t> IdxImages::image(size_t i) const {
  const char* const pixels =
      content.data() + kImages.header_size + i * kImages.entry_size;
  return {reinterpret_cast<const uint8_t*>(pixels), kImages.entry_size};
}

absl::StatusOr<IdxImages> ReadIdxImages(const std::string& path, size_t limit) {
  size_t count = kMaxBytes / kImages.entry_size;
  if (limit != 0) count = std::min(count, limit);
  LENET_ASSIGN_OR_RETURN(
      FileStart file,
      ReadFileStart(path, kImages.header_size + count * kImages.entry_size));
  if (file.file_size > kMaxBytes) {
    return InvalidArgument(path, ": has ", file.file_size, " bytes; at most ",
                           kMaxBytes, " are supported");
  }
  if (IsGzip(file.content)) {
    LENET_ASSIGN_OR_RETURN(std::string whole, ReadFile(path, kMaxBytes));
    return WithLocation(path, ParseIdxImages(std::move(whole), limit));
  }
  return WithLocation(
      path, ParseImages(std::move(file.content), file.file_size, limit));
}

absl::StatusOr<std::vector<uint8_t>> ReadIdxLabels(const std::string& path) {
  LENET_ASSIGN_OR_RETURN(std::string content, ReadFile(path, kMaxBytes));
  return WithLocation(path, ParseIdxLabels(std::move(content)));
}

absl::StatusOr<IdxImages> ParseIdxImages(std::string content, size_t limit) {
  LENET_ASSIGN_OR_RETURN(content, Uncompress(std::move(content)));
  const size_t size = content.size();
  return ParseImages(std::move(content), size, limit);
}

absl::StatusOr<std::vector<uint8_t>> ParseIdxLabels(std::string content) {
  LENET_ASSIGN_OR_RETURN(content, Uncompress(std::move(content)));
  LENET_RETURN_IF_ERROR(ParseHeader(kLabels, content, content.size()).status());
  std::vector<uint8_t> labels(content.begin() + kLabels.header_size,
                              content.end());
  const auto invalid =
      std::find_if(labels.begin(), labels.end(),
                   [](uint8_t label) { return label > kMaxLabel; });
  if (invalid != labels.end()) {
    return InvalidArgument("expected labels from 0 to ", kMaxLabel, ", found ",
                           *invalid, " at index ", invalid - labels.begin());
  }
  return labels;
}

std::optional<std::string> FindLabels(const std::string& images_path) {
  const fs::path path(images_path);
  const std::string name = path.filename().string();
  for (const absl::string_view suffix : kImageSuffixes) {
    if (!absl::EndsWith(name, suffix)) continue;
    const std::string prefix(absl::StripSuffix(name, suffix));
    std::vector<absl::string_view> suffixes = {suffix};
    suffixes.insert(suffixes.end(), kImageSuffixes.begin(),
                    kImageSuffixes.end());
    for (const absl::string_view other : suffixes) {
      const fs::path labels =
          path.parent_path() /
          absl::StrCat(prefix, absl::StrReplaceAll(other, {{"images", "labels"},
                                                           {"idx3", "idx1"}}));
      if (IsFile(labels)) return labels.string();
    }
  }
  return std::nullopt;
}

std::optional<std::string> FindTestImages(const std::string& folder) {
  for (const fs::path& place : {fs::path(folder) / "test", fs::path(folder)}) {
    for (const absl::string_view suffix : kImageSuffixes) {
      const fs::path images = place / absl::StrCat("t10k-", suffix);
      if (IsFile(images)) return images.string();
    }
  }
  return std::nullopt;
}

}  // namespace lenet

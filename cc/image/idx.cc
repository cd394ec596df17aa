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

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "cc/base/file.h"
#include "cc/base/gzip.h"
#include "cc/base/status_macros.h"

namespace lenet {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxBytes = size_t{1} << 30;  // before and after gzip
constexpr uint32_t kImagesMagic = 0x0803;      // bytes in 3 dimensions
constexpr uint32_t kLabelsMagic = 0x0801;      // bytes in 1 dimension
constexpr size_t kMagicSize = 4;
constexpr size_t kImagesHeaderSize = 16;  // magic, count, height, width
constexpr size_t kLabelsHeaderSize = 8;   // magic, count
constexpr size_t kImageSize = size_t{kIdxSide} * kIdxSide;
constexpr uint8_t kMaxLabel = 9;

// The two spellings, plain and compressed.
constexpr std::array<absl::string_view, 4> kImageEndings = {
    "images.idx3-ubyte", "images-idx3-ubyte", "images.idx3-ubyte.gz",
    "images-idx3-ubyte.gz"};

absl::Status Wrong(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

uint32_t BigEndian(absl::string_view content, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<unsigned char>(content[offset + i]);
  }
  return value;
}

// What `magic` says the file is, with a space before it; for the end of a
// message.
absl::string_view Hint(uint32_t magic) {
  if (magic == kImagesMagic) return " (a file of images)";
  if (magic == kLabelsMagic) return " (a file of labels)";
  return "";
}

// The content without gzip.
absl::StatusOr<std::string> Unpack(const std::string& path,
                                   std::string content) {
  if (!IsGzip(content)) return content;
  absl::StatusOr<std::string> plain = Gunzip(content, kMaxBytes);
  if (plain.ok()) return plain;
  return absl::Status(plain.status().code(),
                      absl::StrCat(path, ": ", plain.status().message()));
}

// The right magic and a whole header.
absl::Status CheckHeader(const std::string& path, uint32_t magic,
                         absl::string_view kind, size_t header_size,
                         absl::string_view content) {
  if (content.size() >= kMagicSize && BigEndian(content, 0) != magic) {
    const uint32_t found = BigEndian(content, 0);
    return Wrong(
        path, absl::StrFormat("not an IDX file of %s: expected magic 0x%08x, "
                              "found 0x%08x%s",
                              kind, magic, found, Hint(found)));
  }
  if (content.size() < header_size) {
    return Wrong(path, absl::StrCat("not an IDX file of ", kind, ": expected ",
                                    header_size, " bytes of header, found ",
                                    content.size()));
  }
  return absl::OkStatus();
}

// The number of entries, each of `entry_size` bytes, that make up the rest of a
// file of `file_size` bytes.
absl::StatusOr<size_t> CountEntries(const std::string& path,
                                    absl::string_view header, size_t file_size,
                                    absl::string_view kind, size_t header_size,
                                    size_t entry_size) {
  const uint64_t count = BigEndian(header, kMagicSize);
  const uint64_t expected = header_size + count * entry_size;
  if (file_size != expected) {
    return Wrong(
        path, absl::StrCat("expected ", expected, " bytes for the ", count, " ",
                           kind, " in its header, found ", file_size));
  }
  if (count == 0) return Wrong(path, absl::StrCat("holds no ", kind));
  return static_cast<size_t>(count);
}

// Of a file of `file_size` bytes that starts with `content`: the first `limit`
// images, or all for 0.
absl::StatusOr<IdxImages> ImagesOf(const std::string& path, std::string content,
                                   size_t file_size, size_t limit) {
  LENET_RETURN_IF_ERROR(
      CheckHeader(path, kImagesMagic, "images", kImagesHeaderSize, content));
  const uint32_t height = BigEndian(content, 8);
  const uint32_t width = BigEndian(content, 12);
  if (height != kIdxSide || width != kIdxSide) {
    return Wrong(path,
                 absl::StrFormat("expected images of %dx%d pixels, found %dx%d",
                                 kIdxSide, kIdxSide, height, width));
  }
  LENET_ASSIGN_OR_RETURN(const size_t total,
                         CountEntries(path, content, file_size, "images",
                                      kImagesHeaderSize, kImageSize));
  const size_t count = limit == 0 ? total : std::min(limit, total);
  const size_t needed = kImagesHeaderSize + count * kImageSize;
  if (content.size() < needed) {  // somebody is writing it
    return Wrong(path, absl::StrCat("was cut while it was read: expected ",
                                    needed, " bytes, found ", content.size()));
  }
  return IdxImages(count, total, std::move(content));
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

}  // namespace

absl::StatusOr<IdxImages> ReadIdxImages(const std::string& path, size_t limit) {
  if (limit != 0) {
    const size_t bytes = kImagesHeaderSize +
                         std::min(limit, kMaxBytes / kImageSize) * kImageSize;
    LENET_ASSIGN_OR_RETURN(FileStart start, ReadFileStart(path, bytes));
    if (start.file_size > kMaxBytes) {
      return Wrong(path,
                   absl::StrCat("it has ", start.file_size, " bytes, at most ",
                                kMaxBytes, " are expected"));
    }
    if (!IsGzip(start.content)) {
      return ImagesOf(path, std::move(start.content), start.file_size, limit);
    }
  }
  LENET_ASSIGN_OR_RETURN(std::string content, ReadFile(path, kMaxBytes));
  LENET_ASSIGN_OR_RETURN(content, Unpack(path, std::move(content)));
  const size_t size = content.size();
  return ImagesOf(path, std::move(content), size, limit);
}

absl::StatusOr<std::vector<uint8_t>> ReadIdxLabels(const std::string& path) {
  LENET_ASSIGN_OR_RETURN(std::string content, ReadFile(path, kMaxBytes));
  return ParseIdxLabels(path, std::move(content));
}

absl::StatusOr<IdxImages> ParseIdxImages(const std::string& path,
                                         std::string content) {
  LENET_ASSIGN_OR_RETURN(content, Unpack(path, std::move(content)));
  const size_t size = content.size();
  return ImagesOf(path, std::move(content), size, /*limit=*/0);
}

absl::StatusOr<std::vector<uint8_t>> ParseIdxLabels(const std::string& path,
                                                    std::string content) {
  LENET_ASSIGN_OR_RETURN(content, Unpack(path, std::move(content)));
  LENET_RETURN_IF_ERROR(
      CheckHeader(path, kLabelsMagic, "labels", kLabelsHeaderSize, content));
  LENET_RETURN_IF_ERROR(CountEntries(path, content, content.size(), "labels",
                                     kLabelsHeaderSize, 1)
                            .status());
  std::vector<uint8_t> labels(content.begin() + kLabelsHeaderSize,
                              content.end());
  const auto wrong =
      std::find_if(labels.begin(), labels.end(),
                   [](uint8_t label) { return label > kMaxLabel; });
  if (wrong != labels.end()) {
    return Wrong(
        path, absl::StrCat("expected labels from 0 to ", kMaxLabel, ", found ",
                           *wrong, " at index ", wrong - labels.begin()));
  }
  return labels;
}

std::optional<std::string> FindLabels(const std::string& images_path) {
  const fs::path path(images_path);
  const std::string name = path.filename().string();
  for (const absl::string_view ending : kImageEndings) {
    if (!absl::EndsWith(name, ending)) continue;
    const std::string prefix = name.substr(0, name.size() - ending.size());
    // Its own ending first, then any.
    std::vector<absl::string_view> endings = {ending};
    endings.insert(endings.end(), kImageEndings.begin(), kImageEndings.end());
    for (const absl::string_view other : endings) {
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
    for (const absl::string_view ending : kImageEndings) {
      const fs::path images = place / absl::StrCat("t10k-", ending);
      if (IsFile(images)) return images.string();
    }
  }
  return std::nullopt;
}

}  // namespace lenet

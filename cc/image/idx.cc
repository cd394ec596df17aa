#include "cc/image/idx.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
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

constexpr uint32_t kQmnistMagic = 0x0c02;  // int32 [N, 8]
constexpr int kMaxDepth = 2;  // of folders in which files are searched

uint32_t BigEndian(absl::string_view content, size_t offset) {
  uint32_t value = 0;
  for (size_t i = 0; i < 4; ++i) {
    value = value << 8 | static_cast<unsigned char>(content[offset + i]);
  }
  return value;
}

absl::string_view MagicHint(uint32_t magic) {
  if (magic == kImages.magic) return " (a file of images)";
  if (magic == kLabels.magic) return " (a file of labels)";
  if (magic == kQmnistMagic) {
    return " (QMNIST's extended labels: 8 columns; take column 0, as a file of "
           "labels, idx1-ubyte)";
  }
  if (magic >> 16 == 0x504b || magic == 0xfd377a58) {
    return " (an archive; unpack it)";
  }
  if (magic >> 24 == '<') {
    return " (a web page, the download failed; fetch it again)";
  }
  return "";
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
    return InvalidArgument(message, MagicHint(magic));
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

// The set ("" for MNIST) and the split in the name of an IDX file.
using IdxName = std::pair<std::string, std::string>;

std::optional<IdxName> ParseName(const fs::path& path, absl::string_view kind) {
  const std::string name = absl::AsciiStrToLower(path.filename().string());
  if (absl::StartsWith(name, ".") ||  // written by macOS
      !absl::StrContains(name, "idx")) {
    return std::nullopt;
  }
  const std::string plain =
      absl::StrCat("-", absl::StrReplaceAll(absl::StripSuffix(name, ".gz"),
                                            {{".", "-"}, {"_", "-"}}));
  for (const absl::string_view prefix : {"train", "t10k", "test"}) {
    for (const absl::string_view rank :
         {kind == "images" ? "idx3-ubyte" : "idx1-ubyte", "idx2-int"}) {
      const std::string ending =
          absl::StrCat("-", prefix, "-", kind, "-", rank);
      if (!absl::EndsWith(plain, ending)) continue;
      const std::string set(absl::StripSuffix(plain, ending));
      return IdxName(set.empty() ? "" : set.substr(1),
                     prefix == "train" ? "train" : "test");
    }
  }
  return std::nullopt;
}

// Sorts plain before .gz, and ".idx3" before "-idx3".
std::tuple<bool, bool, std::string> Preference(const fs::path& path) {
  const std::string name = absl::AsciiStrToLower(path.filename().string());
  return {absl::EndsWith(name, ".gz"), !absl::StrContains(name, ".idx"),
          path.string()};
}

// Returns what the folders hold, none of those that cannot be read.
std::vector<fs::directory_entry> List(const std::vector<fs::path>& folders) {
  std::vector<fs::directory_entry> entries;
  for (const fs::path& folder : folders) {
    std::error_code error;
    for (fs::directory_iterator it(folder, error), end; it != end;
         it.increment(error)) {
      entries.push_back(*it);
    }
  }
  return entries;
}

std::vector<fs::path> Folders(const std::vector<fs::directory_entry>& entries) {
  std::vector<fs::path> folders;
  std::error_code ignored;
  for (const fs::directory_entry& entry : entries) {
    if (entry.is_directory(ignored)) folders.push_back(entry.path());
  }
  return folders;
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
  return std::vector<uint8_t>(content.begin() + kLabels.header_size,
                              content.end());
}

std::optional<std::string> FindLabels(const std::string& images_path) {
  const fs::path images(images_path);
  const std::optional<IdxName> parsed = ParseName(images, "images");
  if (!parsed) return std::nullopt;
  const fs::path folder = images.parent_path();
  std::vector<fs::path> beside = {folder.empty() ? "." : folder};
  if (folder.filename() == images.filename()) {  // a folder per file
    beside = Folders(List({folder.parent_path()}));
  }
  const std::string same = absl::StrReplaceAll(
      images.filename().string(), {{"images", "labels"}, {"idx3", "idx1"}});
  const auto key = [&same](const fs::path& path) {
    return std::make_pair(path.filename() != same, Preference(path));
  };
  std::optional<fs::path> best;
  std::error_code ignored;
  for (const fs::directory_entry& entry : List(beside)) {
    const fs::path& path = entry.path();
    if (ParseName(path, "labels") != parsed ||
        !entry.is_regular_file(ignored)) {
      continue;
    }
    if (!best || key(path) < key(*best)) best = path;
  }
  if (!best) return std::nullopt;
  return best->string();
}

absl::StatusOr<std::optional<std::string>> FindTestImages(
    const std::string& folder) {
  std::vector<fs::path> folders = {fs::path(folder) / "test"};
  for (int depth = -1; depth <= kMaxDepth; ++depth) {
    const std::vector<fs::directory_entry> entries = List(folders);
    std::map<std::pair<fs::path, std::string>, fs::path> sets;
    for (const fs::directory_entry& entry : entries) {
      const fs::path& path = entry.path();
      const std::optional<IdxName> parsed = ParseName(path, "images");
      std::error_code ignored;
      if (!parsed || parsed->second != "test" ||
          !entry.is_regular_file(ignored)) {
        continue;
      }
      fs::path& best =
          sets.try_emplace({path.parent_path(), parsed->first}, path)
              .first->second;
      if (Preference(path) < Preference(best)) best = path;
    }
    if (sets.size() > 1) {
      std::vector<std::string> names;
      for (const auto& [set, path] : sets) names.push_back(path.string());
      return InvalidArgument(folder, " holds several data sets (",
                             absl::StrJoin(names, ", "),
                             "); name one of these files");
    }
    if (!sets.empty()) return sets.begin()->second.string();
    folders = depth < 0 ? std::vector<fs::path>{folder} : Folders(entries);
  }
  return std::nullopt;
}

std::string DescribeLayout(const std::string& images_path,
                           const std::string& folder) {
  const fs::path images(images_path);
  const std::optional<IdxName> parsed = ParseName(images, "images");
  if (parsed && !parsed->first.empty()) return parsed->first;
  const fs::path parent = images.parent_path();
  if (parent.filename() == images.filename()) return "layout of Kaggle";
  if (parent.filename() == "raw") return "layout of torchvision";
  return parent == folder || parent == fs::path(folder) / "test" ? ""
                                                                 : "subfolder";
}

bool IsEmnist(const std::string& images_path) {
  const std::optional<IdxName> parsed = ParseName(images_path, "images");
  return parsed && absl::StartsWith(parsed->first, "emnist-");
}

bool IsTransposed(const std::string& images_path, const IdxImages& images,
                  const std::vector<uint8_t>& labels) {
  if (!IsEmnist(images_path)) return false;
  if (ParseName(images_path, "images")->first != "emnist-mnist") return true;
  std::array<uint64_t, kIdxSide> rows = {};
  std::array<uint64_t, kIdxSide> columns = {};
  for (size_t i = 0; i < std::min(images.count, labels.size()); ++i) {
    if (labels[i] != 1) continue;
    for (size_t pixel = 0; pixel < kImages.entry_size; ++pixel) {
      rows[pixel / kIdxSide] += images.image(i)[pixel];
      columns[pixel % kIdxSide] += images.image(i)[pixel];
    }
  }
  return *std::max_element(rows.begin(), rows.end()) >
         *std::max_element(columns.begin(), columns.end());
}

void Transpose(IdxImages* images) {
  for (size_t i = 0; i < images->count; ++i) {
    char* const image =
        &images->content[kImages.header_size + i * kImages.entry_size];
    for (size_t y = 0; y < kIdxSide; ++y) {
      for (size_t x = 0; x < y; ++x) {
        std::swap(image[y * kIdxSide + x], image[x * kIdxSide + y]);
      }
    }
  }
}

}  // namespace lenet

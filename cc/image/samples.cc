#include "cc/image/samples.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/image/decode.h"

namespace lenet {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kManifestHeader = "file,label";
constexpr size_t kMaxManifestBytes = size_t{256} << 20;

bool HasExtension(const fs::path& path, absl::string_view extension) {
  return absl::EqualsIgnoreCase(path.extension().string(), extension);
}

bool IsImageName(const fs::path& path) {
  return HasExtension(path, ".jpg") || HasExtension(path, ".jpeg") ||
         HasExtension(path, ".jpe") || HasExtension(path, ".jfif") ||
         HasExtension(path, ".png") || HasExtension(path, ".bin");
}

bool StartsAsImage(const fs::path& path) {
  const absl::StatusOr<FileStart> start = ReadFileStart(path.string(), 8);
  return start.ok() && IsImage(start->content);
}

// Parses a class: 0 to 999, without leading zeros.
std::optional<int> ParseLabel(absl::string_view text) {
  int label = 0;
  if (text.size() > 3 || !absl::SimpleAtoi(text, &label) ||
      absl::StrCat(label) != text || label < 0) {
    return std::nullopt;
  }
  return label;
}

// Parses a line "file,label" of a manifest.
absl::StatusOr<Sample> ParseRow(const std::string& folder,
                                absl::string_view row) {
  const size_t comma = row.rfind(',');  // file names may contain commas
  if (comma == absl::string_view::npos) {
    return InvalidArgument("expected ", kManifestHeader, ", found '", row, "'");
  }
  const absl::string_view label_text = row.substr(comma + 1);
  const std::optional<int> label = ParseLabel(label_text);
  if (!label) {
    return InvalidArgument("expected a label from 0 to 999, found '",
                           label_text, "'");
  }
  std::string name(row.substr(0, comma));
  if (name.size() > 1 && name.front() == '"' && name.back() == '"') {
    name =
        absl::StrReplaceAll(name.substr(1, name.size() - 2), {{"\"\"", "\""}});
  }
  const fs::path relative(name);
  if (relative.is_absolute() ||
      std::find(relative.begin(), relative.end(), "..") != relative.end()) {
    return InvalidArgument("expected a file in the folder, found '", name, "'");
  }
  if (!IsImageFile(fs::path(folder) / relative)) {
    return InvalidArgument("expected a .jpg, .png or .bin, found '", name, "'");
  }
  std::error_code ignored;
  if (!fs::is_regular_file(fs::path(folder) / relative, ignored)) {
    return absl::NotFoundError(absl::StrCat("no file '", name, "' there"));
  }
  return Sample(folder, relative.lexically_normal(), label);
}

// Sets index and label from a file name test_{index}_{label}.*. Returns whether
// it has this form.
bool ParseStem(Sample* sample) {
  const std::string stem = fs::path(sample->name).stem().string();
  const std::vector<absl::string_view> parts = absl::StrSplit(stem, '_');
  if (parts.size() != 3 || parts[0] != "test") return false;
  sample->label = ParseLabel(parts[2]);
  return sample->label.has_value() &&
         std::all_of(parts[1].begin(), parts[1].end(), absl::ascii_isdigit) &&
         absl::SimpleAtoi(parts[1], &sample->index);
}

// Sets the labels by the names of the folders. Returns whether each image lies
// in a folder named by its class.
bool LabelByFolder(std::vector<Sample>* samples) {
  for (Sample& sample : *samples) {
    sample.label =
        ParseLabel(fs::path(sample.name).parent_path().filename().string());
    if (!sample.label.has_value()) return false;
  }
  return true;
}

// Adds the images in `folder` / `subfolder`, or those of its subfolders if it
// has none: of a test set alone if there is one. Names that start with a dot
// are left out. Returns the number of other files.
absl::StatusOr<size_t> AddImages(const fs::path& folder,
                                 const fs::path& subfolder,
                                 std::vector<Sample>* samples) {
  LENET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         ListFolder((folder / subfolder).string()));
  const size_t before = samples->size();
  size_t others = 0;
  std::vector<std::string> folders;
  for (const std::string& name : names) {
    if (name[0] == '.') continue;
    const fs::path file = subfolder / name;
    std::error_code ignored;
    if (fs::is_directory(folder / file, ignored)) {
      folders.push_back(name);
      continue;
    }
    const bool may_be_result = HasExtension(file, ".bin") &&
                               !subfolder.empty() &&
                               !ParseLabel(subfolder.filename().string());
    if (!may_be_result && (IsImageFile(folder / file))) {
      samples->emplace_back(folder, file);
    } else {
      ++others;
    }
  }
  if (samples->size() > before) return others;
  for (const char* test : {"test", "testing"}) {
    if (std::find(folders.begin(), folders.end(), test) != folders.end()) {
      return AddImages(folder, subfolder / test, samples);
    }
  }
  for (const std::string& name : folders) {
    std::error_code ignored;
    if (fs::is_symlink(folder / subfolder / name, ignored)) continue;
    LENET_ASSIGN_OR_RETURN(const size_t below,
                           AddImages(folder, subfolder / name, samples));
    others += below;
  }
  return others;
}

}  // namespace

Sample::Sample(const fs::path& folder, const fs::path& file,
               std::optional<int> known_label)
    : path((folder / file).string()),
      name(file.string()),
      stem(absl::StrReplaceAll(fs::path(file).replace_extension().string(),
                               {{"/", "_"}})),
      is_tensor(HasExtension(file, ".bin")),
      label(known_label) {}

bool IsImageFile(const fs::path& path) {
  return IsImageName(path) || StartsAsImage(path);
}

// The formats of data sets are _OTHER_FORMATS in lenet.data.idx.
absl::Status RefuseOtherFormat(const fs::path& path) {
  const std::string name = absl::AsciiStrToLower(path.string());
  for (const char* ending : {".npz", ".csv", ".parquet", ".mat", ".pt", ".pkl",
                             ".zip", ".tar", ".xz", ".tgz"}) {
    if (!absl::EndsWith(absl::StripSuffix(name, ".gz"), ending)) continue;
    return InvalidArgument(path.string(),
                           " is not read; take (or unpack) the "
                           "IDX files of this data set");
  }
  for (const char* ending :
       {".pdf", ".heic", ".heif", ".gif", ".webp", ".bmp", ".tif", ".tiff"}) {
    if (!absl::EndsWith(name, ending)) continue;
    return InvalidArgument(path.string(),
                           " is not read; convert it to PNG or JPEG");
  }
  return absl::OkStatus();
}

void LabelByName(std::vector<Sample>* samples) {
  for (Sample& sample : *samples) {
    if (ParseStem(&sample)) continue;
    for (Sample& unlabelled : *samples) unlabelled.label.reset();
    return;
  }
  std::stable_sort(
      samples->begin(), samples->end(),
      [](const Sample& a, const Sample& b) { return a.index < b.index; });
}

absl::StatusOr<std::vector<Sample>> ReadManifest(const std::string& folder,
                                                 const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::string content,
                         ReadFile(path, kMaxManifestBytes));
  absl::string_view rows = content;
  absl::ConsumePrefix(&rows, "\xef\xbb\xbf");  // written by spreadsheets
  std::vector<Sample> samples;
  size_t line = 0;
  for (absl::string_view row : absl::StrSplit(rows, '\n')) {
    ++line;
    absl::ConsumeSuffix(&row, "\r");
    if (line == 1 && row != kManifestHeader) {
      return InvalidArgument(path, ": line 1: expected the header ",
                             kManifestHeader, ", found '", row.substr(0, 80),
                             "'");
    }
    if (line == 1 || absl::StripAsciiWhitespace(row).empty()) continue;
    LENET_ASSIGN_OR_RETURN(Sample sample,
                           WithLocation(absl::StrCat(path, ": line ", line),
                                        ParseRow(folder, row)));
    samples.push_back(std::move(sample));
  }
  if (samples.empty()) {
    return InvalidArgument(path, ": lists no images");
  }
  return samples;
}

absl::StatusOr<std::vector<Sample>> ListImages(const std::string& folder) {
  std::vector<Sample> samples;
  LENET_ASSIGN_OR_RETURN(const size_t others, AddImages(folder, "", &samples));
  if (samples.empty()) {
    std::error_code error;
    for (fs::recursive_directory_iterator it(folder, error), end; it != end;
         it.increment(error)) {
      LENET_RETURN_IF_ERROR(RefuseOtherFormat(it->path()));
    }
    return InvalidArgument(
        "no images in ", folder,
        "; expected *.jpg, *.png, *.bin or an IDX file (for example "
        "t10k-images.idx3-ubyte)",
        others == 0 ? ""
                    : absl::StrCat("; found ", others,
                                   " other files: //python:predict reads more "
                                   "formats"));
  }
  if (others > 0) {
    std::fprintf(stderr,
                 "infer310: warning: files that are neither JPEG nor PNG, "
                 "skipped: %zu; //python:predict reads more formats\n",
                 others);
  }
  if (!LabelByFolder(&samples)) LabelByName(&samples);
  return samples;
}

absl::Status MakeStemsUnique(std::vector<Sample>* samples) {
  std::map<std::string, int> counts;
  for (const Sample& sample : *samples) ++counts[sample.stem];
  for (Sample& sample : *samples) {
    if (counts[sample.stem] == 1) continue;
    sample.stem = absl::StrReplaceAll(sample.name, {{"/", "_"}});
  }
  std::map<absl::string_view, absl::string_view> paths;
  for (const Sample& sample : *samples) {
    const auto [other, inserted] = paths.emplace(sample.stem, sample.path);
    if (!inserted) {
      return InvalidArgument(
          other->second, " and ", sample.path,
          " would give results of the same name; rename or remove one");
    }
  }
  return absl::OkStatus();
}

}  // namespace lenet

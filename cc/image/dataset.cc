#include "cc/image/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
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
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/image/decode.h"
#include "cc/image/digit.h"
#include "cc/image/idx.h"
#include "cc/image/image.h"
#include "cc/image/pixels.h"
#include "cc/image/transform.h"

namespace lenet {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kManifestHeader = "file,label";
constexpr int kMaxInputSide = 8192;                  // pixels
constexpr size_t kMaxFileBytes = size_t{256} << 20;  // of images and manifests

// Implements Load by LoadLuma.
class ImageDataset : public Dataset {
 public:
  explicit ImageDataset(const DatasetOptions& options) : options_(options) {}

  size_t tensor_size() const override {
    return static_cast<size_t>(options_.height) *
           static_cast<size_t>(options_.width);
  }

  absl::Status Load(size_t i, absl::Span<float> tensor) const override {
    std::vector<uint8_t> luma(tensor_size());
    LENET_RETURN_IF_ERROR(LoadLuma(i, absl::MakeSpan(luma)));
    Normalize(luma, tensor);
    return absl::OkStatus();
  }

 protected:
  const DatasetOptions options_;
};

// ---------------------------------------------------------------- IDX

class IdxDataset : public ImageDataset {
 public:
  IdxDataset(IdxImages images, std::optional<std::vector<uint8_t>> labels,
             const DatasetOptions& options)
      : ImageDataset(options),
        images_(std::move(images)),
        labels_(std::move(labels)),
        resizer_(kIdxSide, kIdxSide, options.height, options.width) {}

  size_t size() const override { return images_.count; }

  std::string stem(size_t i) const override {
    if (!labels_) return absl::StrCat("test_", i);
    return absl::StrCat("test_", i, "_", (*labels_)[i]);
  }

  std::optional<int> label(size_t i) const override {
    if (!labels_) return std::nullopt;
    return (*labels_)[i];
  }

  absl::Status LoadLuma(size_t i, absl::Span<uint8_t> luma) const override {
    resizer_.Resize(images_.image(i), luma);
    return absl::OkStatus();
  }

  absl::StatusOr<SourceImage> LoadSource(size_t i) const override {
    const absl::Span<const uint8_t> pixels = images_.image(i);
    return SourceImage{std::string(pixels.begin(), pixels.end()), kIdxSide,
                       kIdxSide};
  }

 private:
  const IdxImages images_;
  const std::optional<std::vector<uint8_t>> labels_;
  const Resizer resizer_;
};

absl::StatusOr<std::unique_ptr<Dataset>> OpenIdx(
    const std::string& path, const DatasetOptions& options) {
  // Whether images of EMNIST are transposed may show in any of them.
  const bool emnist = IsEmnist(path);
  LENET_ASSIGN_OR_RETURN(IdxImages images,
                         ReadIdxImages(path, emnist ? 0 : options.limit));
  if (options.find_digits) {
    return InvalidArgument(path,
                           ": IDX images have the form of MNIST already; "
                           "omit --prepare=predict");
  }
  std::optional<std::vector<uint8_t>> labels;
  if (const std::optional<std::string> labels_path = FindLabels(path)) {
    LENET_ASSIGN_OR_RETURN(labels, ReadIdxLabels(*labels_path));
    if (labels->size() != images.total) {
      return InvalidArgument(*labels_path, ": expected ", images.total,
                             " labels, one for each image of ", path,
                             ", found ", labels->size());
    }
  }
  const bool turned =
      emnist &&
      IsTransposed(path, images, labels.value_or(std::vector<uint8_t>()));
  if (turned) Transpose(&images);
  if (options.limit != 0) images.count = std::min(images.count, options.limit);
  const std::string layout = DescribeLayout(path, options.path);
  if (turned || (!layout.empty() && path != options.path)) {
    std::fprintf(stderr, "infer310: data set: %s, %s%s\n", layout.c_str(),
                 path.c_str(), turned ? "; stored transposed, turned" : "");
  }
  return std::make_unique<IdxDataset>(std::move(images), std::move(labels),
                                      options);
}

// ---------------------------------------------------------------- folder

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

// Returns an error for a data set in a format that is not read, those of
// _OTHER_FORMATS in lenet.data.idx.
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

struct Sample {
  Sample(const fs::path& folder, const fs::path& file,
         std::optional<int> known_label = {})
      : path((folder / file).string()),
        name(file.string()),
        stem(absl::StrReplaceAll(fs::path(file).replace_extension().string(),
                                 {{"/", "_"}})),
        is_tensor(HasExtension(file, ".bin")),
        label(known_label) {}

  std::string path;
  std::string name;  // relative to the folder
  std::string stem;
  bool is_tensor;
  std::optional<int> label;
  uint64_t index = 0;  // in the name of an image with a label
};

absl::Status ParseTensor(absl::string_view content, const DatasetOptions& size,
                         absl::Span<float> tensor) {
  const size_t expected = tensor.size() * sizeof(float);
  if (content.size() != expected) {
    return InvalidArgument("expected ", expected,
                           " bytes, a float32 tensor of ", size.height, "x",
                           size.width, ", found ", content.size());
  }
  std::memcpy(tensor.data(), content.data(), expected);
  for (size_t i = 0; i < tensor.size(); ++i) {
    if (!std::isfinite(tensor[i])) {
      return InvalidArgument("expected finite values, found ", tensor[i],
                             " at index ", i);
    }
  }
  return absl::OkStatus();
}

class FolderDataset : public ImageDataset {
 public:
  FolderDataset(std::vector<Sample> samples, const DatasetOptions& options)
      : ImageDataset(options), samples_(std::move(samples)) {}

  std::string name(size_t i) const override { return samples_[i].name; }

  std::vector<std::string> warnings() const override {
    const std::lock_guard<std::mutex> lock(mutex_);
    std::vector<std::string> lines;
    for (const auto& [message, files] : odd_) {
      lines.push_back(absl::StrCat(
          files.size(), " of ", samples_.size(), " images, the first is ",
          samples_[*files.begin()].path, ": ", message));
    }
    return lines;
  }

  size_t size() const override { return samples_.size(); }

  std::string stem(size_t i) const override { return samples_[i].stem; }

  std::optional<int> label(size_t i) const override {
    return samples_[i].label;
  }

  absl::Status Load(size_t i, absl::Span<float> tensor) const override {
    const std::string& path = samples_[i].path;
    if (!samples_[i].is_tensor) return ImageDataset::Load(i, tensor);
    LENET_ASSIGN_OR_RETURN(const std::string content,
                           ReadFile(path, kMaxFileBytes));
    return WithLocation(path, ParseTensor(content, options_, tensor));
  }

  absl::Status LoadLuma(size_t i, absl::Span<uint8_t> luma) const override {
    LENET_ASSIGN_OR_RETURN(const std::string content, ReadImage(i));
    return Decode(i, content, luma);
  }

  absl::StatusOr<SourceImage> LoadSource(size_t i) const override {
    LENET_ASSIGN_OR_RETURN(std::string content, ReadImage(i));
    if (!options_.find_digits &&
        (options_.keeps_file == nullptr || options_.keeps_file(content))) {
      return SourceImage{std::move(content), 0, 0, samples_[i].path};
    }
    std::vector<uint8_t> luma(tensor_size());
    LENET_RETURN_IF_ERROR(Decode(i, content, absl::MakeSpan(luma)));
    return SourceImage{std::string(luma.begin(), luma.end()), options_.height,
                       options_.width, samples_[i].path};
  }

 private:
  absl::StatusOr<std::string> ReadImage(size_t i) const {
    const std::string& path = samples_[i].path;
    if (samples_[i].is_tensor) {
      return InvalidArgument(
          path,
          ": holds normalised floats, but the model takes the bytes of an "
          "image (it normalises by AIPP); give it .jpg, .png or IDX files, or "
          "a model converted without --aipp");
    }
    return ReadFile(path, kMaxFileBytes);
  }

  absl::Status Decode(size_t i, const std::string& content,
                      absl::Span<uint8_t> luma) const {
    const std::string& path = samples_[i].path;
    LENET_ASSIGN_OR_RETURN(
        const GrayImage image,
        WithLocation(path, options_.find_digits ? Prepare(content)
                                                : DecodeImage(content)));
    if (!image.warning.empty()) AddWarning(image.warning, i);
    if (BorderMedian(image) >= 128) {
      AddWarning(
          "light paper, but the model knows light digits on a dark ground; "
          "give --prepare=predict",
          i);
    }
    Resizer(image.height, image.width, options_.height, options_.width)
        .Resize(image.pixels, luma);
    return absl::OkStatus();
  }

  static absl::StatusOr<GrayImage> Prepare(absl::string_view content) {
    LENET_ASSIGN_OR_RETURN(const std::vector<GrayImage> planes,
                           DecodePlanes(content));
    LENET_ASSIGN_OR_RETURN(std::vector<GrayImage> digits,
                           PrepareDigits(planes));
    if (digits.size() > 1) {
      return InvalidArgument(digits.size(),
                             " digits in one picture, expected one: crop it to "
                             "a digit, or use //python:predict");
    }
    digits[0].warning = planes[0].warning;
    return std::move(digits[0]);
  }

  void AddWarning(const std::string& message, size_t i) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    odd_[message].insert(i);
  }

  const std::vector<Sample> samples_;
  mutable std::mutex mutex_;
  mutable std::map<std::string, std::set<size_t>> odd_;  // by message
};

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
  if (!IsImageName(relative) && !StartsAsImage(fs::path(folder) / relative)) {
    return InvalidArgument("expected a .jpg, .png or .bin, found '", name, "'");
  }
  std::error_code ignored;
  if (!fs::is_regular_file(fs::path(folder) / relative, ignored)) {
    return absl::NotFoundError(absl::StrCat("no file '", name, "' there"));
  }
  return Sample(folder, relative.lexically_normal(), label);
}

absl::StatusOr<std::vector<Sample>> ReadManifest(const std::string& folder,
                                                 const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::string content,
                         ReadFile(path, kMaxFileBytes));
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

// Sorts by index and sets the labels if all names have the form of ParseStem.
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
    if (!may_be_result && (IsImageName(file) || StartsAsImage(folder / file))) {
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

// Gives files of the same stem, such as a.jpg and a.png, their whole names.
void KeepEndings(std::vector<Sample>* samples) {
  std::map<std::string, int> counts;
  for (const Sample& sample : *samples) ++counts[sample.stem];
  for (Sample& sample : *samples) {
    if (counts[sample.stem] == 1) continue;
    sample.stem = absl::StrReplaceAll(sample.name, {{"/", "_"}});
  }
}

absl::Status CheckStemsUnique(const std::vector<Sample>& samples) {
  std::map<absl::string_view, absl::string_view> paths;
  for (const Sample& sample : samples) {
    const auto [other, inserted] = paths.emplace(sample.stem, sample.path);
    if (!inserted) {
      return InvalidArgument(
          other->second, " and ", sample.path,
          " would give results of the same name; rename or remove one");
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Dataset>> OpenFolder(
    const DatasetOptions& options) {
  const std::string& folder = options.path;
  const fs::path manifest = fs::path(folder) / "manifest.csv";
  std::error_code ignored;
  std::vector<Sample> samples;
  if (fs::exists(manifest, ignored)) {
    LENET_ASSIGN_OR_RETURN(samples, ReadManifest(folder, manifest.string()));
  } else {
    LENET_ASSIGN_OR_RETURN(const auto idx, FindTestImages(folder));
    if (idx) return OpenIdx(*idx, options);
    LENET_ASSIGN_OR_RETURN(samples, ListImages(folder));
  }
  KeepEndings(&samples);
  LENET_RETURN_IF_ERROR(CheckStemsUnique(samples));
  if (options.limit != 0 && options.limit < samples.size()) {
    samples.erase(samples.begin() + static_cast<ptrdiff_t>(options.limit),
                  samples.end());
  }
  return std::make_unique<FolderDataset>(std::move(samples), options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(
    const DatasetOptions& options) {
  if (options.height < 1 || options.width < 1 ||
      options.height > kMaxInputSide || options.width > kMaxInputSide) {
    return InvalidArgument("expected a height and width from 1 to ",
                           kMaxInputSide, ", found ", options.height, " and ",
                           options.width);
  }
  std::error_code ignored;
  if (fs::is_directory(options.path, ignored)) return OpenFolder(options);
  const fs::path path(options.path);
  if (IsImageName(path) || StartsAsImage(path)) {
    std::vector<Sample> samples = {{path.parent_path(), path.filename()}};
    LabelByName(&samples);
    return std::make_unique<FolderDataset>(std::move(samples), options);
  }
  LENET_RETURN_IF_ERROR(RefuseOtherFormat(path));
  return OpenIdx(options.path, options);  // also reports a missing path
}

}  // namespace lenet

#include "cc/image/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
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
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "absl/types/span.h"
#include "cc/base/file.h"
#include "cc/base/status_macros.h"
#include "cc/image/decode.h"
#include "cc/image/idx.h"
#include "cc/image/image.h"
#include "cc/image/normalize.h"
#include "cc/image/resize.h"

namespace lenet {
namespace {

namespace fs = std::filesystem;

constexpr char kManifest[] = "manifest.csv";
constexpr char kManifestHeader[] = "file,label";
constexpr size_t kMaxManifestBytes = size_t{256} << 20;
constexpr size_t kMaxImageBytes = size_t{256} << 20;

absl::Status Wrong(const std::string& path, absl::string_view message) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": ", message));
}

// 0 to 9.
std::optional<int> ParseLabel(absl::string_view text) {
  if (text.size() != 1 || !absl::ascii_isdigit(text[0])) return std::nullopt;
  return text[0] - '0';
}

size_t TensorSize(const DatasetOptions& options) {
  return static_cast<size_t>(options.height) *
         static_cast<size_t>(options.width);
}

// ---------------------------------------------------------------- IDX

class IdxDataset : public Dataset {
 public:
  IdxDataset(IdxImages images, std::optional<std::vector<uint8_t>> labels,
             const DatasetOptions& options)
      : images_(std::move(images)),
        labels_(std::move(labels)),
        tensor_size_(TensorSize(options)),
        resizer_(kIdxSide, kIdxSide, options.height, options.width) {}

  size_t size() const override { return images_.count(); }

  size_t tensor_size() const override { return tensor_size_; }

  std::string stem(size_t i) const override {
    if (!labels_) return absl::StrCat("test_", i);
    return absl::StrCat("test_", i, "_", (*labels_)[i]);
  }

  std::optional<int> label(size_t i) const override {
    if (!labels_) return std::nullopt;
    return (*labels_)[i];
  }

  absl::Status Load(size_t i, absl::Span<float> tensor) const override {
    std::vector<uint8_t> luma(tensor_size_);
    LENET_RETURN_IF_ERROR(LoadLuma(i, absl::MakeSpan(luma)));
    Normalize(luma, tensor);
    return absl::OkStatus();
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
  const size_t tensor_size_;
  const Resizer resizer_;
};

absl::StatusOr<std::unique_ptr<Dataset>> OpenIdx(
    const std::string& path, const DatasetOptions& options) {
  LENET_ASSIGN_OR_RETURN(IdxImages images, ReadIdxImages(path, options.limit));
  std::optional<std::vector<uint8_t>> labels;
  if (const std::optional<std::string> beside = FindLabels(path)) {
    LENET_ASSIGN_OR_RETURN(labels, ReadIdxLabels(*beside));
    if (labels->size() != images.total()) {
      return Wrong(*beside, absl::StrCat("expected ", images.total(),
                                         " labels, one for each image of ",
                                         path, ", found ", labels->size()));
    }
  }
  return std::make_unique<IdxDataset>(std::move(images), std::move(labels),
                                      options);
}

// ---------------------------------------------------------------- folder

struct Sample {
  std::string path;
  std::string stem;
  bool is_tensor;  // .bin
  std::optional<int> label;
};

bool HasExtension(const fs::path& name, absl::string_view extension) {
  return absl::EqualsIgnoreCase(name.extension().string(), extension);
}

bool IsTensorName(const fs::path& name) { return HasExtension(name, ".bin"); }

bool IsImageName(const fs::path& name) {
  return HasExtension(name, ".jpg") || HasExtension(name, ".jpeg") ||
         HasExtension(name, ".png") || IsTensorName(name);
}

absl::Status LoadTensor(absl::string_view content,
                        const DatasetOptions& options,
                        absl::Span<float> tensor) {
  const size_t expected = tensor.size() * sizeof(float);
  if (content.size() != expected) {
    return absl::InvalidArgumentError(absl::StrCat(
        "expected ", expected, " bytes, a float32 tensor of ", options.height,
        "x", options.width, ", found ", content.size()));
  }
  for (size_t i = 0; i < tensor.size(); ++i) {
    uint32_t bits = 0;  // little-endian, whatever this machine is
    for (size_t byte = 4; byte-- > 0;) {
      bits = bits << 8 | static_cast<unsigned char>(content[4 * i + byte]);
    }
    std::memcpy(&tensor[i], &bits, sizeof(bits));
    if (!std::isfinite(tensor[i])) {
      return absl::InvalidArgumentError(absl::StrCat(
          "expected finite values, found ", tensor[i], " at index ", i));
    }
  }
  return absl::OkStatus();
}

class FolderDataset : public Dataset {
 public:
  FolderDataset(std::vector<Sample> samples, const DatasetOptions& options)
      : samples_(std::move(samples)), options_(options) {}

  size_t size() const override { return samples_.size(); }

  size_t tensor_size() const override { return TensorSize(options_); }

  std::string stem(size_t i) const override { return samples_[i].stem; }

  std::optional<int> label(size_t i) const override {
    return samples_[i].label;
  }

  absl::Status Load(size_t i, absl::Span<float> tensor) const override {
    const Sample& sample = samples_[i];
    LENET_ASSIGN_OR_RETURN(const std::string content,
                           ReadFile(sample.path, kMaxImageBytes));
    if (sample.is_tensor) {
      return At(sample, LoadTensor(content, options_, tensor));
    }
    const absl::StatusOr<GrayImage> image = DecodeImage(content);
    if (!image.ok()) return At(sample, image.status());
    Normalize(Resize(*image, options_.height, options_.width).pixels, tensor);
    return absl::OkStatus();
  }

  absl::Status LoadLuma(size_t i, absl::Span<uint8_t> luma) const override {
    LENET_ASSIGN_OR_RETURN(const SourceImage source, LoadSource(i));
    const absl::StatusOr<GrayImage> image = DecodeImage(source.content);
    if (!image.ok()) return At(samples_[i], image.status());
    Resizer(image->height, image->width, options_.height, options_.width)
        .Resize(image->pixels, luma);
    return absl::OkStatus();
  }

  absl::StatusOr<SourceImage> LoadSource(size_t i) const override {
    const Sample& sample = samples_[i];
    if (sample.is_tensor) {
      return Wrong(sample.path,
                   "holds normalised floats, but the model takes the bytes of "
                   "an image (it normalises by AIPP); give it .jpg, .png or "
                   "IDX files, or a model converted without --aipp");
    }
    LENET_ASSIGN_OR_RETURN(std::string content,
                           ReadFile(sample.path, kMaxImageBytes));
    return SourceImage{std::move(content), 0, 0};
  }

 private:
  // An error in the content of a sample's file, with the name of that.
  static absl::Status At(const Sample& sample, const absl::Status& status) {
    if (status.ok()) return status;
    return absl::Status(status.code(),
                        absl::StrCat(sample.path, ": ", status.message()));
  }

  const std::vector<Sample> samples_;
  const DatasetOptions options_;
};

// One line of a manifest: "file,label".
absl::StatusOr<Sample> ParseRow(const std::string& folder,
                                absl::string_view row) {
  const size_t comma = row.rfind(',');  // a file name may have one
  if (comma == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected file,label, found '", row, "'"));
  }
  const std::string name(row.substr(0, comma));
  const absl::string_view label_text = row.substr(comma + 1);
  const std::optional<int> label = ParseLabel(label_text);
  if (!label) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a label from 0 to 9, found '", label_text, "'"));
  }
  const fs::path relative(name);
  if (relative.is_absolute() ||
      std::find(relative.begin(), relative.end(), "..") != relative.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a file in the folder, found '", name, "'"));
  }
  if (!IsImageName(relative)) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a .jpg, .png or .bin, found '", name, "'"));
  }
  const fs::path path = fs::path(folder) / relative;
  std::error_code ignored;
  if (!fs::is_regular_file(path, ignored)) {
    return absl::NotFoundError(absl::StrCat("no file '", name, "' there"));
  }
  return Sample{path.string(), relative.stem().string(), IsTensorName(relative),
                label};
}

absl::StatusOr<std::vector<Sample>> ReadManifest(const std::string& folder) {
  const std::string path = (fs::path(folder) / kManifest).string();
  LENET_ASSIGN_OR_RETURN(const std::string content,
                         ReadFile(path, kMaxManifestBytes));
  std::vector<Sample> samples;
  size_t line = 0;
  for (absl::string_view row : absl::StrSplit(content, '\n')) {
    ++line;
    absl::ConsumeSuffix(&row, "\r");
    if (line == 1) {
      absl::ConsumePrefix(&row, "\xef\xbb\xbf");  // spreadsheets write it
      if (row == kManifestHeader) continue;
      return Wrong(path,
                   absl::StrCat("line 1: expected the header ", kManifestHeader,
                                ", found '", row.substr(0, 80), "'"));
    }
    if (row.empty()) continue;
    absl::StatusOr<Sample> sample = ParseRow(folder, row);
    if (!sample.ok()) {
      return absl::Status(
          sample.status().code(),
          absl::StrCat(path, ": line ", line, ": ", sample.status().message()));
    }
    samples.push_back(*std::move(sample));
  }
  if (samples.empty()) return Wrong(path, "lists no images");
  return samples;
}

// index and label of a stem test_{index}_{label}.
std::optional<std::pair<uint64_t, int>> ParseStem(absl::string_view stem) {
  const std::vector<absl::string_view> parts = absl::StrSplit(stem, '_');
  if (parts.size() != 3 || parts[0] != "test") return std::nullopt;
  const std::optional<int> label = ParseLabel(parts[2]);
  uint64_t index = 0;
  if (!label ||
      !std::all_of(parts[1].begin(), parts[1].end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(parts[1], &index)) {
    return std::nullopt;
  }
  return std::make_pair(index, *label);
}

// Takes labels and order from the names, if all names tell them.
void LabelByName(std::vector<Sample>* samples) {
  std::vector<std::pair<uint64_t, size_t>> order;  // index, position
  std::vector<int> labels;
  for (const Sample& sample : *samples) {
    const auto parsed = ParseStem(sample.stem);
    if (!parsed) return;
    order.emplace_back(parsed->first, order.size());
    labels.push_back(parsed->second);
  }
  std::sort(order.begin(), order.end());
  std::vector<Sample> sorted;
  sorted.reserve(order.size());
  for (const auto& [index, position] : order) {
    Sample& sample = sorted.emplace_back(std::move((*samples)[position]));
    sample.label = labels[position];
  }
  *samples = std::move(sorted);
}

absl::StatusOr<std::vector<Sample>> ListImages(const std::string& folder) {
  LENET_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                         ListFolder(folder));
  std::vector<Sample> samples;
  for (const fs::path name : names) {
    if (!IsImageName(name)) continue;
    samples.push_back({(fs::path(folder) / name).string(), name.stem().string(),
                       IsTensorName(name), std::nullopt});
  }
  if (samples.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "no images in ", folder,
        "; expected *.jpg, *.png, *.bin or an IDX file (t10k-images.idx3-ubyte "
        "for one)"));
  }
  LabelByName(&samples);
  return samples;
}

absl::Status CheckUnique(const std::vector<Sample>& samples) {
  std::map<absl::string_view, absl::string_view> paths;
  for (const Sample& sample : samples) {
    const auto [other, inserted] = paths.emplace(sample.stem, sample.path);
    if (!inserted) {
      return absl::InvalidArgumentError(absl::StrCat(
          other->second, " and ", sample.path,
          " would give results of the same name; rename or remove one"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Dataset>> OpenFolder(
    const DatasetOptions& options) {
  const std::string& folder = options.path;
  std::error_code ignored;
  std::vector<Sample> samples;
  if (fs::exists(fs::path(folder) / kManifest, ignored)) {
    LENET_ASSIGN_OR_RETURN(samples, ReadManifest(folder));
  } else if (const auto idx = FindTestImages(folder)) {
    return OpenIdx(*idx, options);
  } else {
    LENET_ASSIGN_OR_RETURN(samples, ListImages(folder));
  }
  LENET_RETURN_IF_ERROR(CheckUnique(samples));
  if (options.limit != 0 && options.limit < samples.size()) {
    samples.resize(options.limit);
  }
  return std::make_unique<FolderDataset>(std::move(samples), options);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(
    const DatasetOptions& options) {
  if (options.height < 1 || options.width < 1 ||
      options.height > kMaxImageSide || options.width > kMaxImageSide) {
    return absl::InvalidArgumentError(
        absl::StrCat("expected a height and width from 1 to ", kMaxImageSide,
                     ", found ", options.height, " and ", options.width));
  }
  std::error_code ignored;
  if (fs::is_directory(options.path, ignored)) return OpenFolder(options);
  return OpenIdx(options.path, options);  // tells what is wrong with it
}

}  // namespace lenet

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
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/image/decode.h"
#include "cc/image/digit.h"
#include "cc/image/idx.h"
#include "cc/image/image.h"
#include "cc/image/pixels.h"
#include "cc/image/samples.h"
#include "cc/image/transform.h"

namespace lenet {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxInputSide = 8192;                  // pixels
constexpr size_t kMaxFileBytes = size_t{256} << 20;  // of images

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
  LENET_RETURN_IF_ERROR(MakeStemsUnique(&samples));
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
  if (IsImageFile(path)) {
    std::vector<Sample> samples = {{path.parent_path(), path.filename()}};
    LabelByName(&samples);
    return std::make_unique<FolderDataset>(std::move(samples), options);
  }
  LENET_RETURN_IF_ERROR(RefuseOtherFormat(path));
  return OpenIdx(options.path, options);  // also reports a missing path
}

}  // namespace lenet

#ifndef CC_IMAGE_DATASET_H_
#define CC_IMAGE_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/image/image.h"

namespace lenet {

// Images in the size of the network's input, with or without labels.
// Thread-safe. In all functions, i < size().
class Dataset {
 public:
  virtual ~Dataset() = default;

  // Number of samples, at least 1.
  virtual size_t size() const = 0;

  // Pixels per sample: height * width.
  virtual size_t tensor_size() const = 0;

  // The image's file, relative to the data set; the stem for IDX.
  virtual std::string name(size_t i) const { return stem(i); }

  // File name of the result without ".bin", unique in the set: the name of the
  // image with _ for /, without its ending unless two images would share it; or
  // test_{i}_{label} (test_{i} without labels) for IDX.
  virtual std::string stem(size_t i) const = 0;

  // The label, 0 to 999. Either all samples have one or none.
  virtual std::optional<int> label(size_t i) const = 0;

  // Writes sample i, decoded, resized and normalised, to `tensor`: the
  // network's input [1, 1, height, width]. Errors name the file.
  virtual absl::Status Load(size_t i, absl::Span<float> tensor) const = 0;

  // Writes sample i, decoded and resized, to `luma`: tensor_size() pixels, 0
  // black to 255 white. InvalidArgument for a .bin file, which is normalised.
  virtual absl::Status LoadLuma(size_t i, absl::Span<uint8_t> luma) const = 0;

  // Returns sample i as stored: the content of its file, unchecked, or the
  // pixels from an IDX file, or those of a file that DatasetOptions::keeps_file
  // rejects. InvalidArgument for a .bin file.
  virtual absl::StatusOr<SourceImage> LoadSource(size_t i) const = 0;

  // Returns what was odd about the samples loaded so far, a line per kind.
  virtual std::vector<std::string> warnings() const { return {}; }
};

struct DatasetOptions {
  std::string path;
  int height = 32;
  int width = 32;
  size_t limit = 0;  // maximum number of samples; 0: all
  // Returns whether the engine decodes the content of a file itself; nullptr:
  // every file.
  std::function<bool(absl::string_view)> keeps_file = nullptr;
  // Images are pictures of a digit, to be prepared by PrepareDigits.
  bool find_digits = false;
};

// Opens the data set at `path`, which is one of:
// - a folder with manifest.csv (header "file,label"): the files it lists, in
//   that order;
// - a folder with the test set of MNIST or a set like it (see FindTestImages);
// - a folder of images (JPEG and PNG by name or content, *.bin), with its
//   subfolders: if each image lies in a folder named by its class, 0 to 999,
//   these are the labels; if every name has the form test_{i}_{label}, ordered
//   by i and with these labels; otherwise ordered by name and without labels;
// - an image;
// - an IDX file of images, with the labels beside it if there are any.
//
// A .bin file is the tensor itself: height * width finite float32,
// little-endian. An IDX file is read here, images are read by Load.
//
// InvalidArgument, NotFound and PermissionDenied name the path and, for a
// manifest, the line.
absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(
    const DatasetOptions& options);

}  // namespace lenet

#endif  // CC_IMAGE_DATASET_H_

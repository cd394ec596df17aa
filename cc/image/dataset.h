#ifndef CC_IMAGE_DATASET_H_
#define CC_IMAGE_DATASET_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cc/image/image.h"

namespace lenet {

// A set of images as the network takes them. Thread-safe once opened.
class Dataset {
 public:
  virtual ~Dataset() = default;

  // Number of samples, at least 1. In all calls below, i < size().
  virtual size_t size() const = 0;

  // Floats in one tensor: height * width.
  virtual size_t tensor_size() const = 0;

  // Name of the result without ".bin", unique in the set: the stem of the file,
  // or test_{i}_{label} (test_{i} without labels) of an IDX file.
  virtual std::string stem(size_t i) const = 0;

  // The right answer, 0 to 9; nothing if it is unknown. Known for all samples
  // or for none.
  virtual std::optional<int> label(size_t i) const = 0;

  // Decodes, resizes and normalises sample i into `tensor`, which has
  // tensor_size() floats: rows of the network's input [1, 1, height, width]. An
  // error names the file.
  virtual absl::Status Load(size_t i, absl::Span<float> tensor) const = 0;

  // The same without normalising, for models that do that themselves: `luma`
  // has tensor_size() bytes, 0 black to 255 white. InvalidArgument for a .bin
  // file, which is normalised already.
  virtual absl::Status LoadLuma(size_t i, absl::Span<uint8_t> luma) const = 0;

  // Sample i as it is stored: the content of its file, of which nothing is
  // looked at, or the pixels of an IDX file. InvalidArgument for a .bin file.
  virtual absl::StatusOr<SourceImage> LoadSource(size_t i) const = 0;
};

struct DatasetOptions {
  std::string path;
  int height = 32;
  int width = 32;
  size_t limit = 0;  // the first so many samples; 0: all
};

// Opens a data set; what kind is seen from what lies at `path`:
// - a folder with manifest.csv (header "file,label"): the files it lists, in
//   that order;
// - a folder with MNIST's test set (t10k-images.idx3-ubyte) in it or in its
//   subfolder "test": those images, with the labels beside them;
// - a folder of images (*.jpg *.jpeg *.png *.bin): if all are called
//   test_{i}_{label}, in the order of i and with these labels, otherwise by
//   name and without labels;
// - a file: IDX images, with the labels beside it if there are any.
//
// A .bin file is the tensor itself: height * width finite little-endian
// float32. IDX files are read here, of those without gzip only the samples up
// to the limit, and images by Load. Errors: InvalidArgument, NotFound,
// PermissionDenied with the path, and the line of a manifest.
absl::StatusOr<std::unique_ptr<Dataset>> OpenDataset(
    const DatasetOptions& options);

}  // namespace lenet

#endif  // CC_IMAGE_DATASET_H_

#ifndef CC_IMAGE_SAMPLES_H_
#define CC_IMAGE_SAMPLES_H_

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The files of a data set of images: their names and labels, without their
// content. OpenDataset describes the folders.

namespace lenet {

struct Sample {
  Sample(const std::filesystem::path& folder, const std::filesystem::path& file,
         std::optional<int> known_label = {});

  std::string path;
  std::string name;  // relative to the folder
  std::string stem;  // file name of the result without ".bin"
  bool is_tensor;    // a .bin file
  std::optional<int> label;
  uint64_t index = 0;  // in the name of an image with a label
};

// Returns whether a file is a JPEG or PNG, by name or content, or a .bin file.
bool IsImageFile(const std::filesystem::path& path);

// Returns an error for a data set or picture in a format that is not read.
absl::Status RefuseOtherFormat(const std::filesystem::path& path);

// Sorts by index and sets the labels if all names have the form
// test_{index}_{label}.
void LabelByName(std::vector<Sample>* samples);

// Returns the files that a manifest in `folder` lists, in its order.
// InvalidArgument and NotFound name the line.
absl::StatusOr<std::vector<Sample>> ReadManifest(const std::string& folder,
                                                 const std::string& path);

// Returns the images in a folder and its subfolders; warns if it skips other
// files. InvalidArgument if there are none.
absl::StatusOr<std::vector<Sample>> ListImages(const std::string& folder);

// Gives files of the same stem, such as a.jpg and a.png, their whole names.
// InvalidArgument if two results would have the same name nevertheless.
absl::Status MakeStemsUnique(std::vector<Sample>* samples);

}  // namespace lenet

#endif  // CC_IMAGE_SAMPLES_H_

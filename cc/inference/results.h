#ifndef CC_INFERENCE_RESULTS_H_
#define CC_INFERENCE_RESULTS_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lenet {

enum class ResultFormat {
  kNpy,    // results.npy, float32 [images, classes] in the format of NumPy
  kFiles,  // <stem>.bin for each image, float32 [classes]
};

struct NewFile {
  std::string path;
  std::string content;
};

// A folder with the logits of all images, little-endian. The files are written
// to a temporary folder next to `path`; Commit renames them, so that `path`
// never holds partial results. Without Commit the destructor removes
// everything, including new parent folders, and leaves `path` as it was.
class ResultFolder {
 public:
  // Creates the temporary folder and removes those of runs that were killed.
  // The absolute `path` must not exist or hold only earlier results (*.bin,
  // results.npy), which Commit replaces. Returns FailedPrecondition if it holds
  // anything else, and InvalidArgument or PermissionDenied if it is not a
  // folder or cannot be created.
  static absl::StatusOr<std::unique_ptr<ResultFolder>> Create(
      const std::string& path, ResultFormat format);

  ~ResultFolder();
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  // Adds the result of the next image. All images have the same number of
  // logits.
  absl::Status Write(absl::string_view stem, absl::Span<const float> logits);

  // Replaces `path` and the files `reports`, whose paths are absolute; their
  // folders are created. If that fails, everything stays as it was.
  absl::Status Commit(const std::vector<NewFile>& reports = {});

 private:
  ResultFolder(std::string path, ResultFormat format);

  absl::Status Lock();
  absl::Status Replace(const std::vector<NewFile>& reports) const;
  std::string Temporary(absl::string_view name) const;

  const std::string path_;
  const ResultFormat format_;
  std::string temporary_;                 // folder
  int descriptor_ = -1;                   // of `temporary_`; locks it
  std::vector<std::string> new_parents_;  // deepest first
  std::string rows_;                      // kNpy: all logits
  size_t count_ = 0;                      // images
};

}  // namespace lenet

#endif  // CC_INFERENCE_RESULTS_H_

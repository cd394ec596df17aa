#ifndef CC_INFERENCE_RESULTS_H_
#define CC_INFERENCE_RESULTS_H_

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace lenet {

// A folder with one <stem>.bin of little-endian float32 per image. The files
// are written to a temporary folder next to `path`, which Commit renames, so
// that `path` never holds partial results. Without Commit the destructor
// removes everything, including new parent folders, and leaves `path` as it
// was.
class ResultFolder {
 public:
  // Creates the temporary folder. The absolute `path` must not exist or hold
  // only earlier results (*.bin), which Commit replaces. Returns
  // FailedPrecondition if it holds anything else, and InvalidArgument or
  // PermissionDenied if it is not a folder or cannot be created.
  static absl::StatusOr<std::unique_ptr<ResultFolder>> Create(
      const std::string& path);

  ~ResultFolder();
  ResultFolder(const ResultFolder&) = delete;
  ResultFolder& operator=(const ResultFolder&) = delete;

  // Creates <stem>.bin.
  absl::Status Write(absl::string_view stem, absl::Span<const float> logits);

  // Renames the temporary folder to `path` and calls `finish`. If that fails,
  // `path` becomes what it was.
  absl::Status Commit(const std::function<absl::Status()>& finish = [] {
    return absl::OkStatus();
  });

 private:
  explicit ResultFolder(std::string path);

  const std::string path_;
  std::string temporary_;                 // "" before Create and after Commit
  int descriptor_ = -1;                   // of `temporary_`
  std::vector<std::string> new_parents_;  // deepest first
};

// Writes results in the background, in the given order, because creating a
// small file takes longer than running LeNet. Results are handed over in
// chunks, of which at most two are in memory. To be used by one thread.
class ResultWriter {
 public:
  // `folder` must outlive the writer, which alone uses it until Finish.
  explicit ResultWriter(ResultFolder* folder) : folder_(folder) {}

  // Queues a result; all results have the same number of logits. Returns the
  // error of an earlier result, after which the writer must not be used.
  absl::Status Write(std::string stem, absl::Span<const float> logits);

  // Waits until everything is written. To be called once, last; without it the
  // last results are dropped.
  absl::Status Finish();

 private:
  struct Chunk {
    std::vector<std::string> stems;
    std::vector<float> logits;  // all results, one after another
  };

  absl::Status HandOver();

  ResultFolder* const folder_;
  Chunk filling_;
  std::future<absl::Status> written_;  // the chunk that is being written
};

}  // namespace lenet

#endif  // CC_INFERENCE_RESULTS_H_

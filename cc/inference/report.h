#ifndef CC_INFERENCE_REPORT_H_
#define CC_INFERENCE_REPORT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "cc/base/latency.h"
#include "cc/inference/results.h"

namespace lenet {

// The class of an image.
struct Answer {
  std::string file;
  int digit = 0;
  double probability = 0;
};

// The results of a run of infer310.
struct Report {
  size_t images = 0;
  size_t unusable = 0;               // images that could not be read
  std::vector<Answer> answers;       // one per image
  double min_probability = 0;        // of certain answers
  std::optional<size_t> correct;     // nothing if the labels are unknown
  LatencyRecorder::Summary latency;  // per batch, from the engine's input to
                                     // its logits
  double seconds = 0;  // whole run, including decoding and writing
  std::string engine;
  std::string device;
  std::string soc_name;  // chip name of an Ascend; "" otherwise
  std::string model_sha256;
  int batch_size = 0;
  int threads = 0;
  std::string preprocessing;     // "CPU" or "DVPP"
  size_t decoded_on_device = 0;  // images decoded by DVPP
  size_t decoded_on_host = 0;    // images decoded by the CPU
  bool pipelined = false;        // the next batch is prepared during execution
};

// Returns the lines for stdout, such as "Accuracy: {'Accuracy':0.9843}", or the
// answers if the labels are unknown.
std::string SummaryText(const Report& report);

// Returns time_Result/test_perform_static.txt, whose first line has the format
// of the original project.
std::string PerformanceText(const Report& report);

// Returns report.json: keys in a fixed order, no timestamps; the answers if the
// labels are unknown.
std::string ReportJson(const Report& report);

// Returns the files in `folder` that describe a run:
// time_Result/test_perform_static.txt, results.csv (file, digit, probability)
// and report.json.
std::vector<NewFile> ReportFiles(const Report& report,
                                 const std::string& folder);

}  // namespace lenet

#endif  // CC_INFERENCE_REPORT_H_

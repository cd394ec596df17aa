#ifndef CC_INFERENCE_REPORT_H_
#define CC_INFERENCE_REPORT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "cc/base/latency.h"

namespace lenet {

// What a run of infer310 found. Latency is of one batch, from when the engine
// gets it to its logits; throughput is of all from first image to last,
// decoding and writing included.
struct Report {
  size_t images = 0;
  std::optional<size_t> correct;  // nothing if the labels are unknown
  LatencyRecorder::Summary latency;
  double seconds = 0;
  std::string engine;
  std::string device;
  std::string soc_name;  // of an Ascend; "" otherwise
  std::string model_sha256;
  int batch_size = 0;
  int threads = 0;
  std::string preprocessing;  // "CPU" or "DVPP"
  // By DVPP, and by the CPU, be it for a DVPP that cannot take an image.
  size_t decoded_on_device = 0;
  size_t decoded_on_host = 0;
  bool pipelined = false;  // a batch is prepared while another one executes
};

// 0 to 1, nothing if the labels are unknown.
std::optional<double> Accuracy(const Report& report);

// Images a second; 0 if no time was measured.
double Throughput(const Report& report);

// The lines for stdout: "Accuracy: {'Accuracy':0.9843}" and so on.
std::string SummaryText(const Report& report);

// time_Result/test_perform_static.txt, in the words of the original.
std::string PerformanceText(const Report& report);

// report.json: keys in a fixed order, no time of day.
std::string ReportJson(const Report& report);

// Writes time_Result/test_perform_static.txt and report.json into `folder`.
absl::Status WriteReport(const Report& report, const std::string& folder);

}  // namespace lenet

#endif  // CC_INFERENCE_REPORT_H_

#include "cc/inference/report.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cc/base/file.h"
#include "cc/base/status_macros.h"

namespace lenet {
namespace {

std::string LatencyText(const LatencyRecorder::Summary& latency) {
  return absl::StrFormat("p50 %.3f ms, p90 %.3f ms, p99 %.3f ms",
                         latency.p50_ms, latency.p90_ms, latency.p99_ms);
}

// Names of engines and devices and hexadecimal digits need no escapes.
std::string Quoted(const std::string& text) {
  return absl::StrCat("\"", text, "\"");
}

std::string Line(const char* key, const std::string& value, const char* end) {
  return absl::StrCat("  \"", key, "\": ", value, end);
}

}  // namespace

std::optional<double> Accuracy(const Report& report) {
  if (!report.correct.has_value() || report.images == 0) return std::nullopt;
  return static_cast<double>(*report.correct) /
         static_cast<double>(report.images);
}

double Throughput(const Report& report) {
  return report.seconds > 0
             ? static_cast<double>(report.images) / report.seconds
             : 0;
}

std::string SummaryText(const Report& report) {
  const std::optional<double> accuracy = Accuracy(report);
  return absl::StrCat(
      accuracy.has_value()
          ? absl::StrFormat("Accuracy: {'Accuracy':%.4f}\n", *accuracy)
          : "Accuracy: unknown, the images have no labels\n",
      "Images: ", report.images,
      report.correct.has_value()
          ? absl::StrCat(" (", *report.correct, " right)\n")
          : "\n",
      "Latency of a batch of ", report.batch_size, ": ",
      LatencyText(report.latency), "\n",
      absl::StrFormat("Throughput: %.0f images/s\n", Throughput(report)));
}

std::string PerformanceText(const Report& report) {
  const LatencyRecorder::Summary& latency = report.latency;
  return absl::StrCat(
      absl::StrFormat(
          "NN inference cost average time: %.4f ms of infer_count %d\n",
          latency.mean_ms, latency.count),
      LatencyText(latency), absl::StrFormat(", max %.3f ms\n", latency.max_ms),
      absl::StrFormat("%d images, batch_size %d, %.0f images/s\n",
                      report.images, report.batch_size, Throughput(report)));
}

std::string ReportJson(const Report& report) {
  const LatencyRecorder::Summary& latency = report.latency;
  const std::optional<double> accuracy = Accuracy(report);
  return absl::StrCat(
      "{\n",
      Line("accuracy",
           accuracy.has_value() ? absl::StrFormat("%.6f", *accuracy) : "null",
           ",\n"),
      Line("images", absl::StrCat(report.images), ",\n"),
      Line("correct",
           report.correct.has_value() ? absl::StrCat(*report.correct) : "null",
           ",\n"),
      Line("latency_ms",
           absl::StrFormat("{\"count\": %d, \"mean\": %.4f, \"p50\": %.4f, "
                           "\"p90\": %.4f, \"p99\": %.4f, \"max\": %.4f}",
                           latency.count, latency.mean_ms, latency.p50_ms,
                           latency.p90_ms, latency.p99_ms, latency.max_ms),
           ",\n"),
      Line("images_per_second", absl::StrFormat("%.1f", Throughput(report)),
           ",\n"),
      Line("engine", Quoted(report.engine), ",\n"),
      Line("device", Quoted(report.device), ",\n"),
      Line("model_sha256", Quoted(report.model_sha256), ",\n"),
      Line("batch_size", absl::StrCat(report.batch_size), ",\n"),
      Line("threads", absl::StrCat(report.threads), "\n"), "}\n");
}

absl::Status WriteReport(const Report& report, const std::string& folder) {
  const std::string times = absl::StrCat(folder, "/time_Result");
  LENET_RETURN_IF_ERROR(MakeFolder(times));
  LENET_RETURN_IF_ERROR(
      WriteFileAtomically(absl::StrCat(times, "/test_perform_static.txt"),
                          PerformanceText(report)));
  return WriteFileAtomically(absl::StrCat(folder, "/report.json"),
                             ReportJson(report));
}

}  // namespace lenet

#include "cc/inference/report.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

namespace lenet {
namespace {

using Json = nlohmann::ordered_json;

std::string LatencyText(const LatencyRecorder::Summary& latency) {
  return absl::StrFormat("p50 %.3f ms, p90 %.3f ms, p99 %.3f ms",
                         latency.p50_ms, latency.p90_ms, latency.p99_ms);
}

// Returns the number of images decoded by DVPP and CPU; "" without DVPP.
std::string DvppText(const Report& report) {
  if (report.preprocessing != "DVPP") return "";
  return absl::StrCat("Decoded: ", report.decoded_on_device, " by DVPP, ",
                      report.decoded_on_host, " by the CPU\n");
}

// Returns a table of the first answers.
std::string AnswersText(const Report& report) {
  constexpr size_t kMaxLines = 1000;
  std::string text = "digit  probability  file\n";
  for (size_t i = 0; i < std::min(report.answers.size(), kMaxLines); ++i) {
    const Answer& answer = report.answers[i];
    const bool certain = answer.probability >= report.min_probability;
    absl::StrAppendFormat(&text, "%5s  %11.4f  %s\n",
                          absl::StrCat(answer.digit, certain ? "" : "?"),
                          answer.probability, answer.file);
  }
  if (report.answers.size() > kMaxLines) {
    absl::StrAppend(&text, "... the others are in results.csv\n");
  }
  return text;
}

std::string AnswersCsv(const Report& report) {
  std::string text = "file,digit,probability\n";
  for (const Answer& answer : report.answers) {
    const bool plain =
        answer.file.find_first_of(",\"\r\n") == std::string::npos;
    absl::StrAppendFormat(
        &text, "%s,%d,%.6f\n",
        plain ? answer.file
              : absl::StrCat("\"",
                             absl::StrReplaceAll(answer.file, {{"\"", "\"\""}}),
                             "\""),
        answer.digit, answer.probability);
  }
  return text;
}

double Rounded(double value, int decimals) {
  const double scale = std::pow(10.0, decimals);
  return std::round(value * scale) / scale;
}

// Returns JSON with one line per entry, and per element of a list of objects,
// as lenet.files.json_text does in Python. Lines start with `newline`; "" gives
// a single line.
std::string JsonText(const Json& value, const std::string& newline) {
  const auto plain = [](const Json& json) {
    return json.dump(-1, ' ', true, Json::error_handler_t::replace);
  };
  if (!value.is_structured() || value.empty()) return plain(value);
  const bool rows = value.is_array() && value[0].is_structured();
  const bool lines = !newline.empty() && (value.is_object() || rows);
  const std::string start = lines ? newline + " " : "";
  std::vector<std::string> entries;
  for (const auto& [key, entry] : value.items()) {
    entries.push_back(absl::StrCat(value.is_object() ? plain(key) + ": " : "",
                                   JsonText(entry, rows ? "" : start)));
  }
  return absl::StrCat(value.is_object() ? "{" : "[", start,
                      absl::StrJoin(entries, lines ? "," + start : ", "),
                      lines ? newline : "", value.is_object() ? "}" : "]");
}

// Returns the accuracy (0 to 1), or nothing if the labels are unknown.
std::optional<double> Accuracy(const Report& report) {
  if (!report.correct.has_value() || report.images == 0) return std::nullopt;
  return static_cast<double>(*report.correct) /
         static_cast<double>(report.images);
}

// Returns images per second, or 0 if no time was measured.
double Throughput(const Report& report) {
  return report.seconds > 0
             ? static_cast<double>(report.images) / report.seconds
             : 0;
}

}  // namespace

std::string SummaryText(const Report& report) {
  const std::optional<double> accuracy = Accuracy(report);
  return absl::StrCat(
      accuracy.has_value()
          ? absl::StrFormat("Accuracy: {'Accuracy':%.4f}\n", *accuracy)
          : AnswersText(report),
      "Images: ", report.images,
      report.correct.has_value()
          ? absl::StrCat(" (", *report.correct, " correct)\n")
          : "\n",
      DvppText(report), "Latency of a batch of ", report.batch_size, ": ",
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
  Json json = {
      {"accuracy", accuracy.has_value() ? Json(Rounded(*accuracy, 6)) : Json()},
      {"images", report.images},
      {"correct", report.correct.has_value() ? Json(*report.correct) : Json()},
      {"latency_ms",
       {{"count", latency.count},
        {"mean", Rounded(latency.mean_ms, 4)},
        {"p50", Rounded(latency.p50_ms, 4)},
        {"p90", Rounded(latency.p90_ms, 4)},
        {"p99", Rounded(latency.p99_ms, 4)},
        {"max", Rounded(latency.max_ms, 4)}}},
      {"images_per_second", Rounded(Throughput(report), 1)},
      {"engine", report.engine},
      {"device", report.device},
      {"soc_name", report.soc_name},
      {"model_sha256", report.model_sha256},
      {"batch_size", report.batch_size},
      {"threads", report.threads},
      {"preprocessing", report.preprocessing},
      {"decoded_on_device", report.decoded_on_device},
      {"decoded_on_host", report.decoded_on_host},
      {"pipelined", report.pipelined},
  };
  if (report.unusable > 0) json["unusable"] = report.unusable;
  if (!report.correct.has_value()) {
    json["answers"] = Json::array();
    for (const Answer& answer : report.answers) {
      json["answers"].push_back({{"file", answer.file},
                                 {"digit", answer.digit},
                                 {"probability", answer.probability}});
    }
  }
  return JsonText(json, "\n") + "\n";
}

std::vector<NewFile> ReportFiles(const Report& report,
                                 const std::string& folder) {
  return {{absl::StrCat(folder, "/time_Result/test_perform_static.txt"),
           PerformanceText(report)},
          {absl::StrCat(folder, "/results.csv"), AnswersCsv(report)},
          {absl::StrCat(folder, "/report.json"), ReportJson(report)}};
}

}  // namespace lenet

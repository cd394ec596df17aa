// What a probe found, for people and for programs.

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cc/ascend/manifest.h"
#include "cc/ascend/probe.h"

namespace lenet::ascend {
namespace {

using Json = nlohmann::ordered_json;

struct ResultName {
  const char* text;
  const char* json;
};

ResultName NameOf(ProbeStep::Result result) {
  switch (result) {
    case ProbeStep::Result::kOk:
      return {"ok", "ok"};
    case ProbeStep::Result::kWarning:
      return {"warning", "warning"};
    case ProbeStep::Result::kFailed:
      return {"FAILED", "failed"};
    case ProbeStep::Result::kNotDone:
      break;
  }
  return {"-", "not done"};
}

}  // namespace

std::string ProbeText(const ProbeReport& report) {
  std::string text;
  for (const ProbeStep& step : report.steps) {
    absl::StrAppendFormat(&text, "%-15s %-8s %s\n", step.name,
                          NameOf(step.result).text, step.detail);
  }
  if (Usable(report)) {
    absl::StrAppend(&text, "\nDevice ", report.device_id, " can be used",
                    IsSimulator(report.soc_name)
                        ? ", but it is a simulator, not an Ascend"
                        : "",
                    ".\n");
  } else {
    absl::StrAppend(&text, "\nDevice ", report.device_id, " cannot be used (",
                    report.failure, "): ", report.reason, "\n");
    if (!report.hint.empty()) {
      absl::StrAppend(&text, "What to do: ", report.hint, "\n");
    }
  }
  return text;
}

std::string ProbeJson(const ProbeReport& report) {
  Json steps = Json::array();
  for (const ProbeStep& step : report.steps) {
    steps.push_back({{"name", step.name},
                     {"result", NameOf(step.result).json},
                     {"detail", step.detail}});
  }
  const Json json = {{"usable", Usable(report)},
                     {"failure", report.failure},
                     {"reason", report.reason},
                     {"hint", report.hint},
                     {"device_id", report.device_id},
                     {"device_count", report.device_count},
                     {"acl_version", report.acl_version},
                     {"soc_name", report.soc_name},
                     {"simulator", IsSimulator(report.soc_name)},
                     {"run_mode", report.run_mode},
                     {"free_memory", report.free_memory},
                     {"total_memory", report.total_memory},
                     {"steps", steps}};
  // Paths may be in any encoding: what is not UTF-8 becomes U+FFFD.
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace lenet::ascend

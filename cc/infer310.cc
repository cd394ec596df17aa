// infer310: runs LeNet-5 on a set of images on an Ascend 310 or a CPU.

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/probe.h"
#include "cc/base/error.h"
#include "cc/inference/options.h"
#include "cc/inference/report.h"
#include "cc/inference/runner.h"
#include "configs/infer310_options.h"

namespace lenet {
namespace {

// Text for stdout, and the exit code.
struct Outcome {
  std::string text;
  int exit_code = 0;
};

Outcome ProbeDevice(const char* argv0, const Infer310Options& options) {
  Infer310Options filled = options;
  FillInputsFromRunfiles(argv0, &filled).IgnoreError();
  ascend::Locations locations;
  locations.lite = filled.lite_plugin;
  const auto [text, exit_code] = ascend::GuardedProbe(
      options.device_id, options.model_path, locations,
      options.json ? &ascend::ProbeJson : &ascend::ProbeText);
  return {text, exit_code};
}

absl::StatusOr<Outcome> Run(int argc, char** argv) {
  if (const char* text = RequestedText(argc, argv)) return Outcome{text};
  LENET_ASSIGN_OR_RETURN(Infer310Options options, ParseOptions(argc, argv));
  if (options.probe) return ProbeDevice(argv[0], options);
  LENET_RETURN_IF_ERROR(FillInputsFromRunfiles(argv[0], &options));
  CatchInterrupts();
  const absl::StatusOr<Report> report = RunInference(options);
  if (!report.ok()) return BlameConfigFile(options, report.status());
  Outcome outcome{options.json ? ReportJson(*report) : SummaryText(*report)};
  if (report->unusable == 0) return outcome;
  std::fprintf(stderr,
               "infer310: error: %zu of %zu images could not be read, see "
               "above\n",
               report->unusable, report->unusable + report->images);
  outcome.exit_code = ExitCode(absl::InvalidArgumentError(""));
  return outcome;
}

int Fail(const char* argv0, const absl::Status& status) {
  if (status.code() == absl::StatusCode::kCancelled) {
    std::fprintf(stderr, "infer310: interrupted\n");
    return 128 + InterruptSignal();  // as a shell reports it
  }
  std::fprintf(stderr, "infer310: error: %s\n",
               Printable(WithCommandsHere(argv0, status.message())).c_str());
  return ExitCode(status);
}

int RealMain(int argc, char** argv) {
  const absl::StatusOr<Outcome> outcome = Run(argc, argv);
  if (!outcome.ok()) return Fail(argv[0], outcome.status());
  const std::string text = WithCommandsHere(argv[0], outcome->text);
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    return Fail(argv[0], absl::InternalError("cannot write to stdout"));
  }
  return outcome->exit_code;
}

}  // namespace
}  // namespace lenet

int main(int argc, char** argv) { return lenet::RealMain(argc, argv); }

// infer310: a LeNet-5 over a set of images, on an Ascend 310 or a CPU.

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/probe.h"
#include "cc/base/exit_code.h"
#include "cc/base/status_macros.h"
#include "cc/inference/flags.h"
#include "cc/inference/inputs.h"
#include "cc/inference/interrupt.h"
#include "cc/inference/options.h"
#include "cc/inference/report.h"
#include "cc/inference/runner.h"

namespace lenet {
namespace {

constexpr int kNotAvailable = 3;  // as ExitCode has it

// Text for stdout, and the exit code.
struct Outcome {
  std::string text;
  int exit_code = 0;
};

Outcome ProbeDevice(const Infer310Options& options) {
  const ascend::ProbeReport report =
      ascend::Probe(options.device_id, options.mindir_path);
  return {options.json ? ascend::ProbeJson(report) : ascend::ProbeText(report),
          ascend::Usable(report) ? 0 : kNotAvailable};
}

absl::StatusOr<Outcome> Work(const std::string& program,
                             const std::vector<std::string>& arguments) {
  LENET_ASSIGN_OR_RETURN(ParsedFlags parsed, ParseFlags(arguments));
  if (parsed.help) return Outcome{HelpText()};
  Infer310Options& options = parsed.options;
  if (options.probe) return ProbeDevice(options);
  LENET_RETURN_IF_ERROR(FillInputsFromRunfiles(program, &options));
  CatchInterrupts();
  LENET_ASSIGN_OR_RETURN(const Report report, RunInference(options));
  return Outcome{options.json ? ReportJson(report) : SummaryText(report)};
}

int Fail(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kCancelled) {
    std::fprintf(stderr, "infer310: interrupted\n");
    return 128 + InterruptSignal();  // what a shell reports
  }
  std::fprintf(stderr, "infer310: error: %s\n",
               std::string(status.message()).c_str());
  return ExitCode(status);
}

int RealMain(const std::string& program,
             const std::vector<std::string>& arguments) {
  const absl::StatusOr<Outcome> outcome = Work(program, arguments);
  if (!outcome.ok()) return Fail(outcome.status());
  if (std::fputs(outcome->text.c_str(), stdout) < 0 ||
      std::fflush(stdout) != 0) {
    return Fail(absl::InternalError("cannot write to stdout"));
  }
  return outcome->exit_code;
}

}  // namespace
}  // namespace lenet

int main(int argc, char** argv) {
  return lenet::RealMain(argv[0],
                         std::vector<std::string>(argv + 1, argv + argc));
}

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

Outcome ProbeDevice(const Infer310Options& options) {
  const ascend::ProbeReport report =
      ascend::Probe(options.device_id, options.model_path);
  return {options.json ? ascend::ProbeJson(report) : ascend::ProbeText(report),
          ascend::Usable(report) ? 0 : ExitCode(absl::UnavailableError(""))};
}

absl::StatusOr<Outcome> Run(int argc, char** argv) {
  if (HelpRequested(argc, argv)) return Outcome{kInfer310Help};
  LENET_ASSIGN_OR_RETURN(Infer310Options options, ParseOptions(argc, argv));
  if (options.probe) return ProbeDevice(options);
  LENET_RETURN_IF_ERROR(FillInputsFromRunfiles(argv[0], &options));
  CatchInterrupts();
  LENET_ASSIGN_OR_RETURN(const Report report, RunInference(options));
  const Outcome outcome{options.json ? ReportJson(report)
                                     : SummaryText(report)};
  if (report.unusable == 0) return outcome;
  std::fprintf(stderr,
               "infer310: error: %zu of %zu images could not be read, see "
               "above\n",
               report.unusable, report.unusable + report.images);
  return Outcome{outcome.text, ExitCode(absl::InvalidArgumentError(""))};
}

int Fail(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kCancelled) {
    std::fprintf(stderr, "infer310: interrupted\n");
    return 128 + InterruptSignal();  // as a shell reports it
  }
  std::fprintf(stderr, "infer310: error: %s\n",
               std::string(status.message()).c_str());
  return ExitCode(status);
}

int RealMain(int argc, char** argv) {
  const absl::StatusOr<Outcome> outcome = Run(argc, argv);
  if (!outcome.ok()) return Fail(outcome.status());
  if (std::fputs(outcome->text.c_str(), stdout) < 0 ||
      std::fflush(stdout) != 0) {
    return Fail(absl::InternalError("cannot write to stdout"));
  }
  return outcome->exit_code;
}

}  // namespace
}  // namespace lenet

int main(int argc, char** argv) { return lenet::RealMain(argc, argv); }

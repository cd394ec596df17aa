// infer310: a LeNet-5 over a set of images, on an Ascend 310 or a CPU.

#include <cstdio>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/base/exit_code.h"
#include "cc/base/status_macros.h"
#include "cc/inference/flags.h"
#include "cc/inference/inputs.h"
#include "cc/inference/interrupt.h"
#include "cc/inference/report.h"
#include "cc/inference/runner.h"

namespace lenet {
namespace {

absl::Status RealMain(const std::string& program,
                      const std::vector<std::string>& arguments) {
  LENET_ASSIGN_OR_RETURN(ParsedFlags parsed, ParseFlags(arguments));
  std::string text = HelpText();
  if (!parsed.help) {
    LENET_RETURN_IF_ERROR(FillInputsFromRunfiles(program, &parsed.options));
    CatchInterrupts();
    LENET_ASSIGN_OR_RETURN(const Report report, RunInference(parsed.options));
    text = SummaryText(report);
  }
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    return absl::InternalError("cannot write to stdout");
  }
  return absl::OkStatus();
}

int Finish(const absl::Status& status) {
  if (status.ok()) return 0;
  if (status.code() == absl::StatusCode::kCancelled) {
    std::fprintf(stderr, "infer310: interrupted\n");
    return 128 + InterruptSignal();  // what a shell reports
  }
  std::fprintf(stderr, "infer310: error: %s\n",
               std::string(status.message()).c_str());
  return ExitCode(status);
}

}  // namespace
}  // namespace lenet

int main(int argc, char** argv) {
  return lenet::Finish(lenet::RealMain(
      argv[0], std::vector<std::string>(argv + 1, argv + argc)));
}

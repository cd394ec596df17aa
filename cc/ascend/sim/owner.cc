// The one state of the process and of each thread, and what happens at the end.

#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/status/statusor.h"
#include "cc/ascend/sim/report.h"
#include "cc/ascend/sim/settings.h"
#include "cc/ascend/sim/state.h"

namespace lenet::ascend::sim {
namespace {

[[noreturn]] void Fail(const std::string& text) {
  std::fprintf(stderr, "AscendCL simulator: %s\n", text.c_str());
  std::fflush(nullptr);
  std::_Exit(kExitStatus);
}

void WriteReport(const std::string& pattern, const std::string& report) {
  const std::string path = ExpandPath(pattern);
  std::FILE* file = std::fopen(path.c_str(), "w");
  const bool written = file != nullptr && std::fputs(report.c_str(), file) >= 0;
  if (file == nullptr || std::fclose(file) != 0 || !written) {
    Fail("cannot write the report " + path);
  }
}

void AtExit() {
  const State& state = *LenetSimState();
  // A child that the application forked has nothing to report.
  if (getpid() != state.process()) return;
  const State::Summary summary = state.Summarize();
  if (!state.settings().report.empty()) {
    WriteReport(state.settings().report, Report(state, summary));
  }
  const std::string complaints = Complaints(summary);
  if (!complaints.empty()) Fail("the rules were broken\n" + complaints);
}

void BeforeFork() {
  if (getpid() == LenetSimState()->process()) LenetSimState()->NoteFork();
}

State* MakeState() {
  absl::StatusOr<Settings> settings = ReadSettings(
      [](const char* name) -> const char* { return std::getenv(name); });
  if (!settings.ok()) Fail(std::string(settings.status().message()));
  State* const state = new State(*std::move(settings));
  std::atexit(AtExit);
  pthread_atfork(BeforeFork, nullptr, nullptr);
  return state;
}

}  // namespace
}  // namespace lenet::ascend::sim

lenet::ascend::sim::State* LenetSimState() {
  // Never destroyed: threads may outlive main.
  static lenet::ascend::sim::State* const state =
      lenet::ascend::sim::MakeState();
  return state;
}

lenet::ascend::sim::ThreadState* LenetSimThread() {
  thread_local lenet::ascend::sim::ThreadState state;
  return &state;
}

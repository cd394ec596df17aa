// launch <report> <program> [<argument>...]
//
// Runs a program and writes "<wall seconds> <peak KiB> <exit code>" to
// <report>, where the exit code is 128 + signal for a program that a signal
// ended.
//
// A program of its own, because a process inherits the peak memory of the one
// that starts it: below the 20 MB of a Python that starts it nothing could be
// measured. When what started launch dies, the program dies too.

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>

namespace {

constexpr int kCannotStart = 127;  // as a shell says it

[[noreturn]] void Exec(char** command) {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execv(command[0], command);
  std::perror(command[0]);
  _exit(kCannotStart);
}

int ExitCode(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

bool Write(const char* path, double seconds, long kib, int code) {
  std::FILE* file = std::fopen(path, "w");
  if (file == nullptr) return false;
  const bool written =
      std::fprintf(file, "%.9f %ld %d\n", seconds, kib, code) > 0;
  return std::fclose(file) == 0 && written;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(stderr, "usage: launch <report> <program> [<argument>...]\n");
    return 2;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::signal(SIGINT, SIG_IGN);
  std::signal(SIGTERM, SIG_IGN);
  const auto start = std::chrono::steady_clock::now();
  const pid_t child = fork();
  if (child == 0) Exec(argv + 2);
  int status = 0;
  rusage usage;
  std::memset(&usage, 0, sizeof(usage));
  if (child < 0 || wait4(child, &status, 0, &usage) != child) {
    std::perror("launch");
    return 1;
  }
  const std::chrono::duration<double> seconds =
      std::chrono::steady_clock::now() - start;
  if (!Write(argv[1], seconds.count(), usage.ru_maxrss, ExitCode(status))) {
    std::perror(argv[1]);
    return 1;
  }
  return 0;
}

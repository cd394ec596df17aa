// The main function of a fuzz test without libFuzzer: every seed, then a number
// of inputs made from them, always the same, through LLVMFuzzerTestOneInput.
//
//   x_fuzz_test -mutations=3000 -max_len=4096 <files and folders of seeds>
//
// An input that fails ends the program, as under libFuzzer. Bazel then has it
// in test.outputs of the test's logs.

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cc/fuzz/corpus.h"
#include "cc/fuzz/mutator.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace lenet {
namespace {

constexpr uint64_t kRandomSeed = 1;

struct Arguments {
  size_t mutations = 0;
  size_t max_len = 4096;
  std::vector<std::string> corpus;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; ++i) {
    absl::string_view text = argv[i];
    size_t* number =
        absl::ConsumePrefix(&text, "-mutations=") ? &arguments.mutations
        : absl::ConsumePrefix(&text, "-max_len=") ? &arguments.max_len
                                                  : nullptr;
    if (number == nullptr && !absl::ConsumePrefix(&text, "-")) {
      arguments.corpus.emplace_back(text);
    } else if (number == nullptr || !absl::SimpleAtoi(text, number)) {
      std::fprintf(stderr, "unexpected argument %s\n", argv[i]);
      std::exit(2);
    }
  }
  return arguments;
}

// The input under way, for the handler of signals.
const uint8_t* volatile current_data = nullptr;
volatile size_t current_size = 0;
char failed_path[4096] = "";

// Calls only what a handler may call.
extern "C" void OnCrash(int signal) {
  const int file = open(failed_path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (file >= 0 && write(file, current_data, current_size) >= 0) {
    constexpr char kMessage[] = "the input is kept as failed_input\n";
    (void)!write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
  }
  raise(signal);  // the default now
}

void KeepFailedInputs() {
  const char* folder = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (folder == nullptr) return;
  std::snprintf(failed_path, sizeof(failed_path), "%s/failed_input", folder);
  struct sigaction action = {};
  action.sa_handler = &OnCrash;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTERM}) {
    sigaction(signal, &action, nullptr);
  }
}

void Run(const std::string& input) {
  // A copy of that size, so that the address sanitizer sees a byte too many.
  const std::vector<uint8_t> data(input.begin(), input.end());
  current_data = data.data();
  current_size = data.size();
  LLVMFuzzerTestOneInput(data.data(), data.size());
}

void Replay(const Arguments& arguments) {
  std::vector<std::string> seeds;
  for (const Seed& seed : ReadCorpus(arguments.corpus)) {
    Run(seed.content);
    seeds.push_back(seed.content);
  }
  Mutator mutator(seeds, arguments.max_len, kRandomSeed);
  for (size_t i = 0; i < arguments.mutations; ++i) Run(mutator.Next());
  std::printf("%zu seeds and %zu inputs made from them\n", seeds.size(),
              arguments.mutations);
}

}  // namespace
}  // namespace lenet

// Sanitizers end the program without a signal unless they are told.
extern "C" const char* __asan_default_options() { return "abort_on_error=1"; }
extern "C" const char* __ubsan_default_options() { return "abort_on_error=1"; }

int main(int argc, char** argv) {
  const lenet::Arguments arguments = lenet::Parse(argc, argv);
  lenet::KeepFailedInputs();
  lenet::Replay(arguments);
}

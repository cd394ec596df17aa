// What libFuzzer calls before it looks at its arguments: turns seeds, files and
// folders, into one folder that it may add to. Only under Bazel; by hand,
// libFuzzer's usual arguments are taken as they are.

#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cc/fuzz/corpus.h"

namespace lenet {
namespace {

// The arguments of this process, from now on to its end.
std::vector<std::string>& Arguments() {
  static auto& arguments = *new std::vector<std::string>;
  return arguments;
}

void CopySeeds(const std::vector<std::string>& paths,
               const std::string& folder) {
  std::filesystem::create_directories(folder);
  size_t number = 0;
  for (const Seed& seed : ReadCorpus(paths)) {
    std::ofstream(absl::StrCat(folder, "/seed_", number++), std::ios::binary)
        << seed.content;
  }
}

}  // namespace
}  // namespace lenet

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const char* temporary = std::getenv("TEST_TMPDIR");
  if (temporary == nullptr) return 0;
  std::vector<std::string>& arguments = lenet::Arguments();
  std::vector<std::string> corpus;
  for (int i = 0; i < *argc; ++i) {
    const std::string argument = (*argv)[i];
    const bool is_seed = i > 0 && argument[0] != '-';
    (is_seed ? corpus : arguments).push_back(argument);
  }
  // An input that fails is kept in test.outputs of the test's logs.
  if (const char* outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR")) {
    arguments.push_back(absl::StrCat("-artifact_prefix=", outputs, "/"));
  }
  arguments.push_back(absl::StrCat(temporary, "/corpus"));
  lenet::CopySeeds(corpus, arguments.back());

  static auto& pointers = *new std::vector<char*>;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  *argc = static_cast<int>(pointers.size());
  pointers.push_back(nullptr);
  *argv = pointers.data();
  return 0;
}

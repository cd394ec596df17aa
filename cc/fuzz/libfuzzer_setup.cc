// libFuzzer calls LLVMFuzzerInitialize before it reads its arguments. Under
// `bazel test` this adds a folder with the seeds, and the folder for failing
// inputs; otherwise the arguments stay as they are.

#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "cc/fuzz/fuzz.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  const char* const folder = std::getenv("TEST_TMPDIR");
  const char* const outputs = std::getenv("TEST_UNDECLARED_OUTPUTS_DIR");
  if (folder == nullptr || outputs == nullptr) return 0;
  const std::vector<std::string> seeds = lenet::FuzzSeeds();
  for (size_t i = 0; i < seeds.size(); ++i) {
    std::ofstream(folder + ("/seed_" + std::to_string(i)), std::ios::binary)
        << seeds[i];
  }
  static std::string corpus = folder;
  static std::string artifacts =
      "-artifact_prefix=" + std::string(outputs) + "/";
  static std::vector<char*> arguments(*argv, *argv + *argc);
  arguments.push_back(artifacts.data());
  arguments.push_back(corpus.data());
  *argc = static_cast<int>(arguments.size());
  arguments.push_back(nullptr);
  *argv = arguments.data();
  return 0;
}

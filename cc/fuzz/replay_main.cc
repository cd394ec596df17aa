// The main function of a fuzz test without libFuzzer. Runs the seeds and every
// truncation of the short ones, or the files named on the command line.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "cc/fuzz/fuzz.h"

namespace lenet {
namespace {

constexpr size_t kMaxTruncatedSize = 2048;

void Run(const std::string& input) {
  // A buffer of exactly this size, so that the address sanitizer sees its end.
  const std::vector<uint8_t> data(input.begin(), input.end());
  LLVMFuzzerTestOneInput(data.data(), data.size());
}

int RunSeeds() {
  const std::vector<std::string> seeds = FuzzSeeds();
  for (size_t i = 0; i < seeds.size(); ++i) {
    const std::string& seed = seeds[i];
    std::fprintf(stderr, "seed %zu, %zu bytes\n", i, seed.size());
    Run(seed);
    if (seed.size() > kMaxTruncatedSize) continue;
    for (size_t size = 0; size < seed.size(); ++size) Run(seed.substr(0, size));
  }
  return seeds.empty() ? 1 : 0;
}

}  // namespace
}  // namespace lenet

int main(int argc, char** argv) {
  if (argc == 1) return lenet::RunSeeds();
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    if (!file) {
      std::fprintf(stderr, "cannot read %s\n", argv[i]);
      return 1;
    }
    lenet::Run({std::istreambuf_iterator<char>(file), {}});
  }
}

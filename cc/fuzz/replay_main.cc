// The main function of a fuzz test without libFuzzer. Runs the seeds and
// damaged copies of them, or the files named on the command line.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "cc/fuzz/fuzz.h"

namespace {

constexpr size_t kMaxDamagedSize = 4096;
constexpr int kDamagedCopies = 200;

void Run(const std::string& input) {
  // A buffer of exactly this size, so that the address sanitizer sees its end.
  const std::vector<uint8_t> data(input.begin(), input.end());
  LLVMFuzzerTestOneInput(data.data(), data.size());
}

void RunDamaged(const std::string& seed) {
  for (size_t size = 0; size < seed.size(); ++size) Run(seed.substr(0, size));
  std::mt19937 random(1);
  for (int copy = 0; copy < kDamagedCopies; ++copy) {
    std::string input = seed;
    for (unsigned bytes = 1 + random() % 4; bytes > 0; --bytes) {
      input[random() % input.size()] = static_cast<char>(random() % 256);
    }
    Run(input);
  }
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    std::ifstream file(argv[i], std::ios::binary);
    Run({std::istreambuf_iterator<char>(file), {}});
  }
  if (argc > 1) return 0;
  const std::vector<std::string> seeds = lenet::FuzzSeeds();
  for (const std::string& seed : seeds) {
    std::fprintf(stderr, "seed of %zu bytes\n", seed.size());
    Run(seed);
    if (seed.size() <= kMaxDamagedSize) RunDamaged(seed);
  }
  return seeds.empty() ? 1 : 0;
}

#ifndef CC_FUZZ_FUZZ_H_
#define CC_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

// The two functions of a cc_fuzz_test (//tools/build_defs:fuzz.bzl).

// Must not crash, leak or run forever on any input. Aborts if the result is
// wrong. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace lenet {

// Returns valid inputs, from which the search starts.
std::vector<std::string> FuzzSeeds();

}  // namespace lenet

#endif  // CC_FUZZ_FUZZ_H_

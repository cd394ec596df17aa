#include "cc/fuzz/mutator.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

std::vector<std::string> Inputs(const std::vector<std::string>& seeds,
                                size_t max_size, int random_seed) {
  Mutator mutator(seeds, max_size, static_cast<uint64_t>(random_seed));
  std::vector<std::string> inputs;
  for (int i = 0; i < 2000; ++i) inputs.push_back(mutator.Next());
  return inputs;
}

TEST(MutatorTest, TheSameInputsForTheSameSeed) {
  const std::vector<std::string> seeds = {"abcdefgh", std::string(100, 'x')};
  EXPECT_EQ(Inputs(seeds, 200, 1), Inputs(seeds, 200, 1));
  EXPECT_NE(Inputs(seeds, 200, 1), Inputs(seeds, 200, 2));
}

TEST(MutatorTest, InputsDifferAndKeepTheLimit) {
  const std::vector<std::string> seeds = {"", "abc", std::string(100, 'x')};
  const std::vector<std::string> inputs = Inputs(seeds, 64, 1);
  size_t longest = 0;
  for (const std::string& input : inputs) {
    longest = std::max(longest, input.size());
  }
  EXPECT_EQ(longest, 64u);
  EXPECT_GT(std::set<std::string>(inputs.begin(), inputs.end()).size(), 1000u);
  EXPECT_THAT(inputs, testing::Contains(testing::HasSubstr("abc")));
}

}  // namespace
}  // namespace lenet

#include "cc/engine/lenet_shapes.h"

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::vector<TensorInfo> Tensors(
    const std::vector<std::vector<int64_t>>& shapes) {
  std::vector<TensorInfo> tensors;
  for (const std::vector<int64_t>& shape : shapes) {
    tensors.push_back({"t", shape});
  }
  return tensors;
}

TEST(CheckLeNetShapesTest, AcceptsAnyBatchAndSize) {
  EXPECT_THAT(
      CheckLeNetShapes("m", Tensors({{1, 1, 32, 32}}), Tensors({{1, 10}})),
      IsOk());
  EXPECT_THAT(
      CheckLeNetShapes("m", Tensors({{32, 1, 28, 40}}), Tensors({{32, 10}})),
      IsOk());
}

struct Refused {
  std::vector<std::vector<int64_t>> inputs;
  std::vector<std::vector<int64_t>> outputs;
  const char* found;
};

class RefusedShapesTest : public testing::TestWithParam<Refused> {};

TEST_P(RefusedShapesTest, NamesModelAndBothShapes) {
  EXPECT_THAT(CheckLeNetShapes("a.mindir", Tensors(GetParam().inputs),
                               Tensors(GetParam().outputs)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("a.mindir"), HasSubstr("[N, 1, H, W]"),
                             HasSubstr(GetParam().found))));
}

INSTANTIATE_TEST_SUITE_P(
    All, RefusedShapesTest,
    testing::Values(Refused{{{1, 3, 32, 32}},
                            {{1, 10}},
                            "found input [1, 3, 32, 32] and output [1, 10]"},
                    Refused{{{1, 1, 32, 32}},
                            {{1, 7}},
                            "found input [1, 1, 32, 32] and output [1, 7]"},
                    Refused{{{1, 1, 32, 32}}, {{2, 10}}, "output [2, 10]"},
                    Refused{
                        {{-1, 1, 32, 32}}, {{-1, 10}}, "input [-1, 1, 32, 32]"},
                    Refused{{{1, 32, 32}}, {{1, 10}}, "input [1, 32, 32]"},
                    Refused{{{1, 1, 32, 32}, {1}},
                            {{1, 10}},
                            "input [1, 1, 32, 32] and [1] and output"},
                    Refused{{{1, 1, 32, 32}}, {}, "output none"}));

TEST(ElementCountTest, MultipliesDimensions) {
  EXPECT_EQ(ElementCount({2, 1, 32, 32}), 2048u);
}

}  // namespace
}  // namespace lenet

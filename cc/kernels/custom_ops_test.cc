#include <cstdint>

#include "cc/kernels/operator_testing.h"
#include "gtest/gtest.h"

// The functions that MindSpore finds in libcustom_ops.so.
extern "C" lenet::kernels::Operator LenetConvReluPool;
extern "C" lenet::kernels::Operator LenetConvReluPoolGrad;
extern "C" lenet::kernels::Operator LenetTrainSteps;

namespace lenet::kernels {
namespace {

// Three images of a block with 2 input and 5 output channels.
Arguments ForwardArguments() {
  Arguments arguments;
  arguments.Add("float32", {3, 2, 8, 10});
  arguments.Add("float32", {5, 2, 5, 5});
  arguments.Add("int32", {1});
  arguments.Add("float32", {3, 5, 2, 3});
  arguments.Add("uint8", {3, 5, 2, 3});
  return arguments;
}

Arguments BackwardArguments() {
  Arguments arguments;
  arguments.Add("float32", {3, 2, 8, 10});
  arguments.Add("float32", {5, 2, 5, 5});
  arguments.Add("float32", {3, 5, 2, 3});
  arguments.Add("uint8", {3, 5, 2, 3});
  arguments.Add("float32", {3, 5, 2, 3});
  arguments.Add("int32", {1});
  arguments.Add("float32", {3, 2, 8, 10});
  arguments.Add("float32", {5, 2, 5, 5});
  return arguments;
}

Arguments SmallTrainArguments() { return TrainArguments(20, 16); }

struct Case {
  Operator* function;
  Arguments (*arguments)();
};

class CustomOpsTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    , CustomOpsTest,
    testing::Values(Case{LenetConvReluPool, ForwardArguments},
                    Case{LenetConvReluPoolGrad, BackwardArguments},
                    Case{LenetTrainSteps, SmallTrainArguments}));

TEST_P(CustomOpsTest, RejectsAnArgumentOfAnotherTypeOrShape) {
  const auto& [function, make] = GetParam();
  ASSERT_EQ(make().Call(function), 0);
  for (size_t i = 0; i < make().all().size(); ++i) {
    Arguments arguments = make();
    arguments.all()[i].dtype = "float16";
    EXPECT_NE(arguments.Call(function), 0) << i;
    arguments = make();
    arguments.all()[i].shape.push_back(1);
    EXPECT_NE(arguments.Call(function), 0) << i;
    for (size_t axis = 0; axis < make().all()[i].shape.size(); ++axis) {
      // Two images per step are as valid as one or three.
      if (function == LenetTrainSteps && i == 3 && axis == 1) continue;
      for (const int64_t dim :
           {int64_t{-1}, make().all()[i].shape[axis] - 1,
            make().all()[i].shape[axis] + 4, int64_t{1} << 40}) {
        arguments = make();
        arguments.all()[i].shape[axis] = dim;
        EXPECT_NE(arguments.Call(function), 0) << i << ", " << axis;
      }
    }
  }
  Arguments arguments = make();
  arguments.all().pop_back();
  EXPECT_NE(arguments.Call(function), 0);
}

TEST(CustomOpsTrainTest, RejectsMoreStepsThanRates) {
  for (const int32_t steps : {-1, 3}) {
    Arguments arguments = SmallTrainArguments();
    *arguments.Data<int32_t>(5) = steps;
    EXPECT_NE(arguments.Call(LenetTrainSteps), 0);
  }
}

TEST(CustomOpsTrainTest, ExceptionsBecomeErrors) {
  Arguments arguments = SmallTrainArguments();
  for (const size_t i : {size_t{3}, size_t{4}, size_t{24}}) {
    arguments.all()[i].shape[0] = int64_t{1} << 61;  // steps
  }
  EXPECT_NE(arguments.Call(LenetTrainSteps), 0);
}

}  // namespace
}  // namespace lenet::kernels

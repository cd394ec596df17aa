#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

// The functions that MindSpore finds in libcustom_ops.so.
using Operator = int(int count, void** data, int* ndims, int64_t** shapes,
                     const char** dtypes, void* stream, void* extra);
extern "C" Operator LenetConvReluPool;
extern "C" Operator LenetConvReluPoolGrad;
extern "C" Operator LenetTrainSteps;

namespace lenet::kernels {
namespace {

struct Argument {
  std::string dtype;
  std::vector<int64_t> shape;
  std::vector<float> data;  // also bytes and integers: zeros
};

class Arguments {
 public:
  void Add(const std::string& dtype, const std::vector<int64_t>& shape) {
    size_t size = 1;
    for (const int64_t dim : shape) size *= static_cast<size_t>(dim);
    if (dtype == "uint8") size = (size + 3) / 4;
    all_.push_back({dtype, shape, std::vector<float>(size)});
  }
  std::vector<Argument>& all() { return all_; }
  void SetInteger(size_t index, int32_t value) {
    *static_cast<int32_t*>(static_cast<void*>(all_[index].data.data())) = value;
  }

  int Call(Operator* function) {
    std::vector<void*> data;
    std::vector<int> ndims;
    std::vector<int64_t*> shapes;
    std::vector<const char*> dtypes;
    for (Argument& argument : all_) {
      data.push_back(argument.data.data());
      ndims.push_back(static_cast<int>(argument.shape.size()));
      shapes.push_back(argument.shape.data());
      dtypes.push_back(argument.dtype.c_str());
    }
    return function(static_cast<int>(all_.size()), data.data(), ndims.data(),
                    shapes.data(), dtypes.data(), nullptr, nullptr);
  }

 private:
  std::vector<Argument> all_;
};

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

// Two steps of two images.
Arguments TrainArguments() {
  Arguments arguments;
  arguments.Add("uint8", {3, 20, 16});
  arguments.Add("int32", {3});
  arguments.Add("float32", {256});
  arguments.Add("int32", {2, 2});
  arguments.Add("float32", {2});
  arguments.Add("int32", {1});
  arguments.Add("float32", {1});
  arguments.Add("int32", {1});
  const auto add_parameters = [&] {
    for (const std::vector<int64_t>& shape :
         std::vector<std::vector<int64_t>>{{6, 1, 5, 5},
                                           {16, 6, 5, 5},
                                           {120, 32},
                                           {120},
                                           {84, 120},
                                           {84},
                                           {10, 84},
                                           {10}}) {
      arguments.Add("float32", shape);
    }
  };
  add_parameters();
  add_parameters();
  arguments.Add("float32", {2});
  add_parameters();
  add_parameters();
  arguments.SetInteger(5, 2);
  return arguments;
}

struct Case {
  Operator* function;
  Arguments (*arguments)();
};

class CustomOpsTest : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    , CustomOpsTest,
    testing::Values(Case{LenetConvReluPool, ForwardArguments},
                    Case{LenetConvReluPoolGrad, BackwardArguments},
                    Case{LenetTrainSteps, TrainArguments}));

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
    Arguments arguments = TrainArguments();
    arguments.SetInteger(5, steps);
    EXPECT_NE(arguments.Call(LenetTrainSteps), 0);
  }
}

TEST(CustomOpsTrainTest, ExceptionsBecomeErrors) {
  Arguments arguments = TrainArguments();
  for (const size_t i : {size_t{3}, size_t{4}, size_t{24}}) {
    arguments.all()[i].shape[0] = int64_t{1} << 61;  // steps
  }
  EXPECT_NE(arguments.Call(LenetTrainSteps), 0);
}

}  // namespace
}  // namespace lenet::kernels

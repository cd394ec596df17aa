#ifndef CC_KERNELS_OPERATOR_TESTING_H_
#define CC_KERNELS_OPERATOR_TESTING_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cc/kernels/lenet_train.h"

namespace lenet::kernels {

// A function that MindSpore finds in a library of operators.
using Operator = int(int count, void** data, int* ndims, int64_t** shapes,
                     const char** dtypes, void* stream, void* extra);

// An argument of an operator.
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
  template <typename T>
  T* Data(size_t index) {
    return reinterpret_cast<T*>(all_[index].data.data());
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

// Arguments of ReadTrainCall: three images, two steps of two images. All are
// zero but the number of steps.
inline Arguments TrainArguments(int height, int width) {
  Arguments arguments;
  arguments.Add("uint8", {3, height, width});
  arguments.Add("int32", {3});
  arguments.Add("float32", {256});
  arguments.Add("int32", {2, 2});
  arguments.Add("float32", {2});
  arguments.Add("int32", {1});
  arguments.Add("float32", {1});
  arguments.Add("int32", {1});
  const auto add_parameters = [&] {
    for (const auto& shape : LenetParameterShapes(height, width)) {
      arguments.Add("float32", shape);
    }
  };
  add_parameters();
  add_parameters();
  arguments.Add("float32", {2});
  add_parameters();
  add_parameters();
  *arguments.Data<int32_t>(5) = 2;
  return arguments;
}

}  // namespace lenet::kernels

#endif  // CC_KERNELS_OPERATOR_TESTING_H_

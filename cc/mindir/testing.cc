#include "cc/mindir/testing.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "cc/base/shape.h"

namespace lenet {
namespace {

using mind_ir::AttributeProto;
using mind_ir::TensorProto;

constexpr int kFloat = 1;
constexpr int kInt64 = 7;
constexpr int kString = 8;
constexpr int kBool = 9;
constexpr int kTensors = 19;
constexpr int kTuple = 20;
constexpr int kNone = 25;

void FillTensor(const MindIrMaker::Ints& shape, TensorProto* tensor) {
  for (const int64_t dimension : shape) tensor->add_dims(dimension);
  tensor->set_data_type(1);
}

void FillInfo(const char* name, const MindIrMaker::Ints& shape,
              mind_ir::ValueInfoProto* info) {
  info->set_name(name);
  FillTensor(shape, info->add_tensor());
}

void FillData(const std::vector<float>& values, TensorProto* tensor) {
  tensor->mutable_raw_data()->resize(values.size() * sizeof(float));
  std::memcpy(tensor->mutable_raw_data()->data(), values.data(),
              values.size() * sizeof(float));
}

struct FillValue {
  void operator()(std::monostate) const { proto->set_type(kNone); }
  void operator()(bool value) const {
    proto->set_type(kBool);
    proto->set_i(value ? 1 : 0);
  }
  void operator()(int64_t value) const {
    proto->set_type(kInt64);
    proto->set_i(value);
  }
  void operator()(float value) const {
    proto->set_type(kFloat);
    proto->set_f(value);
  }
  void operator()(const char* value) const {
    proto->set_type(kString);
    proto->set_s(value);
  }
  void operator()(const MindIrMaker::Ints& values) const {
    proto->set_type(kTuple);
    for (const int64_t value : values) {
      AttributeProto* const element = proto->add_values();
      element->set_type(kInt64);
      element->add_ints(value);
    }
  }

  AttributeProto* proto;
};

}  // namespace

MindIrMaker::MindIrMaker() {
  model_.set_ir_version("1.1");
  model_.set_little_endian(true);
  model_.set_mind_ir_version(3);
}

MindIrMaker& MindIrMaker::Input(const char* name, const Ints& shape) {
  FillInfo(name, shape, graph()->add_input());
  return *this;
}

MindIrMaker& MindIrMaker::Output(const char* name, const Ints& shape) {
  FillInfo(name, shape, graph()->add_output());
  return *this;
}

MindIrMaker& MindIrMaker::Parameter(const char* name, const Ints& shape,
                                    const std::vector<float>& values) {
  TensorProto* const tensor = graph()->add_parameter();
  tensor->set_name(name);
  FillTensor(shape, tensor);
  std::vector<float> data = values;
  if (data.empty()) {
    for (size_t i = 0; i < ElementCount(shape); ++i) {
      data.push_back(static_cast<float>(i % 9 + 1) *
                     (i % 2 == 0 ? 0.01f : -0.01f));
    }
  }
  FillData(data, tensor);
  return *this;
}

MindIrMaker& MindIrMaker::Constant(const char* name, const Value& value) {
  mind_ir::NodeProto* const node = graph()->add_node();
  node->set_op_type("Constant");
  node->add_output(name);
  AttributeProto* const attribute = node->add_attribute();
  attribute->set_name("value");
  std::visit(FillValue{attribute}, value);
  return *this;
}

MindIrMaker& MindIrMaker::TensorConstant(const char* name, const Ints& shape,
                                         const std::vector<float>& values) {
  Constant(name, std::monostate());
  AttributeProto* const attribute =
      graph()->mutable_node(graph()->node_size() - 1)->mutable_attribute(0);
  attribute->set_type(kTensors);
  TensorProto* const tensor = attribute->add_tensors();
  FillTensor(shape, tensor);
  FillData(values, tensor);
  return *this;
}

MindIrMaker& MindIrMaker::Node(const char* op,
                               const std::vector<const char*>& inputs,
                               const char* output,
                               const Attributes& attributes) {
  mind_ir::PrimitiveProto* const primitive = model_.add_primitives();
  primitive->set_op_type(op);
  primitive->set_name(absl::StrCat(op, ":", model_.primitives_size()));
  for (const auto& [name, value] : attributes) {
    AttributeProto* const attribute = primitive->add_attribute();
    attribute->set_name(name);
    std::visit(FillValue{attribute}, value);
  }
  mind_ir::NodeProto* const node = graph()->add_node();
  node->set_op_type(absl::StrCat("REF::", primitive->name()));
  for (const char* const input : inputs) node->add_input(input);
  node->add_output(output);
  return *this;
}

MindIrMaker SmallNetwork(int64_t batch) {
  using Ints = MindIrMaker::Ints;
  MindIrMaker maker;
  maker.Input("x", {batch, 1, 12, 12})
      .Parameter("w1", {2, 1, 5, 5})
      .Parameter("w2", {10, 32})
      .Parameter("b2", {10})
      .Node("Conv2D", {"x", "w1"}, "conv",
            {{"kernel_size", Ints{5, 5}},
             {"stride", Ints{1, 1, 1, 1}},
             {"dilation", Ints{1, 1, 1, 1}},
             {"pad_mode", "valid"},
             {"pad", Ints{0, 0, 0, 0}},
             {"group", int64_t{1}},
             {"mode", int64_t{1}},
             {"out_channel", int64_t{2}},
             {"format", "NCHW"}})
      .Node("ReLU", {"conv"}, "relu")
      .Node("MaxPool", {"relu"}, "pool",
            {{"kernel_size", Ints{1, 1, 2, 2}},
             {"strides", Ints{1, 1, 2, 2}},
             {"pad_mode", "VALID"},
             {"format", "NCHW"}})
      .Node("Flatten", {"pool"}, "flat")
      .Constant("false", false)
      .Constant("true", true)
      .Node("MatMul", {"flat", "w2", "false", "true"}, "dense")
      .Constant("nchw", int64_t{0})
      .Node("BiasAdd", {"dense", "b2", "nchw"}, "y")
      .Output("y", {batch, 10});
  return maker;
}

}  // namespace lenet

#include "cc/engine/graph/builder.h"

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "cc/engine/graph/step.h"
#include "cc/mindir/model.h"
#include "cc/mindir/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::graph {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Ints = MindIrMaker::Ints;
using Attributes = MindIrMaker::Attributes;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<std::vector<std::string>> Names(const MindIrMaker& maker) {
  const absl::StatusOr<MindIrModel> model = ReadMindIr(maker.Bytes());
  if (!model.ok()) return model.status();
  const absl::StatusOr<StepGraph> graph = BuildSteps(*model);
  if (!graph.ok()) return graph.status();
  std::vector<std::string> names;
  for (const Step& step : graph->steps) names.push_back(KindName(step.kind));
  return names;
}

// A network x [2, 4, 6, 6] -> `op` -> y with the shape `out`. The inputs p0, p1
// and p2 are weights.
struct One {
  const char* op;
  std::vector<const char*> inputs;
  Attributes attributes;
  Ints out = {2, 4, 6, 6};
  std::vector<Ints> weights = {};
};

MindIrMaker Network(const One& one, const Ints& in = {2, 4, 6, 6}) {
  static const char* const kNames[] = {"p0", "p1", "p2"};
  MindIrMaker maker;
  maker.Input("x", in);
  for (size_t i = 0; i < one.weights.size(); ++i) {
    maker.Parameter(kNames[i], one.weights[i]);
  }
  maker.Constant("none", std::monostate())
      .Constant("zero", int64_t{0})
      .Constant("one", int64_t{1})
      .Constant("true", true)
      .Constant("pair", Ints{2, 2})
      .Constant("axes", Ints{-1, 2})
      .Constant("half", 0.5f)
      .Node(one.op, one.inputs, "y", one.attributes)
      .Output("y", one.out);
  return maker;
}

TEST(BuilderTest, SkipsBookkeepingOperators) {
  MindIrMaker maker = SmallNetwork(3);
  mind_ir::NodeProto* const conv =
      maker.proto().mutable_graph()->mutable_node(0);
  conv->set_input(1, "loaded");
  maker.Constant("u", std::monostate())
      .Node("Load", {"w1", "u"}, "loaded")
      .Node("MakeTuple", {"loaded", "y"}, "tuple")
      .Constant("index", int64_t{1})
      .Node("TupleGetItem", {"tuple", "index"}, "item")
      .Node("UpdateState", {"u", "tuple"}, "state")
      .Node("Depend", {"item", "state"}, "depend")
      .Node("Return", {"depend"}, "end");
  maker.proto().mutable_graph()->mutable_output(0)->set_name("end");
  LENET_ASSERT_OK_AND_ASSIGN(const auto names, Names(maker));
  EXPECT_THAT(names,
              ElementsAre("Conv", "Relu", "MaxPool", "Linear", "AddConstant"));
}

TEST(BuilderTest, BuildsEachFormOfAnOperator) {
  struct Case {
    One one;
    const char* step;
  };
  const std::vector<Case> cases = {
      {{"AvgPool", {"x", "pair", "pair", "one", "zero"}, {}, {2, 4, 3, 3}},
       "AveragePool"},
      {{"AvgPool",
        {"x"},
        {{"kernel_size", Ints{1, 1, 2, 2}},
         {"strides", Ints{1, 1, 1, 1}},
         {"pad_mode", "VALID"},
         {"format", "NCHW"}},
        {2, 4, 5, 5}},
       "AveragePool"},
      {{"Softmax", {"x"}, {{"axis", Ints{-3}}}}, "Softmax"},
      {{"Softmax", {"x", "one"}, {}}, "Softmax"},
      {{"Add", {"half", "x"}, {}}, "AddConstant"},
      {{"Add", {"x", "x"}, {}}, "Add"},
      {{"Add", {"x", "p0"}, {}, {2, 4, 6, 6}, {{6}}}, "AddConstant"},
      {{"Add", {"x", "p0"}, {}, {2, 4, 6, 6}, {{4, 1, 6}}}, "AddConstant"},
      {{"BiasAdd", {"x", "p0"}, {{"format", "NCHW"}}, {2, 4, 6, 6}, {{4}}},
       "AddConstant"},
      {{"Dense", {"x", "p0", "none"}, {}, {2, 4, 6, 3}, {{3, 6}}}, "Linear"},
      {{"ReLU", {"x"}, {{"input_names", "x"}}}, "Relu"},
      {{"Sigmoid", {"x"}, {}}, "Function"},
      {{"Sub", {"x", "half"}, {}}, "AddConstant"},
      {{"Mul", {"half", "x"}, {}}, "Scale"},
      {{"Mul", {"x", "one"}, {}}, "Scale"},
      {{"RealDiv", {"x", "p0"}, {}, {2, 4, 6, 6}, {{4, 1, 1}}}, "Scale"},
      {{"Maximum", {"x", "x"}, {}}, "Binary"},
      {{"Minimum", {"x", "half"}, {}}, "Binary"},
      {{"Sub", {"half", "x"}, {}}, "Binary"},
      {{"Mul", {"x", "x"}, {}}, "Binary"},
      {{"Muls", {"x", "half"}, {}}, "Scale"},
      {{"PReLU", {"x", "p0"}, {}, {2, 4, 6, 6}, {{4}}}, "Binary"},
      {{"ReduceMax", {"x", "axes", "true"}, {}, {2, 4, 1, 1}}, "MaxPool"},
      {{"MaxPool",
        {"x"},
        {{"kernel_size", Ints{2, 2}},
         {"strides", Ints{2, 2}},
         {"pad_mode", "SAME"}},
        {2, 4, 3, 3}},
       "MaxPool"},
      {{"LogSoftmax", {"x", "one"}, {}}, "LogSoftmax"},
      {{"ReduceMean", {"x", "axes"}, {{"keep_dims", true}}, {2, 4, 1, 1}},
       "AveragePool"}};
  for (const Case& c : cases) {
    LENET_ASSERT_OK_AND_ASSIGN(const auto names, Names(Network(c.one)));
    EXPECT_THAT(names, ElementsAre(c.step));
  }
}

// x [2, 4, 6, 6] is reshaped with its own batch to [2, 144].
TEST(BuilderTest, ComputesWithShapes) {
  MindIrMaker maker;
  maker.Input("x", {2, 4, 6, 6})
      .Constant("zero", int64_t{0})
      .Constant("rest", int64_t{-1})
      .Node("Shape", {"x"}, "shape")
      .Node("TupleGetItem", {"shape", "zero"}, "batch")
      .Node("MakeTuple", {"batch", "rest"}, "target")
      .Node("Reshape", {"x", "target"}, "flat")
      .Node("ReLU", {"flat"}, "y")
      .Output("y", {2, 144});
  EXPECT_THAT(Names(maker).value(), ElementsAre("Relu"));
}

TEST(BuilderTest, AnArgmaxAtTheEndGivesItsLogits) {
  struct Case {
    std::vector<const char*> ops;  // Cast and ExpandDims may follow
    Ints out;
  };
  for (const Case& c : std::vector<Case>{{{"Argmax"}, {3}},
                                         {{"Argmax", "ExpandDims"}, {3, 1}},
                                         {{"ArgMaxExt", "Cast"}, {3, 1}},
                                         {{"ArgMaxWithValue"}, {3, 1}}}) {
    MindIrMaker maker = SmallNetwork(3);
    maker.Constant("last", int64_t{-1}).Constant("keep", true);
    maker.Constant("zero", int64_t{0});
    std::vector<const char*> inputs = {"y", "last", "keep"};
    std::string output = "y";
    for (const char* op : c.ops) {
      inputs[0] = output.c_str();
      maker.Node(op, inputs, op);
      output = op;
      inputs.resize(2);
    }
    if (output == "ArgMaxWithValue") {
      maker.Node("TupleGetItem", {output.c_str(), "zero"}, "item");
      output = "item";
    }
    maker.proto().mutable_graph()->clear_output();
    maker.Output(output.c_str(), c.out);
    LENET_ASSERT_OK_AND_ASSIGN(const MindIrModel model,
                               ReadMindIr(maker.Bytes()));
    LENET_ASSERT_OK_AND_ASSIGN(const StepGraph graph, BuildSteps(model));
    EXPECT_THAT(graph.output_shape, ElementsAre(3, 10));
    maker.Node("ReLU", {output.c_str()}, "z");
    EXPECT_THAT(Names(maker), StatusIs(kInvalid, HasSubstr("input 0 ('")));
  }
}

// A pool of x [2, 4, 6, 6] or, for an operator of three dimensions, [2, 4, 1,
// 6, 6] whose windows may go beyond the image.
absl::StatusOr<std::vector<std::string>> PaddedPool(const char* op,
                                                    Attributes attributes,
                                                    const Ints& out) {
  const bool deep = std::string(op).find("3D") != std::string::npos;
  attributes.emplace_back("strides", Ints{1, 2, 2});
  MindIrMaker maker;
  maker.Input("x", deep ? Ints{2, 4, 1, 6, 6} : Ints{2, 4, 6, 6})
      .Node(op, {"x"}, "pool", attributes)
      .Constant("zero", int64_t{0})
      .Node("TupleGetItem", {"pool", "zero"}, "y")
      .Output(op[0] == 'M' ? "y" : "pool", out);
  if (op[0] == 'A') maker.proto().mutable_graph()->mutable_node()->RemoveLast();
  return Names(maker);
}

TEST(BuilderTest, PoolsWithPadding) {
  const auto max = [](const Ints& pads, bool ceil, const Ints& out) {
    return PaddedPool("MaxPool3DWithArgmax",
                      {{"ksize", Ints{1, 3, 3}},
                       {"pads", pads},
                       {"dilation", Ints{1, 1, 1}},
                       {"ceil_mode", ceil}},
                      out);
  };
  EXPECT_THAT(max({0, 1, 0}, false, {2, 4, 1, 3, 2}), IsOk());
  EXPECT_THAT(max({0, 1, 0}, true, {2, 4, 1, 4, 3}), IsOk());
  EXPECT_THAT(max({0, 3, 0}, false, {2, 4, 1, 5, 2}),
              StatusIs(kInvalid, HasSubstr("less than the window")));
  EXPECT_THAT(PaddedPool("MaxPoolWithArgmaxV2",
                         {{"kernel_size", Ints{1, 1, 3, 3}},
                          {"pads", Ints{1, 1, 1, 1}},
                          {"dilation", Ints{1, 1, 2, 1}}},
                         {2, 4, 3, 3}),
              StatusIs(kInvalid, HasSubstr("attribute dilation")));
  const auto average = [](const Ints& pad, bool count, int64_t divisor) {
    return PaddedPool("AvgPool3D",
                      {{"kernel_size", Ints{1, 1, 1, 3, 3}},
                       {"pad", pad},
                       {"count_include_pad", count},
                       {"divisor_override", divisor}},
                      {2, 4, 1, 3, 3});
  };
  EXPECT_THAT(average({0, 0, 1, 1, 1, 1}, false, 0), IsOk());
  EXPECT_THAT(average({0, 0, 1, 0, 1, 1}, false, 0),
              StatusIs(kInvalid, HasSubstr("the same padding on both sides")));
  EXPECT_THAT(average({0, 0, 1, 1, 1, 1}, true, 0),
              StatusIs(kInvalid, HasSubstr("attribute count_include_pad")));
  EXPECT_THAT(average({0, 0, 1, 1, 1, 1}, false, 5),
              StatusIs(kInvalid, HasSubstr("divisor_override: expected 0")));
}

TEST(BuilderTest, JoinsTensorsOfOneShapeExceptForAnAxis) {
  const auto join = [](int64_t axis, const Ints& out) {
    MindIrMaker maker;
    maker.Input("x", {2, 4, 6, 6})
        .Constant("axis", axis)
        .Constant("pair", Ints{2, 2})
        .Node("AvgPool", {"x", "pair", "pair"}, "small")
        .Node("MakeTuple", {"x", "x", axis == 1 ? "x" : "small"}, "tuple")
        .Node("Concat", {"tuple", "axis"}, "y")
        .Output("y", out);
    return Names(maker);
  };
  LENET_ASSERT_OK_AND_ASSIGN(const auto names, join(1, {2, 12, 6, 6}));
  EXPECT_THAT(names, ElementsAre("AveragePool", "Concat", "Concat"));
  EXPECT_THAT(join(-1, {2, 4, 6, 15}),
              StatusIs(kInvalid, HasSubstr("except for axis 3, found [2, 4, 6, "
                                           "12] and [2, 4, 3, 3]")));
  EXPECT_THAT(join(0, {6, 4, 6, 6}), StatusIs(kInvalid, HasSubstr("axis")));
}

// Returns `one` with another value of an attribute.
One With(One one, const char* name, const MindIrMaker::Value& value) {
  for (auto& [key, old] : one.attributes) {
    if (std::string(key) == name) {
      old = value;
      return one;
    }
  }
  one.attributes.emplace_back(name, value);
  return one;
}

One Conv(const char* name, const MindIrMaker::Value& value) {
  return With({"Conv2D",
               {"x", "p0"},
               {{"kernel_size", Ints{3, 3}},
                {"stride", Ints{1, 1}},
                {"pad_mode", "same"}},
               {2, 5, 6, 6},
               {{5, 4, 3, 3}}},
              name, value);
}

One Pool(const char* name, const MindIrMaker::Value& value) {
  return With({"MaxPool",
               {"x"},
               {{"kernel_size", Ints{2, 2}},
                {"strides", Ints{2, 2}},
                {"pad_mode", "valid"}},
               {2, 4, 3, 3}},
              name, value);
}

TEST(BuilderTest, NamesWhatItRefuses) {
  struct Case {
    One one;
    const char* message;
  };
  const std::vector<Case> cases = {
      {{"Pow", {"x"}, {}},
       "'Pow' is not implemented; --engine=lite can compute it"},
      {{"TopK", {"x"}, {}}, "--engine=lite is not known to compute this model"},
      {{"Concat", {"x", "one"}, {}}, "expected tensors that the network"},
      {{"Cast", {"x", "one"}, {}}, "expected 43 (float32), found 1"},
      {{"ExpandDims", {"x", "zero"}, {}}, "other than the batch axis"},
      {{"AdaptiveAvgPool2D", {"x", "pair"}, {}}, "expected integers from 1"},
      {Conv("offset_a", int64_t{3}),
       "attribute 'offset_a' = 3 is not implemented; implemented are "
       "kernel_size, stride"},
      {Conv("format", "NHWC"),
       "attribute format: expected 'NCHW', found 'NHWC'"},
      {Conv("mode", int64_t{3}),
       "attribute mode: expected 1 (convolution), found 3"},
      {Conv("pad_mode", "reflect"),
       "attribute pad_mode: expected pad, same, valid, found 'reflect'"},
      {Conv("kernel_size", Ints{3, 2}),
       "attribute kernel_size: expected the size of the weights "
       "[5, 4, 3, 3], found [3, 2]"},
      {Conv("kernel_size", "big"),
       "attribute kernel_size: expected integers from 1 to 1024, "
       "found 'big'"},
      {Conv("stride", Ints{0, 1}), "attribute stride"},
      {Conv("stride", Ints{2, 1, 1, 1}),
       "attribute stride: expected (height, width) or (1, 1, height, "
       "width), found (2, 1, 1, 1)"},
      {Conv("dilation", int64_t{1} << 40), "attribute dilation"},
      {Conv("group", int64_t{3}), "group = 3"},
      {Conv("out_channel", int64_t{6}),
       "attribute out_channel: expected the channels of the weights"},
      {{"Conv2D", {"p0", "p0"}, {}, {}, {{1, 1, 1, 1}}},
       "input 0 ('p0'): expected a tensor that the network computes, "
       "found a constant"},
      {{"Conv2D", {"x", "x"}, {}}, "input 1 ('x'): expected weights"},
      {{"Conv2D", {"x", "p0"}, {}, {}, {{5, 4, 9}}},
       "weights of 4 dimensions, found [5, 4, 9]"},
      {{"Conv2D", {"x"}, {}}, "expected 2 inputs, found 1"},
      {Pool("kernel_size", Ints{7, 7}),
       "a window of 7x7 does not fit into an image of 6x6"},
      {{"AvgPool", {"x", "pair", "pair", "zero", "zero"}, {}},
       "attribute pad_mode: expected same, valid, found 'pad'"},
      {{"AvgPool", {"x", "x", "pair", "one"}, {}},
       "attribute kernel_size: expected integers from 1 to 1024, "
       "found none"},
      {Pool("ceil_mode", true), "'ceil_mode' = true"},
      {{"MatMul", {"x", "p0"}, {}, {}, {{6, 6}}},
       "expected [N, in], found [2, 4, 6, 6]"},
      {{"MatMul", {"x", "p0"}, {{"transpose_a", true}}, {}, {{6, 6}}},
       "attribute transpose_a: expected false, found true"},
      {{"Dense", {"x", "p0"}, {}, {}, {{3, 5}}},
       "tensors [2, 4, 6, 6] and [3, 5] do not match"},
      {{"Dense", {"x", "p0", "p1"}, {}, {}, {{3, 6}, {4}}},
       "expected a bias [3], found [4]"},
      {{"BiasAdd", {"x", "p0"}, {}, {}, {{6}}},
       "input 1: weights [6] do not match [2, 4, 6, 6]"},
      {{"BiasAdd", {"x", "p0", "one"}, {}, {}, {{4}}},
       "attribute format: expected 'NCHW', found 'NHWC'"},
      {{"Add", {"x", "p0"}, {}, {}, {{5}}},
       "a constant [5] is combined with [2, 4, 6, 6]"},
      {{"Elu", {"x", "half"}, {}}, "attribute alpha: expected 1, found 0.5"},
      {{"LogSoftmaxExt", {"x", "one", "one"}, {}}, "expected none, found 1"},
      {{"FlattenExt", {"x", "one", "one"}, {}},
       "attribute end_dim: expected the last axis, found 1"},
      {{"ReduceMean", {"x", "pair"}, {}},
       "attribute axis: expected different axes, found [2, 2]"},
      {{"Squeeze", {"x", "one"}, {}},
       "attribute axis: expected axes of size 1, without the batch, of "
       "[2, 4, 6, 6], found 1"},
      {{"Squeeze", {"x", "pair"}, {}}, "expected different axes"},
      {{"Argmax", {"x", "one"}, {}}, "the argmax of [N, classes] along axis 1"},
      {{"BatchNorm", {"x", "p0", "p0", "p0", "p1"}, {}, {}, {{4}, {6}}},
       "input 4: weights [6] do not match [2, 4, 6, 6]"},
      {{"BatchNorm", {"x", "p0", "p0", "p0", "p0"}, {}, {}, {{4}}},
       "expected a positive variance + epsilon in each channel, found -0.0"},
      {{"BatchNorm", {"x", "p0", "p0", "p0", "p0", "true"}, {}, {}, {{4}}},
       "attribute is_training: expected false"},
      {{"Add", {"x", "p0"}, {}, {}, {{2, 1, 1, 1}}}, "the same for all images"},
      {{"Add", {"p0", "p0"}, {}, {}, {{5}}},
       "expected a tensor that the network computes"},
      {{"Softmax", {"x", "zero"}, {}},
       "attribute axis: expected one axis other than the batch axis"},
      {{"Softmax", {"x", "pair"}, {}}, "found [2, 2]"},
      {{"Flatten", {"x"}, {{"axis", int64_t{2}}}},
       "attribute axis: expected 1, found 2"},
      {{"Reshape", {"x"}, {{"shape", Ints{4, -1}}}},
       "attribute shape: expected the batch of 2 images along the first "
       "axis, found [4, 72]"},
      {{"Reshape", {"x"}, {{"shape", Ints{2, 7}}}},
       "expected a shape of 288 elements, found [2, 7]"},
      {{"Reshape", {"x"}, {{"shape", Ints{2, -1, -1}}}}, "[2, -1, -1]"},
      {{"TupleGetItem", {"x", "one"}, {}}, "expected a tuple, found none"}};
  for (const Case& c : cases) {
    EXPECT_THAT(Names(Network(c.one)),
                StatusIs(kInvalid, AllOf(HasSubstr("'y'"), HasSubstr(c.one.op),
                                         HasSubstr(c.message))));
  }
}

TEST(BuilderTest, RefusesAnOutputOfAnotherShape) {
  EXPECT_THAT(
      Names(Network({"ReLU", {"x"}, {}, {2, 4, 6, 5}})),
      StatusIs(kInvalid, HasSubstr("its shape in the model is [2, 4, 6, 5], "
                                   "but its operators give [2, 4, 6, 6]")));
}

TEST(BuilderTest, RefusesMoreThanOneInputOrOutput) {
  MindIrMaker inputs = SmallNetwork(1);
  inputs.Input("z", {1});
  EXPECT_THAT(Names(inputs), StatusIs(kInvalid, HasSubstr("with one input")));
  MindIrMaker outputs = SmallNetwork(1);
  outputs.Output("pool", {1, 2, 4, 4});
  EXPECT_THAT(Names(outputs), StatusIs(kInvalid, HasSubstr("with one output")));
}

TEST(BuilderTest, RefusesAnOutputThatIsAWeight) {
  MindIrMaker maker = SmallNetwork(1);
  maker.proto().mutable_graph()->mutable_output(0)->set_name("w1");
  EXPECT_THAT(Names(maker),
              StatusIs(kInvalid, HasSubstr("computes from its input")));
}

TEST(BuilderTest, RefusesTooLargeImages) {
  One one = {"ReLU", {"x"}, {}, {1, 1 << 13, 1 << 14}};
  EXPECT_THAT(Names(Network(one, {1, 1 << 13, 1 << 14})),
              StatusIs(kInvalid, HasSubstr("too large")));
  One pool = Pool("pad_mode", "valid");
  EXPECT_THAT(Names(Network(pool, {1, 1, 1, 1 << 16})),
              StatusIs(kInvalid, HasSubstr("at most 32768x32768 pixels")));
}

}  // namespace
}  // namespace lenet::graph

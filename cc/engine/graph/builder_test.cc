#include "cc/engine/graph/builder.h"

#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/test_util.h"
#include "cc/engine/graph/step.h"
#include "cc/mindir/model.h"
#include "cc/mindir/reader.h"
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

// The error for a network x [2, 4, 6, 6] -> `op` -> y of the shape `out`.
// Operands named p<n> are weights of the shapes given.
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
      .Constant("half", 0.5f)
      .Node(one.op, one.inputs, "y", one.attributes)
      .Output("y", one.out);
  return maker;
}

TEST(BuilderTest, LeavesOutBookkeeping) {
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

TEST(BuilderTest, AnInputThatIsTheOutputIsCopied) {
  MindIrMaker maker;
  maker.Input("x", {2, 3}).Node("Flatten", {"x"}, "y").Output("y", {2, 3});
  LENET_ASSERT_OK_AND_ASSIGN(const auto names, Names(maker));
  EXPECT_THAT(names, ElementsAre("Copy"));
}

struct Good {
  const char* name;
  One one;
  const char* step;
};

class GoodNodeTest : public testing::TestWithParam<Good> {};

TEST_P(GoodNodeTest, BecomesAStep) {
  LENET_ASSERT_OK_AND_ASSIGN(const auto names, Names(Network(GetParam().one)));
  EXPECT_THAT(names, ElementsAre(GetParam().step));
}

INSTANTIATE_TEST_SUITE_P(
    All, GoodNodeTest,
    testing::Values(
        Good{
            "AvgPoolOfVersion3",
            {"AvgPool", {"x", "pair", "pair", "one", "zero"}, {}, {2, 4, 3, 3}},
            "AveragePool"},
        Good{"AvgPoolOfVersion1",
             {"AvgPool",
              {"x"},
              {{"kernel_size", Ints{1, 1, 2, 2}},
               {"strides", Ints{1, 1, 1, 1}},
               {"pad_mode", "VALID"},
               {"format", "NCHW"}},
              {2, 4, 5, 5}},
             "AveragePool"},
        Good{"SoftmaxAttribute",
             {"Softmax", {"x"}, {{"axis", Ints{-3}}}},
             "Softmax"},
        Good{"SoftmaxInput", {"Softmax", {"x", "one"}, {}}, "Softmax"},
        Good{"AddScalar", {"Add", {"half", "x"}, {}}, "AddConstant"},
        Good{"AddSame", {"Add", {"x", "x"}, {}}, "Add"},
        Good{"AddRow",
             {"Add", {"x", "p0"}, {}, {2, 4, 6, 6}, {{6}}},
             "AddConstant"},
        Good{"AddBetween",
             {"Add", {"x", "p0"}, {}, {2, 4, 6, 6}, {{4, 1, 6}}},
             "AddConstant"},
        Good{
            "BiasAttribute",
            {"BiasAdd", {"x", "p0"}, {{"format", "NCHW"}}, {2, 4, 6, 6}, {{4}}},
            "AddConstant"},
        Good{"DenseOfRows",
             {"Dense", {"x", "p0", "none"}, {}, {2, 4, 6, 3}, {{3, 6}}},
             "Linear"},
        Good{"IgnoredAttribute",
             {"ReLU", {"x"}, {{"input_names", "x"}}},
             "Relu"}),
    [](const testing::TestParamInfo<Good>& param) {
      return std::string(param.param.name);
    });

// A convolution with one attribute changed.
One Conv(const char* name, const MindIrMaker::Value& value) {
  One one = {"Conv2D",
             {"x", "p0"},
             {{"kernel_size", Ints{3, 3}},
              {"stride", Ints{1, 1}},
              {"pad_mode", "same"}},
             {2, 5, 6, 6},
             {{5, 4, 3, 3}}};
  for (auto& [key, old] : one.attributes) {
    if (std::string(key) == name) {
      old = value;
      return one;
    }
  }
  one.attributes.emplace_back(name, value);
  return one;
}

One Pool(const char* name, const MindIrMaker::Value& value) {
  One one = {"MaxPool",
             {"x"},
             {{"kernel_size", Ints{2, 2}},
              {"strides", Ints{2, 2}},
              {"pad_mode", "valid"}},
             {2, 4, 3, 3}};
  for (auto& [key, old] : one.attributes) {
    if (std::string(key) == name) {
      old = value;
      return one;
    }
  }
  one.attributes.emplace_back(name, value);
  return one;
}

struct Bad {
  const char* name;
  One one;
  const char* message;
};

class BadNodeTest : public testing::TestWithParam<Bad> {};

TEST_P(BadNodeTest, IsRefusedByName) {
  const Bad& bad = GetParam();
  EXPECT_THAT(Names(Network(bad.one)),
              StatusIs(kInvalid, AllOf(HasSubstr("'y'"), HasSubstr(bad.one.op),
                                       HasSubstr(bad.message))));
}

INSTANTIATE_TEST_SUITE_P(
    All, BadNodeTest,
    testing::Values(
        Bad{"Operator",
            {"Sigmoid", {"x"}, {}},
            "'Sigmoid' is not implemented; implemented are Add, AvgPool"},
        Bad{"Attribute", Conv("offset_a", int64_t{3}),
            "attribute 'offset_a' = 3 is not implemented; implemented are "
            "kernel_size, stride"},
        Bad{"ConvFormat", Conv("format", "NHWC"),
            "attribute format: expected 'NCHW', found 'NHWC'"},
        Bad{"ConvMode", Conv("mode", int64_t{3}),
            "attribute mode: expected 1 (convolution), found 3"},
        Bad{"ConvPadMode", Conv("pad_mode", "reflect"),
            "attribute pad_mode: expected pad, same, valid, found 'reflect'"},
        Bad{"ConvKernelSize", Conv("kernel_size", Ints{3, 2}),
            "attribute kernel_size: expected that of the weights [5, 4, 3, 3], "
            "found [3, 2]"},
        Bad{"ConvKernelText", Conv("kernel_size", "big"),
            "attribute kernel_size: expected whole numbers from 1 to 1024, "
            "found 'big'"},
        Bad{"ConvStride", Conv("stride", Ints{0, 1}), "attribute stride"},
        Bad{"ConvStrideOfBatch", Conv("stride", Ints{2, 1, 1, 1}),
            "attribute stride: expected (height, width) or (1, 1, height, "
            "width), found (2, 1, 1, 1)"},
        Bad{"ConvHugeDilation", Conv("dilation", int64_t{1} << 40),
            "attribute dilation"},
        Bad{"ConvGroup", Conv("group", int64_t{3}), "group = 3"},
        Bad{"ConvOutChannel", Conv("out_channel", int64_t{6}),
            "attribute out_channel: expected that of the weights"},
        Bad{"ConvOfConstant",
            {"Conv2D", {"p0", "p0"}, {}, {}, {{1, 1, 1, 1}}},
            "input 0 ('p0'): expected a tensor that the network computes, "
            "found a constant"},
        Bad{"ConvWeightsComputed",
            {"Conv2D", {"x", "x"}, {}},
            "input 1 ('x'): expected weights"},
        Bad{"ConvWeightsRank",
            {"Conv2D", {"x", "p0"}, {}, {}, {{5, 4, 9}}},
            "weights of 4 dimensions, found [5, 4, 9]"},
        Bad{"ConvInputs", {"Conv2D", {"x"}, {}}, "expected 2 inputs, found 1"},
        Bad{"PoolTooLarge", Pool("kernel_size", Ints{7, 7}),
            "a window of 7x7 does not fit into an image of 6x6"},
        Bad{"PoolPad",
            {"AvgPool", {"x", "pair", "pair", "zero", "zero"}, {}},
            "attribute pad_mode: expected same, valid, found 'pad'"},
        Bad{"PoolComputed",
            {"AvgPool", {"x", "x", "pair", "one"}, {}},
            "attribute kernel_size: expected whole numbers from 1 to 1024, "
            "found none"},
        Bad{"PoolCeilMode", Pool("ceil_mode", true), "'ceil_mode' = true"},
        Bad{"MatMulRank",
            {"MatMul", {"x", "p0"}, {}, {}, {{6, 6}}},
            "expected [N, in], found [2, 4, 6, 6]"},
        Bad{"MatMulTransposed",
            {"MatMul", {"x", "p0"}, {{"transpose_a", true}}, {}, {{6, 6}}},
            "attribute transpose_a: expected false, found true"},
        Bad{"DenseShape",
            {"Dense", {"x", "p0"}, {}, {}, {{3, 5}}},
            "tensors [2, 4, 6, 6] and [3, 5] do not fit"},
        Bad{"DenseBias",
            {"Dense", {"x", "p0", "p1"}, {}, {}, {{3, 6}, {4}}},
            "expected a bias [3], found [4]"},
        Bad{"BiasShape",
            {"BiasAdd", {"x", "p0"}, {}, {}, {{6}}},
            "a bias [6] does not fit to [2, 4, 6, 6]"},
        Bad{"BiasFormat",
            {"BiasAdd", {"x", "p0", "one"}, {}, {}, {{4}}},
            "attribute format: expected 'NCHW', found 'NHWC'"},
        Bad{"AddShape",
            {"Add", {"x", "p0"}, {}, {}, {{5}}},
            "a constant [5] is added to [2, 4, 6, 6]"},
        Bad{"AddPerImage",
            {"Add", {"x", "p0"}, {}, {}, {{2, 1, 1, 1}}},
            "the same for all images"},
        Bad{"AddConstants",
            {"Add", {"p0", "p0"}, {}, {}, {{5}}},
            "expected a tensor that the network computes"},
        Bad{"SoftmaxBatch",
            {"Softmax", {"x", "zero"}, {}},
            "attribute axis: expected one axis that is not that of the batch"},
        Bad{"SoftmaxTwo", {"Softmax", {"x", "pair"}, {}}, "found [2, 2]"},
        Bad{"FlattenAxis",
            {"Flatten", {"x"}, {{"axis", int64_t{2}}}},
            "attribute axis: expected 1, found 2"},
        Bad{"ReshapeBatch",
            {"Reshape", {"x"}, {{"shape", Ints{4, -1}}}},
            "attribute shape: expected the images of the batch along the first "
            "axis, which has 2, found [4, 72]"},
        Bad{"ReshapeSize",
            {"Reshape", {"x"}, {{"shape", Ints{2, 7}}}},
            "expected a shape of 288 elements, found [2, 7]"},
        Bad{"ReshapeTwoUnknown",
            {"Reshape", {"x"}, {{"shape", Ints{2, -1, -1}}}},
            "[2, -1, -1]"},
        Bad{"TupleIndex",
            {"TupleGetItem", {"x", "one"}, {}},
            "expected a tuple, found none"}),
    [](const testing::TestParamInfo<Bad>& param) {
      return std::string(param.param.name);
    });

TEST(BuilderTest, RefusesAnOutputOfAnotherShape) {
  EXPECT_THAT(
      Names(Network({"ReLU", {"x"}, {}, {2, 4, 6, 5}})),
      StatusIs(kInvalid, HasSubstr("its shape is [2, 4, 6, 5], its operators "
                                   "give [2, 4, 6, 6]")));
}

TEST(BuilderTest, RefusesMoreThanOneInputOrOutput) {
  MindIrMaker inputs = SmallNetwork(1);
  inputs.Input("z", {1});
  EXPECT_THAT(Names(inputs), StatusIs(kInvalid, HasSubstr("one input")));
  MindIrMaker outputs = SmallNetwork(1);
  outputs.Output("pool", {1, 2, 4, 4});
  EXPECT_THAT(Names(outputs), StatusIs(kInvalid, HasSubstr("one output")));
}

TEST(BuilderTest, RefusesAnOutputThatIsAWeight) {
  MindIrMaker maker = SmallNetwork(1);
  maker.proto().mutable_graph()->mutable_output(0)->set_name("w1");
  EXPECT_THAT(Names(maker),
              StatusIs(kInvalid, HasSubstr("computes from its input")));
}

TEST(BuilderTest, RefusesWhatIsTooLarge) {
  One one = {"ReLU", {"x"}, {}, {1, 1 << 13, 1 << 14}};
  EXPECT_THAT(Names(Network(one, {1, 1 << 13, 1 << 14})),
              StatusIs(kInvalid, HasSubstr("too large")));
  One pool = Pool("pad_mode", "valid");
  EXPECT_THAT(Names(Network(pool, {1, 1, 1, 1 << 16})),
              StatusIs(kInvalid, HasSubstr("at most 32768x32768 pixels")));
}

}  // namespace
}  // namespace lenet::graph

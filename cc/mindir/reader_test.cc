#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cc/base/testing.h"
#include "cc/mindir/mind_ir.pb.h"
#include "cc/mindir/model.h"
#include "cc/mindir/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string Exported(const char* name = "lenet.mindir") {
  return ReadTestFile(TestData(std::string("lenet_mindspore/python/") + name));
}

TEST(ReaderTest, ReadsTheExportedLeNet) {
  for (const char* const name : {"lenet.mindir", "lenet_lite.mindir"}) {
    LENET_ASSERT_OK_AND_ASSIGN(const MindIrModel model,
                               ReadMindIr(Exported(name)));
    ASSERT_THAT(model.inputs, SizeIs(1));
    EXPECT_THAT(model.inputs[0].shape, ElementsAre(1, 1, 32, 32));
    ASSERT_THAT(model.outputs, SizeIs(1));
    EXPECT_THAT(model.outputs[0].shape, ElementsAre(1, 10));
    EXPECT_THAT(model.parameters, SizeIs(8));
    const MindIrArray& fc1 = model.parameters.at("LeNet5:fc1.weight");
    EXPECT_THAT(fc1.shape, ElementsAre(120, 400));
    EXPECT_THAT(fc1.values, SizeIs(48'000));
    EXPECT_EQ(model.nodes.back().op, "Depend");
    EXPECT_EQ(model.nodes.back().output, model.outputs[0].name);
  }
}

TEST(ReaderTest, ReadsEachKindOfValue) {
  MindIrMaker maker = SmallNetwork(1);
  maker.Constant("float", 1.5f)
      .Constant("none", std::monostate())
      .Constant("tuple", MindIrMaker::Ints{4, -1})
      .TensorConstant("tensor", {2, 1}, {3, 4})
      .TensorConstant("scalar", {}, {5});
  LENET_ASSERT_OK_AND_ASSIGN(const MindIrModel model,
                             ReadMindIr(maker.Bytes()));
  const auto text = [&](const char* name) {
    return ValueText(model.constants.at(name));
  };
  EXPECT_EQ(text("float"), "1.5");
  EXPECT_EQ(text("none"), "none");
  EXPECT_EQ(text("tuple"), "(4, -1)");
  EXPECT_EQ(text("true"), "true");
  EXPECT_EQ(text("nchw"), "0");
  EXPECT_EQ(text("tensor"), "a tensor [2, 1]");
  const auto& scalar =
      std::get<MindIrArray>(model.constants.at("scalar").value);
  EXPECT_THAT(scalar.values, ElementsAre(5.0f));
  EXPECT_EQ(ValueText(model.nodes[0].attributes.at("pad_mode")), "'valid'");
}

// MindSpore 1.x writes operator and attributes into the node.
TEST(ReaderTest, AnOpenBatchIsTheBatchAskedFor) {
  const std::string mindir = SmallNetwork(-1).Bytes();
  LENET_ASSERT_OK_AND_ASSIGN(const MindIrModel model, ReadMindIr(mindir, 7));
  EXPECT_THAT(model.inputs[0].shape, ElementsAre(7, 1, 12, 12));
  EXPECT_THAT(model.outputs[0].shape, ElementsAre(7, 10));
  LENET_ASSERT_OK_AND_ASSIGN(const LiteModel lite, ToLiteForm(mindir, 7));
  EXPECT_THAT(ReadMindIr(lite.mindir, 8).value().inputs[0].shape,
              ElementsAre(7, 1, 12, 12));
}

TEST(ReaderTest, ReadsAttributesOfTheNodeItself) {
  MindIrMaker maker = SmallNetwork(1);
  mind_ir::NodeProto* const node =
      maker.proto().mutable_graph()->mutable_node(0);
  node->set_op_type("Conv2D");
  mind_ir::AttributeProto* const attribute = node->add_attribute();
  attribute->set_name("group");
  attribute->set_type(7);
  attribute->set_i(3);
  LENET_ASSERT_OK_AND_ASSIGN(const MindIrModel model,
                             ReadMindIr(maker.Bytes()));
  EXPECT_EQ(model.nodes[0].op, "Conv2D");
  EXPECT_EQ(ValueText(model.nodes[0].attributes.at("group")), "3");
}

TEST(ReaderTest, OrdersNodes) {
  MindIrMaker maker = SmallNetwork(1);
  auto* const nodes = maker.proto().mutable_graph()->mutable_node();
  nodes->SwapElements(0, 8);
  nodes->SwapElements(1, 6);
  LENET_ASSERT_OK_AND_ASSIGN(const MindIrModel model,
                             ReadMindIr(maker.Bytes()));
  std::vector<std::string> operators;
  for (const MindIrNode& node : model.nodes) operators.push_back(node.op);
  EXPECT_THAT(operators, ElementsAre("Conv2D", "ReLU", "MaxPool", "Flatten",
                                     "MatMul", "BiasAdd"));
}

TEST(ReaderTest, RefusesEveryTruncatedFile) {
  const std::string exported = Exported();
  for (size_t size = 0; size < exported.size();
       size += size < 3000 || size + 6000 > exported.size() ? 3 : 499) {
    ASSERT_THAT(ReadMindIr(absl::string_view(exported).substr(0, size)),
                StatusIs(kInvalid, testing::_))
        << size;
  }
}

TEST(ReaderTest, RefusesOtherFiles) {
  for (const char* bytes : {"", "no model", "\x89PNG\r\n\x1a\n", "{}", "\n"}) {
    EXPECT_THAT(ReadMindIr(bytes),
                StatusIs(kInvalid, HasSubstr("expected a MindIR")))
        << bytes;
  }
}

mind_ir::TensorProto* Weight(mind_ir::ModelProto* model) {
  return model->mutable_graph()->mutable_parameter(0);
}

mind_ir::NodeProto* Node(mind_ir::ModelProto* model, int index) {
  return model->mutable_graph()->mutable_node(index);
}

TEST(ReaderTest, NamesWhatItRefuses) {
  using Model = mind_ir::ModelProto;
  struct Case {
    std::function<void(Model*)> change;
    const char* message;
  };
  const std::vector<Case> cases = {
      {[](Model* m) { m->set_mind_ir_version(4); },
       "version 1 to 3, found version 4"},
      {[](Model* m) { m->clear_mind_ir_version(); },
       "expected MatMul with 2 inputs in version 0, found 4"},
      {[](Model* m) { m->set_little_endian(false); }, "little-endian"},
      {[](Model* m) { m->add_functions(); }, "one graph, found 1 more"},
      {[](Model* m) { m->clear_primitives(); }, "'conv': truncated MindIR"},
      {[](Model* m) { Weight(m)->set_data_type(10); },
       "parameter 'w1': expected float32 (data_type 1), found "
       "data_type 10"},
      {[](Model* m) { Weight(m)->set_dims(0, 3); },
       "parameter 'w1': expected 300 bytes for the shape "
       "[3, 1, 5, 5], found 200"},
      {[](Model* m) { Weight(m)->set_dims(0, -2); }, "found [-2, 1, 5, 5]"},
      {[](Model* m) { Weight(m)->set_dims(0, 0); }, "found [0, 1, 5, 5]"},
      {[](Model* m) { Weight(m)->set_dims(0, int64_t{1} << 62); },
       "fewer than 2^31 elements"},
      {[](Model* m) {
         Weight(m)->clear_dims();
         for (int i = 0; i < 4; ++i) Weight(m)->add_dims(1 << 20);
       },
       "fewer than 2^31 elements"},
      {[](Model* m) {
         for (int i = 0; i < 5; ++i) Weight(m)->add_dims(1);
       },
       "at most 8 dimensions, found 9"},
      {[](Model* m) { Weight(m)->set_external_data("x"); },
       "expected weights in this file"},
      {[](Model* m) { Weight(m)->set_compression_type(3); },
       "compression_type 3"},
      {[](Model* m) { Weight(m)->set_name("w2"); }, "'w2' is defined twice"},
      {[](Model* m) { Weight(m)->clear_name(); }, "a parameter has no name"},
      {[](Model* m) { Node(m, 0)->add_output("z"); },
       "'conv': expected one output, found 2"},
      {[](Model* m) { Node(m, 1)->set_input(0, "nothing"); },
       "node 'relu' (ReLU): its input 'nothing' is not defined"},
      {[](Model* m) { Node(m, 0)->set_input(0, "pool"); },
       "node 'conv' (Conv2D): depends on its own output"},
      {[](Model* m) { Node(m, 1)->set_input(0, "relu"); },
       "node 'relu' (ReLU): depends on its own output"},
      {[](Model* m) {
         m->mutable_primitives(0)->mutable_attribute(0)->set_type(26);
       },
       "'conv' ('Conv2D'): attribute 'kernel_size': expected a "
       "number, a text, a tensor or a tuple of these, found "
       "AttributeType 26"},
      {[](Model* m) {
         m->mutable_primitives(0)->mutable_attribute(0)->set_name("stride");
       },
       "attribute 'stride' is given twice"},
      {[](Model* m) { Node(m, 4)->clear_attribute(); },
       "'false': expected a constant of one value, found 0"},
      {[](Model* m) {
         m->mutable_graph()->mutable_input(0)->mutable_tensor(0)->set_data_type(
             6);
       },
       "the graph's input 'x': expected float32"},
      {[](Model* m) { m->mutable_graph()->mutable_output(0)->set_name("z"); },
       "output 'z' is not the output of a node"}};
  for (const Case& c : cases) {
    MindIrMaker maker = SmallNetwork(1);
    c.change(&maker.proto());
    EXPECT_THAT(ReadMindIr(maker.Bytes()),
                StatusIs(kInvalid, HasSubstr(c.message)));
  }
}

TEST(ReaderTest, ShortensAndEscapesNames) {
  MindIrMaker maker = SmallNetwork(1);
  maker.proto().mutable_graph()->mutable_node(1)->set_input(
      0, "\x1b[31m" + std::string(5000, 'n'));
  const absl::Status status = ReadMindIr(maker.Bytes()).status();
  EXPECT_THAT(status, StatusIs(kInvalid, AllOf(HasSubstr("'\\x1b[31mnnn"),
                                               HasSubstr("n...'"))));
  EXPECT_LT(status.message().size(), 300u);
}

}  // namespace
}  // namespace lenet

#include "cc/mindir/lite_form.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "cc/base/test_util.h"
#include "cc/mindir/mind_ir.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

std::string Exported() {
  return ReadTestFile(TestData("lenet_mindspore/python/lenet.mindir"));
}

mind_ir::ModelProto Parse(const std::string& bytes) {
  mind_ir::ModelProto model;
  EXPECT_TRUE(model.ParseFromString(bytes));
  return model;
}

void AddConstant(mind_ir::GraphProto* graph, const char* name, int type,
                 int64_t value) {
  mind_ir::NodeProto* node = graph->add_node();
  node->set_op_type("Constant");
  node->add_output(name);
  mind_ir::AttributeProto* attribute = node->add_attribute();
  attribute->set_name("value");
  attribute->set_type(type);
  attribute->set_i(value);
}

void AddNode(mind_ir::GraphProto* graph, const char* op_type,
             const std::vector<const char*>& inputs, const char* output) {
  mind_ir::NodeProto* node = graph->add_node();
  node->set_op_type(op_type);
  for (const char* input : inputs) node->add_input(input);
  node->add_output(output);
}

// x and w to a MatMul with flags of 0 (a) and 1 (b), then a BiasAdd.
mind_ir::ModelProto SmallModel() {
  mind_ir::ModelProto model;
  model.set_ir_version("1.1");
  model.set_mind_ir_version(3);
  mind_ir::GraphProto* graph = model.mutable_graph();
  AddConstant(graph, "false", 9, 0);
  AddConstant(graph, "true", 9, 1);
  AddConstant(graph, "nchw", 7, 0);
  AddNode(graph, "REF::MatMul:1", {"x", "w", "false", "true"}, "product");
  AddNode(graph, "REF::BiasAdd:2", {"product", "b", "nchw"}, "sum");
  for (const char* op_type : {"MatMul", "BiasAdd"}) {
    mind_ir::PrimitiveProto* primitive = model.add_primitives();
    primitive->set_op_type(op_type);
    primitive->set_name(std::string(op_type) +
                        (op_type[0] == 'M' ? ":1" : ":2"));
  }
  return model;
}

// "transpose_a=0" or "format=NCHW" of each attribute.
std::vector<std::string> Attributes(const mind_ir::PrimitiveProto& primitive) {
  std::vector<std::string> result;
  for (const mind_ir::AttributeProto& attribute : primitive.attribute()) {
    result.push_back(attribute.name() + "=" +
                     (attribute.type() == 8 ? attribute.s()
                                            : std::to_string(attribute.i())));
  }
  return result;
}

TEST(ReadSignatureTest, DescribesTheExportedLeNet) {
  LENET_ASSERT_OK_AND_ASSIGN(const MindIrSignature signature,
                             ReadSignature(Exported()));
  ASSERT_THAT(signature.inputs, SizeIs(1));
  EXPECT_THAT(signature.inputs[0].shape, ElementsAre(1, 1, 32, 32));
  EXPECT_TRUE(signature.inputs[0].is_float32);
  ASSERT_THAT(signature.outputs, SizeIs(1));
  EXPECT_THAT(signature.outputs[0].shape, ElementsAre(1, 10));
  EXPECT_TRUE(signature.outputs[0].is_float32);
}

TEST(ToLiteFormTest, TurnsConstantsOfTheExportedLeNetIntoAttributes) {
  const std::string exported = Exported();
  LENET_ASSERT_OK_AND_ASSIGN(const std::string lite, ToLiteForm(exported));
  const mind_ir::ModelProto model = Parse(lite);
  EXPECT_EQ(model.mind_ir_version(), 1);
  int products = 0;
  for (const mind_ir::NodeProto& node : model.graph().node()) {
    if (!absl::StartsWith(node.op_type(), "REF::MatMul") &&
        !absl::StartsWith(node.op_type(), "REF::BiasAdd")) {
      continue;
    }
    EXPECT_EQ(node.input_size(), 2);
    ++products;
  }
  EXPECT_EQ(products, 6);  // three dense layers
  for (const mind_ir::PrimitiveProto& primitive : model.primitives()) {
    if (primitive.op_type() == "MatMul") {
      EXPECT_THAT(Attributes(primitive),
                  ElementsAre("transpose_a=0", "transpose_b=1"));
    } else if (primitive.op_type() == "BiasAdd") {
      EXPECT_THAT(Attributes(primitive), ElementsAre("format=NCHW"));
    }
  }
  // The weights are of fields that this code does not know.
  constexpr size_t kWeightBytes = 61'470 * 4;
  EXPECT_GT(lite.size(), kWeightBytes);
}

TEST(ToLiteFormTest, LeavesItsOwnResultUnchanged) {
  LENET_ASSERT_OK_AND_ASSIGN(const std::string lite, ToLiteForm(Exported()));
  LENET_ASSERT_OK_AND_ASSIGN(const std::string again, ToLiteForm(lite));
  EXPECT_TRUE(lite == again);
}

TEST(ToLiteFormTest, RemovesConstantsThatNothingReadsAnyMore) {
  mind_ir::ModelProto model = SmallModel();
  AddNode(model.mutable_graph(), "Other", {"true"}, "other");
  LENET_ASSERT_OK_AND_ASSIGN(const std::string lite,
                             ToLiteForm(model.SerializeAsString()));
  const mind_ir::ModelProto rewritten = Parse(lite);
  std::vector<std::string> outputs;
  for (const mind_ir::NodeProto& node : rewritten.graph().node()) {
    outputs.push_back(node.output(0));
  }
  EXPECT_THAT(outputs, ElementsAre("true", "product", "sum", "other"));
}

TEST(ToLiteFormTest, GivesNodesWithOtherFlagsAnOperatorOfTheirOwn) {
  mind_ir::ModelProto model = SmallModel();
  mind_ir::GraphProto* graph = model.mutable_graph();
  AddNode(graph, "REF::MatMul:1", {"x", "w", "true", "true"}, "second");
  AddNode(graph, "REF::MatMul:1", {"x", "w", "false", "true"}, "third");
  LENET_ASSERT_OK_AND_ASSIGN(const std::string bytes,
                             ToLiteForm(model.SerializeAsString()));
  const mind_ir::ModelProto lite = Parse(bytes);
  ASSERT_EQ(lite.primitives_size(), 3);
  EXPECT_THAT(Attributes(lite.primitives(0)),
              ElementsAre("transpose_a=0", "transpose_b=1"));
  EXPECT_THAT(Attributes(lite.primitives(2)),
              ElementsAre("transpose_a=1", "transpose_b=1"));
  std::vector<std::string> operators;
  for (const mind_ir::NodeProto& node : lite.graph().node()) {
    operators.push_back(node.op_type());
  }
  EXPECT_THAT(operators, ElementsAre("REF::MatMul:1", "REF::BiasAdd:2",
                                     "REF::" + lite.primitives(2).name(),
                                     "REF::MatMul:1"));
}

TEST(ToLiteFormTest, KeepsUnknownFields) {
  const std::string unknown("\xfa\x3f\x05hello", 8);  // field 1023
  LENET_ASSERT_OK_AND_ASSIGN(
      const std::string lite,
      ToLiteForm(SmallModel().SerializeAsString() + unknown));
  EXPECT_TRUE(absl::StrContains(lite, unknown));
}

TEST(ToLiteFormTest, RewritesSubgraphs) {
  mind_ir::ModelProto model = SmallModel();
  *model.add_functions() = model.graph();
  LENET_ASSERT_OK_AND_ASSIGN(const std::string lite,
                             ToLiteForm(model.SerializeAsString()));
  EXPECT_EQ(Parse(lite).functions(0).node_size(), 2);
}

TEST(ToLiteFormTest, RefusesEveryTruncatedFile) {
  const std::string exported = Exported();
  for (size_t size = 0; size < exported.size();
       size += size + 600 < exported.size() ? 499 : 1) {
    const absl::string_view part = absl::string_view(exported).substr(0, size);
    EXPECT_THAT(ToLiteForm(part), StatusIs(kInvalid, testing::_)) << size;
    EXPECT_THAT(ReadSignature(part), StatusIs(kInvalid, testing::_)) << size;
  }
}

TEST(ToLiteFormTest, RefusesWhatIsNoMindIr) {
  for (const char* bytes : {"", "no model", "\x89PNG\r\n\x1a\n", "{}", "\n"}) {
    EXPECT_THAT(ToLiteForm(bytes),
                StatusIs(kInvalid, HasSubstr("expected a MindIR")))
        << bytes;
  }
}

TEST(ToLiteFormTest, RefusesANewerVersion) {
  mind_ir::ModelProto model = SmallModel();
  model.set_mind_ir_version(4);
  EXPECT_THAT(ToLiteForm(model.SerializeAsString()),
              StatusIs(kInvalid, HasSubstr("version 1 to 3, found version 4")));
}

TEST(ToLiteFormTest, RefusesAFlagThatIsNoConstant) {
  mind_ir::ModelProto model = SmallModel();
  model.mutable_graph()->mutable_node(3)->set_input(2, "x");
  EXPECT_THAT(
      ToLiteForm(model.SerializeAsString()),
      StatusIs(kInvalid,
               HasSubstr("constant for transpose_a of MatMul, found x")));
}

TEST(ToLiteFormTest, RefusesAnUnknownFormat) {
  mind_ir::ModelProto model = SmallModel();
  model.mutable_graph()->mutable_node(2)->mutable_attribute(0)->set_i(2);
  EXPECT_THAT(ToLiteForm(model.SerializeAsString()),
              StatusIs(kInvalid, HasSubstr("found 2")));
}

TEST(ToLiteFormTest, RefusesAnOddNumberOfInputs) {
  mind_ir::ModelProto model = SmallModel();
  model.mutable_graph()->mutable_node(3)->add_input("x");
  EXPECT_THAT(ToLiteForm(model.SerializeAsString()),
              StatusIs(kInvalid, HasSubstr("2 or 4 inputs, found 5")));
}

}  // namespace
}  // namespace lenet

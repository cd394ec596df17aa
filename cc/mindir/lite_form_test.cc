#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "cc/base/testing.h"
#include "cc/mindir/mind_ir.pb.h"
#include "cc/mindir/model.h"
#include "cc/mindir/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

// Indices of the nodes of SmallNetwork.
constexpr int kMatMul = 6;
constexpr int kFormat = 7;
constexpr int kBiasAdd = 8;

std::string Exported() {
  return ReadTestFile(TestData("lenet_mindspore/python/lenet.mindir"));
}

// Returns "MatMul(2 inputs, transpose_a=false, transpose_b=true)" for each
// MatMul and BiasAdd of the converted model, which must have version 1.
std::vector<std::string> ConvertedNodes(const std::string& bytes) {
  std::vector<std::string> nodes;
  const absl::StatusOr<LiteModel> lite = ToLiteForm(bytes);
  EXPECT_THAT(lite, IsOk());
  if (!lite.ok()) return nodes;
  mind_ir::ModelProto proto;
  EXPECT_TRUE(proto.ParseFromString(lite->mindir));
  EXPECT_EQ(proto.mind_ir_version(), 1);
  const absl::StatusOr<MindIrModel> model = ReadMindIr(lite->mindir);
  EXPECT_THAT(model, IsOk());
  if (!model.ok()) return nodes;
  for (const MindIrNode& node : model->nodes) {
    if (node.op != "MatMul" && node.op != "BiasAdd") continue;
    std::string text =
        node.op + "(" + std::to_string(node.inputs.size()) + " inputs";
    for (const char* name : {"transpose_a", "transpose_b", "format"}) {
      const auto found = node.attributes.find(name);
      if (found == node.attributes.end()) continue;
      text += std::string(", ") + name + "=" + ValueText(found->second);
    }
    nodes.push_back(text + ")");
  }
  return nodes;
}

constexpr char kMatMulText[] =
    "MatMul(2 inputs, transpose_a=false, transpose_b=true)";
constexpr char kBiasAddText[] = "BiasAdd(2 inputs, format='NCHW')";

TEST(ToLiteFormTest, ConvertsTheExportedLeNet) {
  EXPECT_THAT(ConvertedNodes(Exported()),
              ElementsAre(kMatMulText, kBiasAddText, kMatMulText, kBiasAddText,
                          kMatMulText, kBiasAddText));
  LENET_ASSERT_OK_AND_ASSIGN(const LiteModel lite, ToLiteForm(Exported()));
  ASSERT_THAT(lite.inputs, SizeIs(1));
  EXPECT_THAT(lite.inputs[0].shape, ElementsAre(1, 1, 32, 32));
  ASSERT_THAT(lite.outputs, SizeIs(1));
  EXPECT_THAT(lite.outputs[0].shape, ElementsAre(1, 10));
  LENET_ASSERT_OK_AND_ASSIGN(const LiteModel again, ToLiteForm(lite.mindir));
  EXPECT_TRUE(again.mindir == lite.mindir);
}

TEST(ToLiteFormTest, NodesOfOnePrimitiveCanHaveDifferentFlags) {
  MindIrMaker maker = SmallNetwork(1);
  maker.Node("MatMul", {"y", "w3", "false", "false"}, "z")
      .Parameter("w3", {10, 10});
  maker.proto().mutable_graph()->mutable_node(9)->set_op_type(
      maker.proto().graph().node(kMatMul).op_type());
  EXPECT_THAT(
      ConvertedNodes(maker.Bytes()),
      ElementsAre(kMatMulText, kBiasAddText,
                  "MatMul(2 inputs, transpose_a=false, transpose_b=false)"));
}

TEST(ToLiteFormTest, KeepsUnknownFields) {
  const std::string unknown("\xfa\x3f\x05hello", 8);  // field 1023
  LENET_ASSERT_OK_AND_ASSIGN(const LiteModel lite,
                             ToLiteForm(SmallNetwork(1).Bytes() + unknown));
  EXPECT_TRUE(absl::StrContains(lite.mindir, unknown));
}

TEST(ToLiteFormTest, RewritesSubgraphs) {
  MindIrMaker maker = SmallNetwork(1);
  *maker.proto().add_functions() = maker.proto().graph();
  LENET_ASSERT_OK_AND_ASSIGN(const LiteModel lite, ToLiteForm(maker.Bytes()));
  mind_ir::ModelProto proto;
  ASSERT_TRUE(proto.ParseFromString(lite.mindir));
  EXPECT_EQ(proto.functions(0).node(kMatMul).input_size(), 2);
}

TEST(ToLiteFormTest, RefusesEveryTruncatedFile) {
  const std::string exported = Exported();
  for (size_t size = 0; size < exported.size();
       size += size + 600 < exported.size() ? 499 : 1) {
    EXPECT_THAT(ToLiteForm(absl::string_view(exported).substr(0, size)),
                StatusIs(kInvalid, testing::_))
        << size;
  }
}

TEST(ToLiteFormTest, NamesWhatItCannotConvert) {
  using Graph = mind_ir::GraphProto;
  struct Case {
    std::function<void(Graph*)> change;
    const char* message;
  };
  const std::vector<Case> cases = {
      {[](Graph* g) { g->mutable_node(kMatMul)->set_input(2, "x"); },
       "a constant for transpose_a of MatMul"},
      {[](Graph* g) {
         g->mutable_node(kFormat)->mutable_attribute(0)->set_i(2);
       },
       "for format of BiasAdd, found 2"},
      {[](Graph* g) { g->mutable_node(kBiasAdd)->set_input(2, "true"); },
       "a constant for format of BiasAdd"},
      {[](Graph* g) { g->mutable_node(kMatMul)->add_input("x"); },
       "2 or 4 inputs, found 5"},
      {[](Graph* g) {
         g->mutable_output(0)->mutable_tensor(0)->set_data_type(10);
       },
       "'y': expected float32"},
      {[](Graph* g) {
         g->mutable_output(0)->mutable_tensor(0)->set_data_type(7);
       },
       "found integers (an argmax); give --engine=native"},
      {[](Graph* g) {
         g->mutable_output(0)->mutable_tensor(0)->set_dims(1, -1);
       },
       "positive dimensions"}};
  for (const Case& c : cases) {
    MindIrMaker maker = SmallNetwork(1);
    c.change(maker.proto().mutable_graph());
    EXPECT_THAT(ToLiteForm(maker.Bytes()),
                StatusIs(kInvalid, HasSubstr(c.message)));
  }
  for (const char* op : {"Mish", "ReduceMax", "SeLU", "SiLU", "Softsign"}) {
    MindIrMaker maker = SmallNetwork(1);
    maker.Node(op, {"y"}, "z");
    EXPECT_THAT(ToLiteForm(maker.Bytes()),
                StatusIs(kInvalid, HasSubstr(std::string("computes ") + op +
                                             " wrongly")));
  }
}

}  // namespace
}  // namespace lenet

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/engine/graph/graph.h"
#include "cc/fuzz/fuzz.h"
#include "cc/mindir/model.h"
#include "cc/mindir/testing.h"

namespace lenet {
namespace {

using Ints = MindIrMaker::Ints;

// Returns a network of the operators that SmallNetwork lacks.
MindIrMaker OtherOperators() {
  MindIrMaker maker;
  maker.Input("x", {2, 2, 6, 6})
      .Parameter("w1", {4, 1, 3, 3})
      .Parameter("w2", {3, 36})
      .Parameter("b2", {3})
      .Node("Conv2D", {"x", "w1"}, "conv",
            {{"kernel_size", Ints{3, 3}},
             {"stride", Ints{1, 1, 1, 1}},
             {"dilation", Ints{1, 1, 2, 2}},
             {"pad_mode", "pad"},
             {"pad", Ints{2, 2, 2, 2}},
             {"group", int64_t{2}},
             {"mode", int64_t{1}},
             {"out_channel", int64_t{4}},
             {"format", "NCHW"}})
      .Node("AvgPool", {"conv"}, "pool",
            {{"kernel_size", Ints{1, 1, 2, 2}},
             {"strides", Ints{1, 1, 2, 2}},
             {"pad_mode", "SAME"},
             {"format", "NCHW"}})
      .Node("Add", {"pool", "pool"}, "sum")
      .Parameter("gamma", {4})
      .TensorConstant("variance", {4}, {1, 2, 3, 4})
      .Node("BatchNorm", {"sum", "gamma", "gamma", "gamma", "variance"},
            "norms")
      .Constant("index", int64_t{0})
      .Node("TupleGetItem", {"norms", "index"}, "norm")
      .Constant("half", 0.5f)
      .Node("Mul", {"norm", "half"}, "small")
      .Node("Maximum", {"norm", "small"}, "leaky")
      .Node("Tanh", {"leaky"}, "tanh")
      .Node("Shape", {"tanh"}, "sizes")
      .Node("TupleGetItem", {"sizes", "index"}, "batch")
      .Constant("rest", int64_t{-1})
      .Node("MakeTuple", {"batch", "rest"}, "shape")
      .Node("Reshape", {"tanh", "shape"}, "flat")
      .Node("Dense", {"flat", "w2", "b2"}, "dense")
      .Constant("axis", int64_t{-1})
      .Node("Softmax", {"dense", "axis"}, "soft")
      .Node("MakeTuple", {"soft", "dense"}, "tuple")
      .Node("TupleGetItem", {"tuple", "index"}, "item")
      .TensorConstant("shift", {3}, {1, 2, 3})
      .Node("Add", {"item", "shift"}, "shifted")
      .Constant("none", std::monostate())
      .Node("UpdateState", {"none", "shifted"}, "state")
      .Node("Depend", {"shifted", "state"}, "y")
      .Output("y", {2, 3});
  return maker;
}

// Returns a network with an open batch, a mean, and an argmax at the end.
MindIrMaker MeanArgmax() {
  MindIrMaker maker;
  maker.Input("x", {-1, 3, 4, 4})
      .Constant("axes", Ints{2, 3})
      .Constant("keep", true)
      .Node("ReduceMean", {"x", "axes", "keep"}, "mean")
      .Node("Squeeze", {"mean", "axes"}, "flat")
      .Constant("axis", int64_t{1})
      .Node("LogSoftmax", {"flat", "axis"}, "log")
      .Node("Argmax", {"log", "axis"}, "y")
      .Output("y", {-1});
  return maker;
}

// Returns a network of branches, with pools beyond the image.
MindIrMaker Branches() {
  MindIrMaker maker;
  maker.Input("x", {2, 1, 7, 7})
      .Constant("one", int64_t{1})
      .Constant("two", int64_t{2})
      .Constant("zero", int64_t{0})
      .Constant("false", false)
      .Constant("axes", Ints{2, 3})
      .Constant("depth", Ints{2})
      .Constant("window", Ints{2, 2})
      .Parameter("slope", {2})
      .Node("ExpandDims", {"x", "two"}, "deep")
      .Node("MaxPool3DWithArgmax", {"deep"}, "pools",
            {{"ksize", Ints{1, 3, 3}},
             {"strides", Ints{1, 2, 2}},
             {"pads", Ints{0, 1, 1}},
             {"dilation", Ints{1, 1, 1}},
             {"ceil_mode", true}})
      .Node("TupleGetItem", {"pools", "zero"}, "pool")
      .Node("Squeeze", {"pool", "depth"}, "flat")
      .Node("AvgPool", {"flat", "window", "one", "one", "zero"}, "mean")
      .Node("MakeTuple", {"flat", "mean"}, "tuple")
      .Node("Concat", {"tuple", "one"}, "both")
      .Node("PReLU", {"both", "slope"}, "prelu")
      .Node("ReduceMean", {"prelu", "axes", "true"}, "gate")
      .Constant("true", true)
      .Node("Div", {"gate", "prelu"}, "gated")
      .Node("AdaptiveMaxPool2D", {"gated", "one"}, "largest")
      .Node("TupleGetItem", {"largest", "zero"}, "large")
      .Node("Flatten", {"large"}, "logits")
      .Node("ArgMaxWithValue", {"logits", "one", "false"}, "classes")
      .Node("TupleGetItem", {"classes", "zero"}, "class")
      .Node("Cast", {"class", "two"}, "y")
      .Output("y", {2});
  return maker;
}

void ExpectInvalidArgument(const absl::Status& status) {
  if (status.code() != absl::StatusCode::kInvalidArgument) std::abort();
}

// Larger networks would only slow the search down.
bool IsSmall(const graph::Graph& graph) {
  return graph.batch() <= 16 && graph.input_size() <= 4096 &&
         graph.output_size() <= 4096 && graph.arena_bytes() <= (1 << 20);
}

void RunNetwork(const MindIrModel& model) {
  const auto graph = graph::Graph::Create(model, /*threads=*/1);
  if (!graph.ok()) return ExpectInvalidArgument(graph.status());
  if (!IsSmall(**graph)) return;
  const size_t batch = static_cast<size_t>((*graph)->batch());
  const std::vector<float> in(batch * (*graph)->input_size(), 0.5f);
  std::vector<float> out(batch * (*graph)->output_size());
  (*graph)->Run(in.data(), out.data());
}

// The form for MindSpore Lite must need no further change.
void ConvertToLiteForm(absl::string_view content) {
  const absl::StatusOr<LiteModel> lite = ToLiteForm(content);
  if (!lite.ok()) return ExpectInvalidArgument(lite.status());
  const absl::StatusOr<LiteModel> again = ToLiteForm(lite->mindir);
  if (!again.ok() || again->mindir != lite->mindir) std::abort();
}

}  // namespace

std::vector<std::string> FuzzSeeds() {
  MindIrMaker version_1 = SmallNetwork(1);
  version_1.proto().set_mind_ir_version(1);
  return {SmallNetwork(1).Bytes(), SmallNetwork(3).Bytes(),
          version_1.Bytes(),       OtherOperators().Bytes(),
          MeanArgmax().Bytes(),    Branches().Bytes()};
}

}  // namespace lenet

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view content(reinterpret_cast<const char*>(data), size);
  lenet::ConvertToLiteForm(content);
  const auto model = lenet::ReadMindIr(content);
  if (model.ok()) {
    lenet::RunNetwork(*model);
  } else {
    lenet::ExpectInvalidArgument(model.status());
  }
  return 0;
}

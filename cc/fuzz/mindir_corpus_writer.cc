// Writes small MindIR files, as seeds, into a folder: mindir_corpus_writer
// mindir
// <folder>.

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>

#include "cc/mindir/testing.h"

namespace lenet {
namespace {

using Ints = MindIrMaker::Ints;

// The operators that SmallNetwork has not.
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
      .Constant("shape", Ints{2, -1})
      .Node("Reshape", {"sum", "shape"}, "flat")
      .Node("Dense", {"flat", "w2", "b2"}, "dense")
      .Constant("axis", int64_t{-1})
      .Node("Softmax", {"dense", "axis"}, "soft")
      .Node("MakeTuple", {"soft", "dense"}, "tuple")
      .Constant("index", int64_t{0})
      .Node("TupleGetItem", {"tuple", "index"}, "item")
      .TensorConstant("shift", {3}, {1, 2, 3})
      .Node("Add", {"item", "shift"}, "shifted")
      .Constant("none", std::monostate())
      .Node("UpdateState", {"none", "shifted"}, "state")
      .Node("Depend", {"shifted", "state"}, "y")
      .Output("y", {2, 3});
  return maker;
}

bool Write(const std::string& path, const std::string& content) {
  std::ofstream file(path, std::ios::binary);
  file << content;
  file.close();
  return file.good();
}

bool WriteAll(const std::string& folder) {
  MindIrMaker first = SmallNetwork(1);
  first.proto().set_mind_ir_version(1);
  return Write(folder + "/batch_1", SmallNetwork(1).Bytes()) &&
         Write(folder + "/batch_3", SmallNetwork(3).Bytes()) &&
         Write(folder + "/version_1", first.Bytes()) &&
         Write(folder + "/other_operators", OtherOperators().Bytes());
}

}  // namespace
}  // namespace lenet

int main(int argc, char** argv) {
  if (argc == 3 && lenet::WriteAll(argv[2])) return 0;
  std::fprintf(stderr, "usage: mindir_corpus_writer mindir <folder>\n");
  return 1;
}

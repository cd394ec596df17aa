#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cc/engine/graph/graph.h"
#include "cc/mindir/model.h"
#include "cc/mindir/reader.h"

namespace {

// A network that runs for long is no error, but would hold up the search.
bool IsSmall(const lenet::graph::Graph& graph) {
  const size_t batch = static_cast<size_t>(graph.batch());
  return batch <= 16 && graph.input_size() <= 4096 &&
         graph.output_size() <= 4096 && graph.arena_bytes() <= (1 << 20);
}

}  // namespace

// Any MindIR is a network that runs, or an error.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = lenet::ReadMindIr(
      absl::string_view(reinterpret_cast<const char*>(data), size));
  if (!model.ok()) return 0;
  const auto graph = lenet::graph::Graph::Create(*model, /*threads=*/1);
  if (!graph.ok()) {
    if (graph.status().code() != absl::StatusCode::kInvalidArgument) {
      std::abort();
    }
    return 0;
  }
  if (!IsSmall(**graph)) return 0;
  const size_t batch = static_cast<size_t>((*graph)->batch());
  const std::vector<float> in(batch * (*graph)->input_size(), 0.5f);
  std::vector<float> out(batch * (*graph)->output_size());
  (*graph)->Run(in.data(), out.data());
  return 0;
}

#include "cc/mindir/node_order.h"

#include <cstddef>
#include <functional>
#include <map>
#include <queue>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace lenet {

absl::Status SortNodes(std::vector<MindIrNode>* nodes) {
  std::map<absl::string_view, size_t> index;
  for (size_t i = 0; i < nodes->size(); ++i) index[(*nodes)[i].output] = i;
  std::vector<std::vector<size_t>> users(nodes->size());
  std::vector<size_t> waits_for(nodes->size());
  for (size_t i = 0; i < nodes->size(); ++i) {
    for (const std::string& input : (*nodes)[i].inputs) {
      const auto found = index.find(input);
      if (found == index.end()) continue;
      users[found->second].push_back(i);
      ++waits_for[i];
    }
  }
  // The first that can run comes first: an order that is right is kept.
  std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
  for (size_t i = 0; i < nodes->size(); ++i) {
    if (waits_for[i] == 0) ready.push(i);
  }
  std::vector<size_t> order;
  while (!ready.empty()) {
    order.push_back(ready.top());
    ready.pop();
    for (const size_t user : users[order.back()]) {
      if (--waits_for[user] == 0) ready.push(user);
    }
  }
  if (order.size() < nodes->size()) {
    size_t stuck = 0;
    while (waits_for[stuck] == 0) ++stuck;
    return absl::InvalidArgumentError(absl::StrCat(
        "node ", QuotedName((*nodes)[stuck].output), " (", (*nodes)[stuck].op,
        "): uses its own output, through a cycle of nodes"));
  }
  std::vector<MindIrNode> sorted;
  for (const size_t i : order) sorted.push_back(std::move((*nodes)[i]));
  *nodes = std::move(sorted);
  return absl::OkStatus();
}

}  // namespace lenet

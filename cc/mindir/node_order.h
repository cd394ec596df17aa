#ifndef CC_MINDIR_NODE_ORDER_H_
#define CC_MINDIR_NODE_ORDER_H_

#include <vector>

#include "absl/status/status.h"
#include "cc/mindir/model.h"

namespace lenet {

// Orders nodes so that each comes after those whose outputs it uses; nodes that
// are in such an order stay as they are. InvalidArgument, with a node of it, if
// there is a cycle.
absl::Status SortNodes(std::vector<MindIrNode>* nodes);

}  // namespace lenet

#endif  // CC_MINDIR_NODE_ORDER_H_

#ifndef CC_INFERENCE_NEAREST_NAME_H_
#define CC_INFERENCE_NEAREST_NAME_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace lenet {

// For the message about an unknown name: "did you mean 'batch_size'?", or all
// that are known if none is near.
std::string NearestNameHint(absl::string_view name,
                            const std::vector<std::string>& known);

}  // namespace lenet

#endif  // CC_INFERENCE_NEAREST_NAME_H_

#ifndef CC_ENGINE_REGISTRY_H_
#define CC_ENGINE_REGISTRY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/engine/engine.h"

// The engines of a program are those it links: each target of an engine holds
// an EngineRegistration, and //cc/engine:engines depends on all of them.

namespace lenet {

// Loads options.model_path. Errors:
//   InvalidArgument, NotFound, ...  the model or an option is wrong
//   Unavailable                     the device, or what drives it, is not here;
//                                   the message says what and the remedy
using EngineFactory =
    absl::StatusOr<std::unique_ptr<Engine>> (*)(const EngineOptions& options);

// Whether an engine can be the one that `auto` takes. Fast; a model is not
// read.
using EngineCondition = bool (*)(const EngineOptions& options);

// A static object of this class adds an engine. `auto` takes the one with the
// highest priority of those whose condition holds, or which have none.
class EngineRegistration {
 public:
  EngineRegistration(absl::string_view name, int priority,
                     EngineFactory factory,
                     EngineCondition condition = nullptr);
};

// Those linked, best first.
std::vector<std::string> EngineNames();

struct CreatedEngine {
  std::string name;
  std::unique_ptr<Engine> engine;
  // Not OK if this is not the best one: why that could not be created.
  absl::Status fallback;
};

// Creates the engine of that name, or the best one for "auto". If that is
// Unavailable and the device is left open (kAuto), "auto" takes the best one
// for the CPU, if there is another, and says so in `fallback`. InvalidArgument,
// with those present, for a name that is not linked.
absl::StatusOr<CreatedEngine> CreateEngine(absl::string_view name,
                                           const EngineOptions& options);

}  // namespace lenet

#endif  // CC_ENGINE_REGISTRY_H_

#include "cc/engine/registry.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/status_macros.h"

namespace lenet {
namespace {

struct Entry {
  std::string name;
  int priority;
  EngineFactory factory;
  EngineCondition condition;
};

// Best first. Filled before main and never destroyed.
std::vector<Entry>& Entries() {
  static auto& entries = *new std::vector<Entry>;
  return entries;
}

bool Suits(const Entry& entry, absl::string_view name,
           const EngineOptions& options) {
  if (name != "auto") return absl::EqualsIgnoreCase(entry.name, name);
  return entry.condition == nullptr || entry.condition(options);
}

const Entry* Find(absl::string_view name, const EngineOptions& options) {
  for (const Entry& entry : Entries()) {
    if (Suits(entry, name, options)) return &entry;
  }
  return nullptr;
}

}  // namespace

EngineRegistration::EngineRegistration(absl::string_view name, int priority,
                                       EngineFactory factory,
                                       EngineCondition condition) {
  std::vector<Entry>& entries = Entries();
  entries.push_back({std::string(name), priority, factory, condition});
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    return std::make_pair(-a.priority, a.name) <
           std::make_pair(-b.priority, b.name);
  });
}

std::vector<std::string> EngineNames() {
  std::vector<std::string> names;
  for (const Entry& entry : Entries()) names.push_back(entry.name);
  return names;
}

absl::StatusOr<CreatedEngine> CreateEngine(absl::string_view name,
                                           const EngineOptions& options) {
  const Entry* entry = Find(name, options);
  if (entry == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("engine: no engine '", name,
                     "' in this program; expected one of auto, ",
                     absl::StrJoin(EngineNames(), ", ")));
  }
  absl::StatusOr<std::unique_ptr<Engine>> engine = entry->factory(options);
  if (engine.ok()) {
    return CreatedEngine{entry->name, *std::move(engine), absl::OkStatus()};
  }
  if (name != "auto" || !absl::IsUnavailable(engine.status()) ||
      options.device_target != DeviceTarget::kAuto) {
    return engine.status();
  }
  EngineOptions on_cpu = options;
  on_cpu.device_target = DeviceTarget::kCpu;
  const Entry* other = Find(name, on_cpu);
  if (other == nullptr || other == entry) return engine.status();
  LENET_ASSIGN_OR_RETURN(std::unique_ptr<Engine> other_engine,
                         other->factory(on_cpu));
  return CreatedEngine{other->name, std::move(other_engine), engine.status()};
}

}  // namespace lenet

#include "cc/ascend/sim/settings.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace lenet::ascend::sim {
namespace {

using std::chrono::nanoseconds;

constexpr char kFaults[] = "LENET_SIM_FAULTS";
constexpr char kLatency[] = "LENET_SIM_LATENCY";
constexpr int kMaxDevices = 16;

absl::Status Bad(absl::string_view variable, absl::string_view value,
                 absl::string_view expected) {
  return absl::InvalidArgumentError(absl::StrCat(
      variable, ": expected ", expected, ", found \"", value, "\""));
}

// Which calls of which function: "aclrtMemcpy:3".
struct Target {
  Function function = Function::aclInit;
  uint64_t nth = 0;
};

// Without ":<n>", or with ":*", it is every call.
absl::StatusOr<Target> ParseTarget(absl::string_view variable,
                                   absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  const std::optional<Function> function = FindFunction(parts.first);
  if (!function.has_value()) {
    return Bad(variable, parts.first, "a function of AscendCL");
  }
  Target target{*function, 0};
  if (!absl::StrContains(text, ':') || parts.second == "*") return target;
  if (!absl::SimpleAtoi(parts.second, &target.nth) || target.nth == 0) {
    return Bad(variable, text, "<function>:<number from 1>, or <function>:*");
  }
  return target;
}

absl::Status ParseFault(absl::string_view text, Settings* settings) {
  if (absl::StartsWith(text, "lost:")) {
    uint64_t calls = 0;
    if (!absl::SimpleAtoi(text.substr(5), &calls)) {
      return Bad(kFaults, text, "lost:<number of calls>");
    }
    settings->lost_after = calls;
    return absl::OkStatus();
  }
  std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  Fault fault;
  if (!absl::SimpleAtoi(parts.second, &fault.code) || fault.code == 0) {
    return Bad(kFaults, text, "<function>:<number>[@sync]=<error code>");
  }
  constexpr absl::string_view kAtSync = "@sync";
  if (absl::EndsWith(parts.first, kAtSync)) {
    fault.at_sync = true;
    parts.first.remove_suffix(kAtSync.size());
  }
  const absl::StatusOr<Target> target = ParseTarget(kFaults, parts.first);
  if (!target.ok()) return target.status();
  fault.function = target->function;
  fault.nth = target->nth;
  if (fault.at_sync && !absl::EndsWith(Name(fault.function), "Async")) {
    return Bad(kFaults, text, "@sync only with a function ...Async");
  }
  settings->faults.push_back(fault);
  return absl::OkStatus();
}

std::optional<nanoseconds> ParseDuration(absl::string_view text) {
  constexpr std::pair<absl::string_view, int64_t> kUnits[] = {
      {"us", 1000},
      {"ms", 1000000},
      {"s", 1000000000},
      {"h", int64_t{3600} * 1000000000}};
  for (const auto& [unit, factor] : kUnits) {
    if (!absl::EndsWith(text, unit)) continue;
    int32_t count = 0;
    if (!absl::SimpleAtoi(text.substr(0, text.size() - unit.size()), &count) ||
        count < 0) {
      return std::nullopt;
    }
    return nanoseconds(count * factor);
  }
  return std::nullopt;
}

absl::Status ParseLatency(absl::string_view text, Settings* settings) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  const std::optional<nanoseconds> duration = ParseDuration(parts.second);
  if (!duration.has_value()) {
    return Bad(kLatency, text,
               "<function>[:<number>]=<whole number><us|ms|s|h>");
  }
  const absl::StatusOr<Target> target = ParseTarget(kLatency, parts.first);
  if (!target.ok()) return target.status();
  settings->latencies.push_back({target->function, target->nth, *duration});
  return absl::OkStatus();
}

absl::Status ParseList(absl::string_view text, Settings* settings,
                       absl::Status (*parse)(absl::string_view, Settings*)) {
  for (absl::string_view part : absl::StrSplit(text, ',', absl::SkipEmpty())) {
    const absl::Status status = parse(part, settings);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ReadRunMode(absl::string_view text, Settings* settings) {
  if (text != "host" && text != "device") {
    return Bad("LENET_SIM_RUN_MODE", text, "host or device");
  }
  settings->run_mode = text == "device" ? ACL_DEVICE : ACL_HOST;
  return absl::OkStatus();
}

absl::Status ReadProfile(absl::string_view text, Settings* settings) {
  if (text != "legacy" && text != "modern") {
    return Bad("LENET_SIM_PROFILE", text, "legacy or modern");
  }
  settings->profile = text == "modern" ? Profile::kModern : Profile::kLegacy;
  return absl::OkStatus();
}

absl::Status ReadDevices(absl::string_view text, Settings* settings) {
  if (!absl::SimpleAtoi(text, &settings->devices) || settings->devices < 0 ||
      settings->devices > kMaxDevices) {
    return Bad("LENET_SIM_DEVICES", text, "a number from 0 to 16");
  }
  return absl::OkStatus();
}

absl::Status ReadMemory(absl::string_view text, Settings* settings) {
  constexpr uint64_t kMax = uint64_t{1} << 36;
  uint64_t memory = 0;
  if (!absl::SimpleAtoi(text, &memory) || memory > kMax) {
    return Bad("LENET_SIM_MEMORY", text, "a number of bytes up to 64 GiB");
  }
  settings->memory = memory;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Settings> ReadSettings(
    const std::function<const char*(const char*)>& variable) {
  using Reader = absl::Status (*)(absl::string_view, Settings*);
  constexpr std::pair<const char*, Reader> kReaders[] = {
      {"LENET_SIM_DEVICES", ReadDevices},
      {"LENET_SIM_RUN_MODE", ReadRunMode},
      {"LENET_SIM_PROFILE", ReadProfile},
      {"LENET_SIM_MEMORY", ReadMemory},
      {"LENET_SIM_SOC",
       [](absl::string_view text, Settings* settings) {
         settings->soc = std::string(text);
         return absl::OkStatus();
       }},
      {"LENET_SIM_REPORT",
       [](absl::string_view text, Settings* settings) {
         settings->report = std::string(text);
         return absl::OkStatus();
       }},
      {"LENET_SIM_TRACE",
       [](absl::string_view text, Settings* settings) {
         settings->trace = std::string(text);
         return absl::OkStatus();
       }},
      {kFaults,
       [](absl::string_view text, Settings* settings) {
         return ParseList(text, settings, ParseFault);
       }},
      {kLatency,
       [](absl::string_view text, Settings* settings) {
         return ParseList(text, settings, ParseLatency);
       }},
  };
  Settings settings;
  for (const auto& [name, reader] : kReaders) {
    const char* value = variable(name);
    if (value == nullptr || *value == '\0') continue;
    absl::Status status = reader(value, &settings);
    if (!status.ok()) return status;
  }
  return settings;
}

}  // namespace lenet::ascend::sim

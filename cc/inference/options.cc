#include "cc/inference/options.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lenet {
namespace {

constexpr int kMaxCount = 2147483647;

OptionSpec Text(const char* section, const char* name,
                std::vector<const char*> choices = {}) {
  return {section, name, OptionSpec::Type::kText, "", std::move(choices), 0,
          0,       false};
}

OptionSpec Path(const char* section, const char* name) {
  return {section, name, OptionSpec::Type::kText, "", {}, 0, 0, true};
}

OptionSpec Integer(const char* section, const char* name, const char* unit,
                   int minimum, int maximum) {
  return {section, name, OptionSpec::Type::kInteger, unit, {}, minimum,
          maximum, false};
}

OptionSpec Boolean(const char* section, const char* name) {
  return {section, name, OptionSpec::Type::kBoolean, "", {}, 0, 0, false};
}

// As absl for Python reads them; empty for anything else.
absl::string_view BooleanValue(absl::string_view value) {
  for (const char* text : {"true", "t", "1"}) {
    if (absl::EqualsIgnoreCase(text, value)) return "true";
  }
  for (const char* text : {"false", "f", "0"}) {
    if (absl::EqualsIgnoreCase(text, value)) return "false";
  }
  return "";
}

}  // namespace

absl::Span<const OptionSpec> OptionSpecs() {
  // Bounds are those of python/lenet/options/programs.py.
  static const auto& specs = *new std::vector<OptionSpec>{
      Path("infer310", "mindir_path"),
      Path("infer310", "dataset_path"),
      Path("infer310", "result_path"),
      Text("infer310", "cpu_dvpp", {"CPU", "DVPP"}),
      Path("infer310", "aipp_path"),
      Text("infer310", "engine", {"auto", "native", "lite", "acl"}),
      Integer("infer310", "batch_size", "images", 1, 65536),
      Integer("infer310", "threads", "threads", 0, 1024),
      Integer("infer310", "limit", "images", 0, kMaxCount),
      Boolean("infer310", "self_test"),
      Boolean("infer310", "probe"),
      Boolean("infer310", "json"),
      Text("device", "device_target", {"auto", "Ascend310", "CPU"}),
      Integer("device", "device_id", "", 0, kMaxCount),
      Integer("image", "image_height", "pixels", 16, 4096),
      Integer("image", "image_width", "pixels", 16, 4096),
  };
  return specs;
}

const OptionSpec* FindOptionSpec(absl::string_view name) {
  for (const OptionSpec& spec : OptionSpecs()) {
    if (name == spec.name) return &spec;
  }
  return nullptr;
}

std::string Expected(const OptionSpec& spec) {
  if (!spec.choices.empty()) {
    return absl::StrCat("one of ", absl::StrJoin(spec.choices, ", "));
  }
  if (spec.type == OptionSpec::Type::kText) return "a text";
  if (spec.type == OptionSpec::Type::kBoolean) return "true or false";
  std::string text = absl::StrCat("a whole number of at least ", spec.minimum);
  if (spec.maximum != kMaxCount) {
    absl::StrAppend(&text, " and of at most ", spec.maximum);
  }
  return text;
}

absl::StatusOr<std::string> CheckValue(const OptionSpec& spec,
                                       absl::string_view value,
                                       absl::string_view source) {
  if (!spec.choices.empty()) {
    for (const char* choice : spec.choices) {
      if (absl::EqualsIgnoreCase(choice, value)) return std::string(choice);
    }
  } else if (spec.type == OptionSpec::Type::kText) {
    return std::string(value);
  } else if (spec.type == OptionSpec::Type::kBoolean) {
    const absl::string_view text = BooleanValue(value);
    if (!text.empty()) return std::string(text);
  } else {
    int number = 0;
    if (absl::SimpleAtoi(value, &number) && number >= spec.minimum &&
        number <= spec.maximum) {
      return absl::StrCat(number);
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(source, ": ", spec.name,
                                                 " must be ", Expected(spec),
                                                 ", not '", value, "'"));
}

}  // namespace lenet

#include "cc/inference/config_file.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <regex>
#include <set>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cc/base/file.h"
#include "cc/base/status_macros.h"
#include "cc/inference/nearest_name.h"
#include "cc/inference/options.h"
#include "configs/defaults.h"

namespace lenet {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;
// Longer than any number, word or date.
// std::regex calls itself for each letter: many are too much for its stack.
constexpr size_t kMaxTypedScalar = 100;

using Values = std::map<std::string, std::string>;

enum class ScalarType { kText, kInteger, kTrue, kFalse, kOther };

// The type that YAML 1.1, which Python reads, gives a scalar.
ScalarType TypeOf(const YAML::Node& node) {
  static const auto& integer = *new std::regex(
      "[-+]?(0|[1-9][0-9_]*|0x[0-9a-fA-F_]+|0b[01_]+|0[0-7_]+)");
  static const auto& yes =
      *new std::regex("yes|Yes|YES|true|True|TRUE|on|On|ON");
  static const auto& no =
      *new std::regex("no|No|NO|false|False|FALSE|off|Off|OFF");
  static const auto& other = *new std::regex(
      "|~|null|Null|NULL|[-+]?[.](inf|Inf|INF)|[.](nan|NaN|NAN)"
      "|[-+]?([0-9][0-9_]*[.][0-9_]*|[.][0-9][0-9_]*)([eE][-+][0-9]+)?"
      "|[0-9]{4}-[0-9]{2}-[0-9]{2}.*");
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") {
    return ScalarType::kText;  // in quotes
  }
  if (node.Scalar().size() > kMaxTypedScalar) return ScalarType::kText;
  if (std::regex_match(node.Scalar(), integer)) return ScalarType::kInteger;
  if (std::regex_match(node.Scalar(), yes)) return ScalarType::kTrue;
  if (std::regex_match(node.Scalar(), no)) return ScalarType::kFalse;
  if (std::regex_match(node.Scalar(), other)) return ScalarType::kOther;
  return ScalarType::kText;
}

// A YAML 1.1 integer in decimal: 0x10, 1_000 and 010 are 16, 1000 and 8. What
// does not fit an integer stays as it is and is refused later.
std::string Decimal(std::string scalar) {
  scalar.erase(std::remove(scalar.begin(), scalar.end(), '_'), scalar.end());
  const size_t sign = scalar[0] == '-' || scalar[0] == '+' ? 1 : 0;
  int base = 10;
  if (scalar.size() > sign + 1 && scalar[sign] == '0') {
    const char mark = scalar[sign + 1];
    base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
    scalar.erase(sign, base == 8 ? 1 : 2);
  }
  char* end = nullptr;
  const long number = std::strtol(scalar.c_str(), &end, base);  // NOLINT
  return absl::StrCat(number);
}

std::string Excerpt(const YAML::Node& node) {
  if (node.IsScalar()) return node.Scalar();
  if (node.IsNull()) return "null";
  return node.IsMap() ? "a group of keys" : "a list";
}

// The scalar as CheckValue takes it; nothing if its type is not the option's.
std::optional<std::string> TypedValue(const OptionSpec& spec,
                                      const YAML::Node& node) {
  const ScalarType type = TypeOf(node);
  switch (spec.type) {
    case OptionSpec::Type::kText:
      if (type == ScalarType::kText) return node.Scalar();
      break;
    case OptionSpec::Type::kInteger:
      if (type == ScalarType::kInteger) return Decimal(node.Scalar());
      break;
    case OptionSpec::Type::kBoolean:
      if (type == ScalarType::kTrue) return "true";
      if (type == ScalarType::kFalse) return "false";
      break;
  }
  return std::nullopt;
}

absl::StatusOr<std::string> ScalarValue(const OptionSpec& spec,
                                        const YAML::Node& node,
                                        absl::string_view source) {
  const std::optional<std::string> value =
      node.IsScalar() ? TypedValue(spec, node) : std::nullopt;
  if (value.has_value()) return CheckValue(spec, *value, source);
  return absl::InvalidArgumentError(absl::StrCat(
      source, ": ", spec.name, " must be ", Expected(spec), ", not ",
      node.IsScalar() && TypeOf(node) == ScalarType::kText
          ? absl::StrCat("'", node.Scalar().substr(0, kMaxTypedScalar), "'")
          : Excerpt(node)));
}

std::vector<std::string> Sections() {
  std::set<std::string> names;
  for (const defaults::Key& key : defaults::kKeys) names.insert(key.section);
  return {names.begin(), names.end()};
}

// Names of the keys of a section, or of all.
std::vector<std::string> Keys(absl::string_view section) {
  std::set<std::string> names;
  for (const defaults::Key& key : defaults::kKeys) {
    if (section.empty() || section == key.section) names.insert(key.name);
  }
  return {names.begin(), names.end()};
}

absl::Status CheckKnown(absl::string_view kind, const std::string& name,
                        const std::vector<std::string>& known,
                        absl::string_view source) {
  for (const std::string& candidate : known) {
    if (candidate == name) return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(source, ": unknown ", kind,
                                                 " '", name, "'; ",
                                                 NearestNameHint(name, known)));
}

// Adds one key to `values` if it is of infer310.
absl::Status ReadKey(const OptionSpec* spec, const YAML::Node& node,
                     const std::string& path, Values* values) {
  if (spec == nullptr) return absl::OkStatus();
  LENET_ASSIGN_OR_RETURN((*values)[spec->name], ScalarValue(*spec, node, path));
  return absl::OkStatus();
}

absl::Status ReadSection(const std::string& section, const YAML::Node& keys,
                         const std::string& path, Values* values) {
  LENET_RETURN_IF_ERROR(CheckKnown("section", section, Sections(), path));
  for (const auto& entry : keys) {
    const std::string name = Excerpt(entry.first);
    LENET_RETURN_IF_ERROR(CheckKnown(
        "key", name, Keys(section), absl::StrCat(path, ": section ", section)));
    const OptionSpec* spec = FindOptionSpec(name);
    if (spec != nullptr && section != spec->section) continue;
    LENET_RETURN_IF_ERROR(ReadKey(spec, entry.second, path, values));
  }
  return absl::OkStatus();
}

absl::StatusOr<Values> ReadDocument(const YAML::Node& document,
                                    const std::string& path) {
  if (!document.IsDefined() || document.IsNull()) return Values();
  if (!document.IsMap()) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": expected lines `key: value`, found ",
                     absl::string_view(Excerpt(document)).substr(0, 60)));
  }
  Values values;
  Values grouped;
  for (const auto& entry : document) {
    const std::string name = Excerpt(entry.first);
    if (entry.second.IsMap()) {
      LENET_RETURN_IF_ERROR(ReadSection(name, entry.second, path, &grouped));
    } else {
      LENET_RETURN_IF_ERROR(CheckKnown("key", name, Keys(""), path));
      LENET_RETURN_IF_ERROR(
          ReadKey(FindOptionSpec(name), entry.second, path, &values));
    }
  }
  for (auto& [name, value] : grouped) values[name] = std::move(value);
  return values;
}

}  // namespace

absl::StatusOr<Values> ReadConfigFile(const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::string content,
                         ReadFile(path, kMaxConfigBytes));
  return ParseConfig(path, content);
}

absl::StatusOr<Values> ParseConfig(const std::string& path,
                                   const std::string& content) {
  try {  // yaml-cpp knows no other way
    return ReadDocument(YAML::Load(content), path);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, " is not YAML: ", error.what()));
  }
}

}  // namespace lenet

#include "cc/inference/config_file.h"

#include <yaml-cpp/yaml.h>

#include <cstddef>
#include <optional>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cc/base/error.h"
#include "cc/base/file.h"

namespace lenet {
namespace {

constexpr size_t kMaxConfigBytes = size_t{1} << 20;
constexpr size_t kMaxExcerpt = 100;  // bytes of a value in a message

using Values = std::map<std::string, std::string>;

template <typename T>
std::optional<T> Decode(const YAML::Node& node) {
  T value;
  if (YAML::convert<T>::decode(node, value)) return value;
  return std::nullopt;
}

// Returns the scalar for CheckValue, or nothing if its type is not the
// option's.
std::optional<std::string> TypedValue(const Option& option,
                                      const YAML::Node& node) {
  if (!node.IsScalar()) return std::nullopt;
  using Type = Option::Type;
  const bool quoted = node.Tag() == "!" || absl::EndsWith(node.Tag(), ":str");
  const bool truth = !quoted && Decode<bool>(node).has_value();
  const bool number = !quoted && Decode<double>(node).has_value();
  if (option.type == Type::kBool && truth) {
    return *Decode<bool>(node) ? "true" : "false";
  }
  if (option.type == Type::kInt && !quoted && Decode<int>(node)) {
    return absl::StrCat(*Decode<int>(node));
  }
  if (option.type == Type::kText && !truth && !number) return node.Scalar();
  return std::nullopt;
}

std::string Excerpt(const YAML::Node& node) {
  if (node.IsScalar()) {
    return absl::StrCat("'", node.Scalar().substr(0, kMaxExcerpt), "'");
  }
  if (node.IsNull()) return "null";
  return node.IsMap() ? "a group of keys" : "a list";
}

absl::Status NotAccepted(const Option& option, absl::string_view value,
                         absl::string_view source) {
  return InvalidArgument(source, ": ", option.name, " must be ",
                         option.expected, ", not ", value);
}

// Returns OK if `key` exists in `section`, or in any section if that is "".
absl::Status CheckKnown(const std::string& section, const std::string& key,
                        const std::string& path) {
  std::set<std::string> sections;
  std::set<std::string> keys;
  for (const ConfigKey& known : kConfigKeys) {
    sections.insert(known.section);
    if (section.empty() || section == known.section) keys.insert(known.name);
  }
  if (keys.count(key) > 0) return absl::OkStatus();
  std::string message = absl::StrCat("unknown key '", key, "'; see --help");
  if (keys.empty()) {
    message = absl::StrCat("unknown section '", section, "'; expected one of ",
                           absl::StrJoin(sections, ", "));
  } else if (!section.empty()) {
    message = absl::StrCat("section ", section, ": unknown key '", key,
                           "'; expected one of ", absl::StrJoin(keys, ", "));
  }
  return InvalidArgument(path, ": ", message);
}

// Adds the keys of a section, or those at the top level if `section` is "".
absl::Status ReadKeys(const std::string& section, const YAML::Node& keys,
                      const std::string& path, Values* values) {
  for (const auto& entry : keys) {
    if (section.empty() && entry.second.IsMap()) continue;
    const auto key = entry.first.as<std::string>();
    LENET_RETURN_IF_ERROR(CheckKnown(section, key, path));
    for (const Option& option : kInfer310Options) {
      if (key != option.name) continue;
      if (!section.empty() && section != option.section) continue;
      const std::optional<std::string> value = TypedValue(option, entry.second);
      if (!value.has_value()) {
        return NotAccepted(option, Excerpt(entry.second), path);
      }
      LENET_ASSIGN_OR_RETURN((*values)[key], CheckValue(option, *value, path));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<Values> ReadDocument(const YAML::Node& document,
                                    const std::string& path) {
  Values values;
  if (!document.IsDefined() || document.IsNull()) return values;
  if (!document.IsMap()) {
    return InvalidArgument(path, ": expected lines `key: value`, found ",
                           Excerpt(document));
  }
  LENET_RETURN_IF_ERROR(ReadKeys("", document, path, &values));
  for (const auto& entry : document) {
    if (!entry.second.IsMap()) continue;
    const auto section = entry.first.as<std::string>();
    LENET_RETURN_IF_ERROR(ReadKeys(section, entry.second, path, &values));
  }
  return values;
}

}  // namespace

absl::StatusOr<std::string> CheckValue(const Option& option,
                                       absl::string_view value,
                                       absl::string_view source) {
  if (option.type == Option::Type::kInt) {
    int number = 0;
    if (absl::SimpleAtoi(value, &number) && number >= option.minimum &&
        number <= option.maximum) {
      return std::string(value);
    }
  } else if (option.choices[0] == '\0') {
    return std::string(value);
  }
  for (const absl::string_view choice : absl::StrSplit(option.choices, ',')) {
    if (absl::EqualsIgnoreCase(choice, value)) return std::string(choice);
  }
  return NotAccepted(option, absl::StrCat("'", value, "'"), source);
}

absl::StatusOr<Values> ReadConfigFile(const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::string content,
                         ReadFile(path, kMaxConfigBytes));
  return ParseConfig(path, content);
}

absl::StatusOr<Values> ParseConfig(const std::string& path,
                                   const std::string& content) {
  try {
    return ReadDocument(YAML::Load(content), path);
  } catch (const YAML::Exception& error) {
    return InvalidArgument(path, " is not YAML: ", error.what());
  }
}

}  // namespace lenet

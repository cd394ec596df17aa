#include "cc/engine/graph/arguments.h"

#include <algorithm>
#include <variant>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/status_macros.h"

namespace lenet::graph {
namespace {

// For people and for other devices.
constexpr absl::string_view kWithoutEffect[] = {
    "input_names", "output_names", "primitive_target", "side_effect_propagate",
    "is_load"};

const int64_t* AsInt(const MindIrValue& value) {
  return std::get_if<int64_t>(&value.value);
}

}  // namespace

absl::Status Arguments::Error(absl::string_view message) const {
  return absl::InvalidArgumentError(absl::StrCat(
      "node ", QuotedName(node_.output), " (", node_.op, "): ", message));
}

absl::Status Arguments::Error(const Argument& argument, absl::string_view found,
                              absl::string_view accepted) const {
  return Error(absl::StrCat("attribute ", argument.name, ": expected ",
                            accepted, ", found ", found));
}

absl::Status Arguments::CheckKnown(
    const std::vector<absl::string_view>& known) const {
  for (const auto& [name, value] : node_.attributes) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto* const end = std::end(kWithoutEffect);
    if (std::find(std::begin(kWithoutEffect), end, name) != end) continue;
    return Error(
        absl::StrCat("attribute ", QuotedName(name), " = ", ValueText(value),
                     " is not implemented; implemented are ",
                     known.empty() ? "none" : absl::StrJoin(known, ", ")));
  }
  return absl::OkStatus();
}

absl::Status Arguments::CheckInputs(size_t least, size_t most) const {
  const size_t found = node_.inputs.size();
  if (found >= least && found <= most) return absl::OkStatus();
  return Error(
      absl::StrCat("expected ", least,
                   least == most ? std::string() : absl::StrCat(" to ", most),
                   " inputs, found ", found));
}

const MindIrValue* Arguments::Find(const Argument& argument) const {
  const auto attribute = node_.attributes.find(argument.name);
  if (attribute != node_.attributes.end()) return &attribute->second;
  if (argument.input == 0 || argument.input >= node_.inputs.size()) {
    return nullptr;
  }
  const auto constant = model_.constants.find(node_.inputs[argument.input]);
  // An input that is computed cannot be used: an empty value is refused by all
  // who ask for one.
  static const auto& none = *new MindIrValue;
  return constant == model_.constants.end() ? &none : &constant->second;
}

absl::StatusOr<bool> Arguments::Bool(const Argument& argument,
                                     bool otherwise) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return otherwise;
  if (const bool* found = std::get_if<bool>(&value->value)) return *found;
  return Error(argument, ValueText(*value), "true or false");
}

absl::StatusOr<int64_t> Arguments::Int(const Argument& argument,
                                       int64_t otherwise) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return otherwise;
  if (const int64_t* found = AsInt(*value)) return *found;
  return Error(argument, ValueText(*value), "a whole number");
}

absl::StatusOr<std::vector<int64_t>> Arguments::Ints(const Argument& argument,
                                                     int64_t least,
                                                     int64_t most) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return Error(argument, "none", "whole numbers");
  MindIrValue::Sequence elements = {*value};
  if (const auto* tuple = std::get_if<MindIrValue::Sequence>(&value->value)) {
    elements = *tuple;
  }
  std::vector<int64_t> result;
  for (const MindIrValue& element : elements) {
    const int64_t* const number = AsInt(element);
    if (number == nullptr || *number < least || *number > most) {
      return Error(argument, ValueText(*value),
                   absl::StrCat("whole numbers from ", least, " to ", most));
    }
    result.push_back(*number);
  }
  return result;
}

absl::StatusOr<std::vector<int64_t>> Arguments::Pair(const Argument& argument,
                                                     int64_t least,
                                                     int64_t most) const {
  LENET_ASSIGN_OR_RETURN(std::vector<int64_t> found,
                         Ints(argument, least, most));
  if (found.size() == 1) return std::vector<int64_t>{found[0], found[0]};
  if (found.size() == 2) return found;
  if (found.size() == 4 && found[0] == 1 && found[1] == 1) {
    return std::vector<int64_t>{found[2], found[3]};
  }
  return Error(argument, absl::StrCat("(", absl::StrJoin(found, ", "), ")"),
               "(height, width) or (1, 1, height, width)");
}

absl::StatusOr<std::string> Arguments::Choice(
    const Argument& argument, const std::vector<const char*>& choices,
    const char* otherwise) const {
  const MindIrValue* const value = Find(argument);
  if (value == nullptr) return std::string(otherwise);
  if (const int64_t* index = AsInt(*value)) {
    if (*index >= 0 && *index < static_cast<int64_t>(choices.size())) {
      return std::string(choices[static_cast<size_t>(*index)]);
    }
  }
  if (const auto* text = std::get_if<std::string>(&value->value)) {
    std::string lower = absl::AsciiStrToLower(*text);
    for (const char* choice : choices) {
      if (lower == choice) return lower;
    }
  }
  return Error(argument, ValueText(*value), absl::StrJoin(choices, ", "));
}

absl::Status Arguments::CheckFormat(const Argument& argument) const {
  LENET_ASSIGN_OR_RETURN(const std::string format,
                         Choice(argument, {"nchw", "nhwc"}, "nchw"));
  if (format == "nchw") return absl::OkStatus();
  return Error(argument, "'NHWC'", "'NCHW'");
}

}  // namespace lenet::graph

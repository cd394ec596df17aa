#include "cc/mindir/model.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lenet {
namespace {

constexpr size_t kMaxLetters = 100;
constexpr size_t kMaxElements = 8;

std::string Shortened(std::string text) {
  if (text.size() <= kMaxLetters) return text;
  return absl::StrCat(text.substr(0, kMaxLetters), "...");
}

struct ToString {
  std::string operator()(std::monostate) const { return "none"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return absl::StrCat(value); }
  std::string operator()(double value) const { return absl::StrCat(value); }
  std::string operator()(const std::string& value) const {
    return QuotedName(value);
  }
  std::string operator()(const MindIrArray& array) const {
    return absl::StrCat("a tensor [", absl::StrJoin(array.shape, ", "), "]");
  }
  std::string operator()(const MindIrValue::Sequence& sequence) const {
    std::vector<std::string> parts;
    for (const MindIrValue& element : sequence) {
      if (parts.size() == kMaxElements) {
        parts.push_back("...");
        break;
      }
      parts.push_back(ValueString(element));
    }
    return absl::StrCat("(", absl::StrJoin(parts, ", "), ")");
  }
};

}  // namespace

std::string ValueString(const MindIrValue& value) {
  return Shortened(std::visit(ToString(), value.value));
}

std::string QuotedName(absl::string_view name) {
  // Escapes make it longer: cut first, so that none is cut in two.
  const bool is_long = name.size() > kMaxLetters;
  return absl::StrCat("'", absl::CHexEscape(name.substr(0, kMaxLetters)),
                      is_long ? "...'" : "'");
}

}  // namespace lenet

#include "cc/mindir/model.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cc/base/shape.h"

namespace lenet {
namespace {

constexpr size_t kMaxLength = 100;
constexpr size_t kMaxElements = 8;

struct ToText {
  std::string operator()(std::monostate) const { return "none"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(int64_t value) const { return absl::StrCat(value); }
  std::string operator()(double value) const { return absl::StrCat(value); }
  std::string operator()(const std::string& value) const {
    return QuotedName(value);
  }
  std::string operator()(const MindIrArray& array) const {
    return absl::StrCat("a tensor ", ShapeText(array.shape));
  }
  std::string operator()(const MindIrValue::Sequence& sequence) const {
    std::vector<std::string> parts;
    for (const MindIrValue& element : sequence) {
      if (parts.size() == kMaxElements) {
        parts.push_back("...");
        break;
      }
      parts.push_back(ValueText(element));
    }
    return absl::StrCat("(", absl::StrJoin(parts, ", "), ")");
  }
};

}  // namespace

std::string ValueText(const MindIrValue& value) {
  std::string text = std::visit(ToText(), value.value);
  if (text.size() <= kMaxLength) return text;
  return absl::StrCat(text.substr(0, kMaxLength), "...");
}

std::string QuotedName(absl::string_view name) {
  // Shortened before it is escaped, so that no escape sequence is cut.
  return absl::StrCat("'", absl::CHexEscape(name.substr(0, kMaxLength)),
                      name.size() > kMaxLength ? "...'" : "'");
}

}  // namespace lenet

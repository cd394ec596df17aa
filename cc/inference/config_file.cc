#include "cc/inference/config_file.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <optional>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
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

constexpr double kTypo = 0.8;  // similarity of a misspelled key

// Returns the value if a bool of YAML 1.1 has been spelled.
std::optional<bool> ParseBool(absl::string_view text) {
  const std::string word = absl::AsciiStrToLower(text);
  for (const char* yes : {"true", "yes", "on", "y"}) {
    if (word == yes) return true;
  }
  for (const char* no : {"false", "no", "off", "n"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

// Returns 2 * (length of the longest common subsequence) / (sum of lengths).
double Similarity(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (const char c : a) {
    size_t diagonal = 0;
    for (size_t i = 1; i <= b.size(); ++i) {
      const size_t above = row[i];
      row[i] = c == b[i - 1] ? diagonal + 1 : std::max(above, row[i - 1]);
      diagonal = above;
    }
  }
  return 2.0 * static_cast<double>(row.back()) /
         static_cast<double>(std::max<size_t>(1, a.size() + b.size()));
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

// Returns the value of a key, checked.
absl::StatusOr<std::string> CheckNode(const Option& option,
                                      const YAML::Node& node,
                                      const std::string& path) {
  if (!node.IsScalar()) return NotAccepted(option, Excerpt(node), path);
  return CheckValue(option, node.Scalar(), path);
}

// Returns the keys of a section, or all keys if `section` is "".
Names Keys(const std::string& section) {
  Names keys;
  for (const ConfigKey& known : kConfigKeys) {
    if (section.empty() || section == known.section) keys.insert(known.name);
  }
  return keys;
}

// Returns the option that other programs call `name`, or "".
std::string Misnomer(const std::string& name) {
  for (const auto& [other, option] : kMisnomers) {
    if (name == other) return option;
  }
  return "";
}

// Returns an error for a name that is not in `known`. In a file that may have
// other keys, the name must be as similar as `typo` to a known one.
absl::Status UnknownName(const std::string& source, absl::string_view kind,
                         const std::string& name, const Names& known,
                         double typo = 0) {
  const std::string nearest = Nearest(name, known, typo > 0 ? typo : kNearest);
  if (nearest.empty() && typo > 0) return absl::OkStatus();
  return InvalidArgument(
      source, ": unknown ", kind, " '", name, "'; ",
      nearest.empty()
          ? absl::StrCat("expected one of ", absl::StrJoin(known, ", "))
          : absl::StrCat("did you mean '", nearest, "'?"));
}

absl::Status CheckKeysUnique(const YAML::Node& keys, const std::string& path) {
  Names names;
  for (const auto& entry : keys) {
    const auto key = entry.first.as<std::string>();
    if (names.insert(key).second) continue;
    return InvalidArgument(path, ": the key '", key, "' occurs twice");
  }
  return absl::OkStatus();
}

// Adds the keys of a section.
absl::Status ReadSection(const std::string& section, const YAML::Node& keys,
                         const std::string& path, ConfigFile* file) {
  const Names known = Keys(section);
  if (known.empty()) {
    Names sections;
    for (const ConfigKey& key : kConfigKeys) sections.insert(key.section);
    return UnknownName(path, "section", section, sections);
  }
  LENET_RETURN_IF_ERROR(CheckKeysUnique(keys, path));
  for (const auto& entry : keys) {
    const auto key = entry.first.as<std::string>();
    if (known.count(key) == 0) {
      return UnknownName(absl::StrCat(path, ": section ", section), "key", key,
                         known);
    }
    for (const Option& option : kInfer310Options) {
      if (key != option.name || section != option.section) continue;
      LENET_ASSIGN_OR_RETURN(file->values[key],
                             CheckNode(option, entry.second, path));
    }
  }
  return absl::OkStatus();
}

// Returns whether a key of the original's file has no effect in any program.
bool IsOriginal(const std::string& key, const YAML::Node& value) {
  return std::any_of(
      std::begin(kOriginalKeys), std::end(kOriginalKeys),
      [&](const auto& original) {
        return key == original.name &&
               (original.value == nullptr ||
                (value.IsScalar() && value.Scalar() == original.value));
      });
}

// Adds a key at the top level.
absl::Status ReadTopLevelKey(const std::string& key, const YAML::Node& value,
                             const std::string& path, ConfigFile* file) {
  for (const Option& option : kInfer310Options) {
    if (key != option.name) continue;
    if (option.top_level) {
      LENET_ASSIGN_OR_RETURN(file->values[key], CheckNode(option, value, path));
      continue;
    }
    file->unused.push_back(absl::StrCat(key, " (counts in the section ",
                                        option.section, " only)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ConfigFile> ReadDocument(const YAML::Node& document,
                                        const std::string& path) {
  ConfigFile file;
  if (!document.IsDefined() || document.IsNull()) return file;
  if (!document.IsMap()) {
    return InvalidArgument(path, ": expected lines `key: value`, found ",
                           Excerpt(document));
  }
  const bool flat =
      std::none_of(document.begin(), document.end(),
                   [](const auto& entry) { return entry.second.IsMap(); });
  LENET_RETURN_IF_ERROR(CheckKeysUnique(document, path));
  const Names all = Keys("");
  Names known = all;
  if (flat) {  // a key that is present cannot be misspelled in another one
    for (const auto& entry : document) {
      known.erase(entry.first.as<std::string>());
    }
  }
  for (const auto& entry : document) {
    const auto key = entry.first.as<std::string>();
    const bool empty_section = entry.second.IsNull() && !Keys(key).empty();
    if (entry.second.IsMap() || empty_section) continue;
    if (IsOriginal(key, entry.second) && known.count(Misnomer(key)) == 0) {
      file.unused.push_back(key);
    } else if (all.count(key) > 0) {
      LENET_RETURN_IF_ERROR(ReadTopLevelKey(key, entry.second, path, &file));
    } else {
      LENET_RETURN_IF_ERROR(
          UnknownName(path, "key", key, known, flat ? kTypo : 0));
      file.unused.push_back(key);
    }
  }
  for (const auto& entry : document) {
    if (!entry.second.IsMap()) continue;
    const auto section = entry.first.as<std::string>();
    LENET_RETURN_IF_ERROR(ReadSection(section, entry.second, path, &file));
  }
  return file;
}

// Returns an error if a text that is not UTF-16 holds characters that YAML
// forbids, such as the zeros of a damaged file; yaml-cpp accepts them.
absl::Status CheckCharacters(absl::string_view text) {
  const absl::string_view start = text.substr(0, 2);
  if (start == "\xfe\xff" || start == "\xff\xfe") return absl::OkStatus();
  for (const char c : text) {
    if (!absl::ascii_iscntrl(static_cast<unsigned char>(c))) continue;
    if (c == '\t' || c == '\n' || c == '\r') continue;
    return InvalidArgument("it holds the character ", int{c});
  }
  return absl::OkStatus();
}

// Throws a YAML::Exception for a document that starts where the one before it
// did. yaml-cpp does not advance past a comma there, so that YAML::LoadAll
// would not end.
class DocumentChecker final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (mark.pos == last_) {
      throw YAML::ParserException(mark, "unexpected character");
    }
    last_ = mark.pos;
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

 private:
  int last_ = -1;
};

}  // namespace

std::string Nearest(const std::string& name, const Names& known,
                    double similarity) {
  std::string nearest = Misnomer(name);
  if (known.count(nearest) > 0) return nearest;
  nearest.clear();
  for (const std::string& candidate : known) {
    if (name.size() > 2 * candidate.size()) continue;  // saves time
    const double found = Similarity(name, candidate);
    if (found < similarity) continue;
    similarity = found;
    nearest = candidate;
  }
  return nearest;
}

absl::StatusOr<std::string> CheckValue(const Option& option,
                                       absl::string_view value,
                                       absl::string_view source) {
  const bool any_text =
      option.type == Option::Type::kText && option.choices[0] == '\0';
  if (any_text) return std::string(value);
  value = absl::StripAsciiWhitespace(value);
  if (option.type == Option::Type::kInt) {
    int number = 0;
    const bool parsed = absl::StartsWithIgnoreCase(value, "0x")
                            ? absl::SimpleHexAtoi(value, &number)
                            : absl::SimpleAtoi(value, &number);
    if (parsed && number >= option.minimum && number <= option.maximum) {
      return absl::StrCat(number);
    }
  } else if (option.type == Option::Type::kBool) {
    const std::optional<bool> truth = ParseBool(value);
    if (truth.has_value()) return *truth ? "true" : "false";
  } else {
    for (const absl::string_view choice : absl::StrSplit(option.choices, ',')) {
      if (absl::EqualsIgnoreCase(choice, value)) return std::string(choice);
    }
  }
  const absl::string_view excerpt = value.substr(0, kMaxExcerpt);
  return NotAccepted(option, absl::StrCat("'", excerpt, "'"), source);
}

absl::StatusOr<ConfigFile> ReadConfigFile(const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::string content,
                         ReadFile(path, kMaxConfigBytes));
  return ParseConfig(path, content);
}

absl::StatusOr<ConfigFile> ParseConfig(const std::string& path,
                                       const std::string& content) {
  LENET_RETURN_IF_ERROR(WithLocation(absl::StrCat(path, " is not YAML"),
                                     CheckCharacters(content)));
  try {
    std::istringstream stream(content);
    YAML::Parser parser(stream);
    DocumentChecker checker;
    while (parser.HandleNextDocument(checker)) {
    }
    const std::vector<YAML::Node> documents = YAML::LoadAll(content);
    if (documents.empty()) return ConfigFile();
    LENET_ASSIGN_OR_RETURN(ConfigFile file, ReadDocument(documents[0], path));
    if (documents.size() > 1) {
      file.unused.emplace_back("the documents after the first `---`");
    }
    return file;
  } catch (const YAML::Exception& error) {
    return InvalidArgument(path, " is not YAML: ", error.what(),
                           absl::StrContains(content, '\t')
                               ? "; indent with spaces, not tabs"
                               : "");
  }
}

}  // namespace lenet

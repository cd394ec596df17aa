#include "cc/inference/nearest_name.h"

#include <algorithm>
#include <cstddef>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace lenet {
namespace {

// Letters to insert, remove or replace to make `b` of `a` (Levenshtein).
size_t EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

}  // namespace

std::string NearestNameHint(absl::string_view name,
                            const std::vector<std::string>& known) {
  const std::string* nearest = nullptr;
  size_t least = name.size() / 2 + 1;  // more is another word, not a slip
  for (const std::string& candidate : known) {
    const size_t distance = EditDistance(name, candidate);
    if (distance < least) {
      least = distance;
      nearest = &candidate;
    }
  }
  if (nearest == nullptr) {
    return absl::StrCat("known are ", absl::StrJoin(known, ", "));
  }
  return absl::StrCat("did you mean '", *nearest, "'?");
}

}  // namespace lenet

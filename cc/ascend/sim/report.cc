#include "cc/ascend/sim/report.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace lenet::ascend::sim {
namespace {

// Our texts are ASCII without control characters; only paths and handles of the
// application could be otherwise, and those are not in them.
std::string Quote(absl::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string SiteFields(Site site) {
  return absl::StrCat("\"call\": ", site.number,
                      ", \"function\": ", Quote(Name(site.function)));
}

std::string List(const std::vector<std::string>& items) {
  return absl::StrCat("[", absl::StrJoin(items, ",\n    "), "]");
}

std::string Violations(const State::Summary& summary, ViolationKind kind) {
  std::vector<std::string> items;
  for (const Violation& violation : summary.violations) {
    if (violation.kind != kind) continue;
    items.push_back(absl::StrCat("{", SiteFields(violation.site),
                                 ", \"text\": ", Quote(violation.text), "}"));
  }
  return List(items);
}

std::string LiveObjects(const State::Summary& summary) {
  std::vector<std::string> items;
  for (const Object& object : summary.objects) {
    items.push_back(absl::StrCat("{\"kind\": ", Quote(Name(object.kind)), ", ",
                                 SiteFields(object.site), "}"));
  }
  for (const Block& block : summary.blocks) {
    items.push_back(absl::StrCat("{\"kind\": \"", Name(block.heap),
                                 " memory\", ", SiteFields(block.site),
                                 ", \"bytes\": ", block.size, "}"));
  }
  return List(items);
}

std::string Calls(const State::Summary& summary) {
  std::vector<std::string> items;
  for (const auto& [name, count] : summary.calls) {
    items.push_back(absl::StrCat(Quote(name), ": ", count));
  }
  return absl::StrCat("{", absl::StrJoin(items, ",\n    "), "}");
}

std::string Injected(const State::Summary& summary) {
  std::vector<std::string> items;
  for (const std::string& fault : summary.injected) {
    items.push_back(Quote(fault));
  }
  return List(items);
}

std::string PeakBytes(const Heaps& heaps) {
  std::vector<std::string> items;
  for (HeapKind heap : {HeapKind::kDevice, HeapKind::kHost, HeapKind::kDvpp}) {
    items.push_back(absl::StrCat(Quote(Name(heap)), ": ", heaps.peak(heap)));
  }
  return absl::StrCat("{", absl::StrJoin(items, ", "), "}");
}

const char* Bool(bool value) { return value ? "true" : "false"; }

}  // namespace

std::string Complaints(const State::Summary& summary) {
  std::vector<std::string> lines;
  const auto add = [&lines](absl::string_view what, Site site) {
    lines.push_back(absl::StrCat("  call #", site.number, " ",
                                 Name(site.function), ": ", what, "\n"));
  };
  for (const Violation& violation : summary.violations) {
    add(absl::StrCat(
            violation.kind == ViolationKind::kOrder ? "order: " : "ownership: ",
            violation.text),
        violation.site);
  }
  for (const Object& object : summary.objects) {
    add(absl::StrCat("leak: ", Name(object.kind)), object.site);
  }
  for (const Block& block : summary.blocks) {
    add(absl::StrCat("leak: ", block.size, " bytes of ", Name(block.heap),
                     " memory"),
        block.site);
  }
  if (summary.initialized) {
    lines.push_back("  leak: aclFinalize was not called\n");
  }
  const size_t more =
      lines.size() > kComplaints ? lines.size() - kComplaints : 0;
  lines.resize(lines.size() - more);
  if (more > 0) lines.push_back(absl::StrCat("  and ", more, " more\n"));
  return absl::StrJoin(lines, "");
}

std::string Report(const State& state, const State::Summary& summary) {
  const Settings& settings = state.settings();
  return absl::StrCat(
      "{\"total_calls\": ", summary.total_calls,
      ",\n  \"calls\": ", Calls(summary),
      ",\n  \"injected\": ", Injected(summary),
      ",\n  \"live_objects\": ", LiveObjects(summary),
      ",\n  \"order_violations\": ", Violations(summary, ViolationKind::kOrder),
      ",\n  \"ownership_violations\": ",
      Violations(summary, ViolationKind::kOwnership),
      ",\n  \"peak_bytes\": ", PeakBytes(state.heaps()), ",\n  \"profile\": ",
      Quote(settings.profile == Profile::kModern ? "modern" : "legacy"),
      ", \"run_mode\": ",
      Quote(settings.run_mode == ACL_DEVICE ? "device" : "host"),
      ", \"devices\": ", settings.devices,
      ",\n  \"finalized\": ", Bool(!summary.initialized),
      ", \"ok\": ", Bool(Complaints(summary).empty()), "}\n");
}

}  // namespace lenet::ascend::sim

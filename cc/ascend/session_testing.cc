#include "cc/ascend/session_testing.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <regex>
#include <utility>

#include "cc/ascend/library.h"
#include "cc/base/error.h"
#include "cc/base/testing.h"

namespace lenet::ascend {
namespace {

absl::Status InSession(const SessionWork& work, int device_id,
                       const std::string& acl) {
  LENET_ASSIGN_OR_RETURN(auto library,
                         Library::Open(SimulatorLibrary(acl),
                                       SimulatorLibrary("sim/libacl_dvpp.so")));
  LENET_ASSIGN_OR_RETURN(auto process, Process::Start(std::move(library)));
  LENET_ASSIGN_OR_RETURN(auto session,
                         Session::Open(std::move(process), device_id));
  return work(session.get());
}

// Returns the number of failures of the running test, which a child inherits.
int FailureCount() {
  return testing::UnitTest::GetInstance()
      ->current_test_info()
      ->result()
      ->total_part_count();
}

}  // namespace

std::string SimulatorLibrary(const std::string& name) {
  return TestData("lenet_mindspore/cc/ascend/" + name);
}

Locations SimulatorLocations(const TempFolder& folder) {
  for (const char* node :
       {"davinci0", "davinci_manager", "devmm_svm", "hisi_hdc"}) {
    folder.Write(node, "");
  }
  Locations locations;
  locations.device_folder = folder.path();
  locations.acl = SimulatorLibrary("sim/libascendcl.so");
  locations.dvpp = SimulatorLibrary("sim/libacl_dvpp.so");
  return locations;
}

std::vector<std::string> TracedCalls(const std::string& trace) {
  std::vector<std::string> calls;
  const std::string text = ReadTestFile(trace);
  const std::regex name("\\bacl[A-Za-z0-9]+");
  for (std::sregex_iterator i(text.begin(), text.end(), name), end; i != end;
       ++i) {
    if (i->str() != "aclGetRecentErrMsg") calls.push_back(i->str());
  }
  return calls;
}

void WorkAndExit(const SimSettings& settings,
                 const std::function<absl::Status()>& work) {
  for (const auto& [name, value] : settings) {
    setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
  }
  const int before = FailureCount();
  const absl::Status status = work();
  std::fprintf(stderr, "result: %s\n", status.ToString().c_str());
  std::exit(FailureCount() == before ? 0 : 1);
}

void WorkInSessionAndExit(const SimSettings& settings, const SessionWork& work,
                          int device_id, const std::string& library) {
  WorkAndExit(settings, [&] { return InSession(work, device_id, library); });
}

}  // namespace lenet::ascend

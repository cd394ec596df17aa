#include "cc/ascend/session_testing.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <regex>
#include <utility>

#include "cc/ascend/library.h"
#include "cc/ascend/process.h"
#include "cc/base/status_macros.h"
#include "cc/base/test_util.h"

namespace lenet::ascend {
namespace {

std::string SimulatorLibrary(const char* name) {
  return TestData(std::string("lenet_mindspore/cc/ascend/sim/") + name);
}

absl::Status InSession(const SessionWork& work) {
  LENET_ASSIGN_OR_RETURN(auto library,
                         Library::Open(SimulatorLibrary("libascendcl.so"),
                                       SimulatorLibrary("libacl_dvpp.so")));
  LENET_ASSIGN_OR_RETURN(auto process, Process::Start(std::move(library)));
  LENET_ASSIGN_OR_RETURN(auto session, Session::Open(std::move(process), 0));
  return work(session.get());
}

// Failures so far of the test that runs, of which a child inherits some.
int PartCount() {
  return testing::UnitTest::GetInstance()
      ->current_test_info()
      ->result()
      ->total_part_count();
}

}  // namespace

Locations SimulatorLocations(const TempFolder& folder) {
  for (const char* node :
       {"davinci0", "davinci_manager", "devmm_svm", "hisi_hdc"}) {
    folder.Write(node, "");
  }
  Locations locations;
  locations.device_folder = folder.path();
  locations.acl = SimulatorLibrary("libascendcl.so");
  locations.dvpp = SimulatorLibrary("libacl_dvpp.so");
  return locations;
}

std::vector<std::string> TracedCalls(const std::string& trace) {
  std::vector<std::string> calls;
  const std::string text = ReadTestFile(trace);
  const std::regex name("\\bacl[A-Za-z0-9]+");
  for (std::sregex_iterator i(text.begin(), text.end(), name), end; i != end;
       ++i) {
    calls.push_back(i->str());
  }
  return calls;
}

void WorkAndExit(const SimSettings& settings,
                 const std::function<absl::Status()>& work) {
  for (const auto& [name, value] : settings) {
    setenv(name.c_str(), value.c_str(), /*overwrite=*/1);
  }
  const int before = PartCount();
  const absl::Status status = work();
  std::fprintf(stderr, "verdict: %s\n", status.ToString().c_str());
  std::exit(PartCount() == before ? 0 : 1);
}

void WorkInSessionAndExit(const SimSettings& settings,
                          const SessionWork& work) {
  WorkAndExit(settings, [&work] { return InSession(work); });
}

}  // namespace lenet::ascend

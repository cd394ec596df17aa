#include "cc/ascend/installation.h"

#include <stdlib.h>
#include <sys/stat.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr char kAbsentLibrary[] = "libno_such_acl.so";

class InstallationTest : public testing::Test {
 protected:
  InstallationTest() {
    locations_.device_folder = folder_.path();
    locations_.acl = kAbsentLibrary;
  }

  void AddNodes(const std::vector<std::string>& names) const {
    for (const std::string& name : names) folder_.Write(name, "");
  }

  const TempFolder folder_;
  Locations locations_;
};

TEST_F(InstallationTest, ListsTheCards) {
  EXPECT_THAT(ShownDevices(locations_), IsEmpty());
  AddNodes({"davinci10", "davinci2", "davinci_manager", "davinci", "tty3"});
  EXPECT_THAT(ShownDevices(locations_), ElementsAre(2, 10));
  locations_.device_folder = "/no/such/folder";
  EXPECT_THAT(ShownDevices(locations_), IsEmpty());
}

TEST_F(InstallationTest, TheEnvironmentNamesTheFolder) {
  unsetenv("LENET_ASCEND_DEVICES");
  EXPECT_EQ(Locations().device_folder, "/dev");
  setenv("LENET_ASCEND_DEVICES", "/my/devices", 1);
  EXPECT_EQ(Locations().device_folder, "/my/devices");
  unsetenv("LENET_ASCEND_DEVICES");
}

TEST_F(InstallationTest, RequiresAllNodesOfACard) {
  AddNodes({"davinci1", "davinci_manager", "devmm_svm"});
  EXPECT_THAT(CheckNodes(1, locations_),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(folder_.path() + "/hisi_hdc"),
                             Not(HasSubstr("devmm_svm")))));
  AddNodes({"hisi_hdc"});
  EXPECT_THAT(CheckNodes(1, locations_), IsOk());
}

TEST_F(InstallationTest, BoardsWithAnNpuHaveOtherNodes) {
  AddNodes({"davinci0", "davinci_manager", "svm0"});
  EXPECT_THAT(CheckNodes(0, locations_), IsOk());
}

TEST_F(InstallationTest, NamesTheShownCards) {
  AddNodes({"davinci0", "davinci4", "davinci_manager", "svm0"});
  EXPECT_THAT(CheckNodes(3, locations_),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("davinci3"), HasSubstr("shown: 0, 4"),
                             HasSubstr("--device_id"))));
}

TEST_F(InstallationTest, RequiresPermission) {
  AddNodes({"davinci0", "davinci_manager", "svm0"});
  ASSERT_EQ(chmod((folder_.path() + "/davinci_manager").c_str(), 0400), 0);
  const WithoutPrivileges user;
  EXPECT_THAT(
      CheckNodes(0, locations_),
      StatusIs(absl::StatusCode::kPermissionDenied,
               AllOf(HasSubstr("davinci_manager"), Not(HasSubstr("davinci0")),
                     HasSubstr("HwHiAiUser"))));
}

TEST_F(InstallationTest, ReportsAllProblemsAndRemedies) {
  EXPECT_THAT(CheckInstallation(0, locations_),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(folder_.path() + "/davinci0"),
                             HasSubstr(kAbsentLibrary), HasSubstr("set_env.sh"),
                             HasSubstr("--device_target=CPU"))));
}

TEST_F(InstallationTest, ReportsOnlyTheLibraryIfTheCardIsShown) {
  AddNodes({"davinci0", "davinci_manager", "svm0"});
  EXPECT_THAT(
      CheckInstallation(0, locations_),
      StatusIs(absl::StatusCode::kUnavailable,
               AllOf(HasSubstr(kAbsentLibrary), Not(HasSubstr("davinci0")))));
}

// e2e/devices_test.py opens the plug-in of MindSpore Lite.
TEST_F(InstallationTest, ReportsAMissingLitePlugin) {
  EXPECT_THAT(
      OpenLitePlugin(locations_),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("infer310_lite.so")));
  locations_.lite = "libno_such_lite.so";
  EXPECT_THAT(OpenLitePlugin(locations_),
              StatusIs(absl::StatusCode::kUnavailable,
                       HasSubstr("libno_such_lite.so: cannot open")));
}

}  // namespace
}  // namespace lenet::ascend

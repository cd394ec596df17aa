// Checks that a thousand models, sessions and bindings leave no heap memory,
// files, mappings or device memory behind. At the end the simulator reports
// leaks and ends the process with status 66.

#include <malloc.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cc/ascend/acl_types.h"
#include "cc/ascend/library.h"
#include "cc/ascend/memory.h"
#include "cc/ascend/model.h"
#include "cc/ascend/session.h"
#include "cc/base/error.h"
#include "cc/base/testing.h"
#include "gtest/gtest.h"

namespace lenet::ascend {
namespace {

constexpr int kRounds = 1000;
constexpr int kWarmUp = 50;
// Less than the smallest possible leak of one object per round.
constexpr int64_t kSlackBytes = (kRounds - kWarmUp) * 16;

struct Usage {
  int64_t heap_bytes = 0;
  int64_t files = 0;
  int64_t mappings = 0;
  int64_t device_bytes = 0;
};

int64_t DeviceBytes(const Functions& acl) {
  size_t free = 0;
  size_t total = 0;
  EXPECT_EQ(acl.aclrtGetMemInfo(ACL_DDR_MEM, &free, &total), ACL_SUCCESS);
  return static_cast<int64_t>(total - free);
}

Usage Measure(const Functions& acl) {
  Usage usage;
  const auto heap = mallinfo2();
  usage.heap_bytes = static_cast<int64_t>(heap.uordblks + heap.hblkhd);
  usage.files =
      std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {});
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) ++usage.mappings;
  usage.device_bytes = DeviceBytes(acl);
  return usage;
}

void ExpectNoGrowth(const Usage& before, const Usage& after) {
  EXPECT_LE(after.heap_bytes - before.heap_bytes, kSlackBytes);
  EXPECT_EQ(after.files, before.files);
  // A leak of one mapping per round would exceed this bound; malloc and
  // AddressSanitizer's quarantine map and unmap some memory.
  EXPECT_NEAR(static_cast<double>(after.mappings),
              static_cast<double>(before.mappings), (kRounds - kWarmUp) / 4.0);
  EXPECT_EQ(after.device_bytes, before.device_bytes);
}

// AscendCL is initialised once per process.
std::shared_ptr<Process> StartedProcess() {
  auto library =
      Library::Open(TestData("lenet_mindspore/cc/ascend/sim/libascendcl.so"));
  EXPECT_TRUE(library.ok()) << library.status();
  if (!library.ok()) return nullptr;
  auto process = Process::Start(*std::move(library));
  EXPECT_TRUE(process.ok()) << process.status();
  return process.ok() ? *process : nullptr;
}

class ModelLoadTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { process_ = StartedProcess(); }
  static void TearDownTestSuite() { process_.reset(); }

  static std::shared_ptr<Process> process_;
};

std::shared_ptr<Process> ModelLoadTest::process_;

std::string Om(const std::string& name) {
  return TestData("lenet_mindspore/cc/ascend/testing/" + name);
}

// Loads a model, runs it once, and unloads it.
absl::Status Use(Session* session, const std::string& path) {
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<Model> model,
                         Model::Load(session, path));
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<Binding> binding,
                         Binding::Create(session, *model));
  const std::string images(model->info().input_bytes, '\0');
  LENET_RETURN_IF_ERROR(Copy(session, binding->input(), images.size(),
                             images.data(), images.size(),
                             ACL_MEMCPY_HOST_TO_DEVICE));
  LENET_RETURN_IF_ERROR(binding->SetGear(model->Gear(1)));
  return binding->Execute();
}

TEST_F(ModelLoadTest, ModelsInOneSession) {
  ASSERT_NE(process_, nullptr);
  LENET_ASSERT_OK_AND_ASSIGN(const auto session, Session::Open(process_, 0));
  const std::string paths[] = {Om("lenet.om"), Om("lenet_dynamic.om")};
  Usage before;
  for (int i = 0; i < kRounds; ++i) {
    if (i == kWarmUp) before = Measure(session->acl());
    ASSERT_THAT(Use(session.get(), paths[i % 2]), IsOk()) << i;
  }
  ExpectNoGrowth(before, Measure(session->acl()));
}

TEST_F(ModelLoadTest, Sessions) {
  ASSERT_NE(process_, nullptr);
  const std::string path = Om("lenet_aipp.om");
  Usage before;
  for (int i = 0; i < kRounds; ++i) {
    LENET_ASSERT_OK_AND_ASSIGN(const auto session, Session::Open(process_, 0));
    if (i == kWarmUp) before = Measure(session->acl());
    ASSERT_THAT(Use(session.get(), path), IsOk()) << i;
    if (i == kRounds - 1) ExpectNoGrowth(before, Measure(session->acl()));
  }
}

TEST_F(ModelLoadTest, InvalidFiles) {
  ASSERT_NE(process_, nullptr);
  LENET_ASSERT_OK_AND_ASSIGN(const auto session, Session::Open(process_, 0));
  const TempFolder folder;
  const std::string content = ReadTestFile(Om("lenet.om"));
  const std::string path =
      folder.Write("cut.om", content.substr(0, content.size() / 2));
  Usage before;
  for (int i = 0; i < kRounds; ++i) {
    if (i == kWarmUp) before = Measure(session->acl());
    ASSERT_THAT(
        Model::Load(session.get(), path),
        StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(path)));
  }
  ExpectNoGrowth(before, Measure(session->acl()));
  EXPECT_TRUE(session->healthy());
}

}  // namespace
}  // namespace lenet::ascend

#include "cc/ascend/sim/testing.h"

#include <cstdio>
#include <cstdlib>

#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

const Library& Open() {
  const std::string folder = TestData("lenet_mindspore/cc/ascend/sim/");
  static const auto library =
      *Library::Open(folder + "libascendcl.so", folder + "libacl_dvpp.so");
  return *library;
}

}  // namespace

Child InSession(const Environment& environment, const Body& body) {
  return {environment, [body](const Functions& acl) {
            ASSERT_EQ(acl.aclInit(nullptr), 0);
            ASSERT_EQ(acl.aclrtSetDevice(0), 0);
            body(acl);
            EXPECT_EQ(acl.aclrtResetDevice(0), 0);
            EXPECT_EQ(acl.aclFinalize(), 0);
          }};
}

void RunAndExit(const Child& child) {
  for (const auto& [name, value] : child.environment) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  child.body(Open().acl());
  if (!testing::Test::HasFailure()) std::exit(0);
  std::fputs("an expectation failed\n", stderr);
  std::exit(1);
}

void ExpectClean(const Child& child) {
  EXPECT_EXIT(RunAndExit(child), testing::ExitedWithCode(0), "");
}

void ExpectViolation(const std::string& text, const Child& child) {
  EXPECT_EXIT(RunAndExit(child), testing::ExitedWithCode(66),
              testing::AllOf(
                  testing::HasSubstr(text),
                  testing::Not(testing::HasSubstr("an expectation failed"))));
}

const DvppFunctions& OpenDvpp() { return **Open().Dvpp(); }

char* Malloc(const Functions& acl, size_t size) {
  void* pointer = nullptr;
  EXPECT_EQ(acl.aclrtMalloc(&pointer, size, ACL_MEM_MALLOC_NORMAL_ONLY), 0);
  return static_cast<char*>(pointer);
}

}  // namespace lenet::ascend::sim

#include "cc/ascend/sim/testing.h"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

std::string Path(const std::string& name) {
  return TestData("lenet_mindspore/cc/ascend/sim/" + name);
}

// Opens the built libraries; they stay open.
const Library& Open() {
  static const auto library =
      *Library::Open(Path("libascendcl.so"), Path("libacl_dvpp.so"));
  return *library;
}

}  // namespace

Outcome RunInChild(const Environment& environment, const Body& body) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[0]);
    close(ends[1]);
    for (const auto& [name, value] : environment) {
      setenv(name.c_str(), value.c_str(), 1);
    }
    body(Open().acl());
    std::exit(testing::Test::HasFailure() ? 1 : 0);
  }
  close(ends[1]);
  Outcome outcome;
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  while ((count = read(ends[0], buffer.data(), buffer.size())) > 0) {
    outcome.output.append(buffer.data(), static_cast<size_t>(count));
  }
  close(ends[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  outcome.status =
      WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
  return outcome;
}

Outcome RunInSession(const Environment& environment, const Body& body) {
  return RunInChild(environment, [&body](const Functions& acl) {
    ASSERT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
    ASSERT_EQ(acl.aclrtSetDevice(0), ACL_SUCCESS);
    body(acl);
    EXPECT_EQ(acl.aclrtResetDevice(0), ACL_SUCCESS);
    EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
  });
}

const DvppFunctions& OpenDvpp() { return **Open().Dvpp(); }

void ExpectClean(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

void ExpectViolation(const std::string& text, const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 66) << outcome.output;
  EXPECT_THAT(outcome.output,
              testing::AllOf(testing::HasSubstr(text),
                             testing::Not(testing::HasSubstr("Failure"))));
}

}  // namespace lenet::ascend::sim

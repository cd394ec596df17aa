#include "cc/ascend/sim/testing.h"

#include <dlfcn.h>
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

constexpr char kFolder[] = "lenet_mindspore/cc/ascend/sim/";

template <typename F>
void Look(void* library, const char* name, F* function) {
  *function = reinterpret_cast<F>(dlsym(library, name));
}

void* OpenLibrary(const std::string& path) {
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library != nullptr) return library;
  std::fprintf(stderr, "%s\n", dlerror());
  std::exit(1);
}

Functions Open(const std::string& folder) {
  void* library = OpenLibrary(folder + "libascendcl.so");
  Functions functions;
#define ACL_FUNCTION(result, name, parameters) \
  Look(library, #name, &functions.name);
#define ACL_OPTIONAL_FUNCTION ACL_FUNCTION
#include "cc/ascend/acl_functions.inc"
  return functions;
}

[[noreturn]] void RunChild(const Environment& environment, int output,
                           const std::function<void(const Functions&)>& body) {
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  close(output);
  for (const auto& [name, value] : environment) {
    setenv(name.c_str(), value.c_str(), 1);
  }
  body(Open(TestData(kFolder)));
  std::exit(testing::Test::HasFailure() ? 1 : 0);
}

}  // namespace

Outcome InChild(const Environment& environment,
                const std::function<void(const Functions&)>& body) {
  std::array<int, 2> ends{};
  EXPECT_EQ(pipe(ends.data()), 0);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    RunChild(environment, ends[1], body);
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

DvppFunctions OpenDvpp() {
  void* library = OpenLibrary(TestData(kFolder) + "libacl_dvpp.so");
  DvppFunctions functions;
#define DVPP_FUNCTION(result, name, parameters) \
  Look(library, #name, &functions.name);
#include "cc/ascend/acl_functions.inc"
  return functions;
}

void ExpectClean(const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.output;
}

void ExpectComplaint(const Outcome& outcome, const std::string& text) {
  EXPECT_EQ(outcome.status, 66) << outcome.output;
  EXPECT_THAT(outcome.output,
              testing::AllOf(testing::HasSubstr(text),
                             testing::Not(testing::HasSubstr("Failure"))));
}

void Begin(const Functions& acl) {
  ASSERT_EQ(acl.aclInit(nullptr), ACL_SUCCESS);
  ASSERT_EQ(acl.aclrtSetDevice(0), ACL_SUCCESS);
}

void End(const Functions& acl) {
  EXPECT_EQ(acl.aclrtResetDevice(0), ACL_SUCCESS);
  EXPECT_EQ(acl.aclFinalize(), ACL_SUCCESS);
}

}  // namespace lenet::ascend::sim

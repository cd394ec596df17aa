#include "cc/base/testing.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "tools/cpp/runfiles/runfiles.h"
#include "zlib.h"

namespace lenet {
namespace {

using bazel::tools::cpp::runfiles::Runfiles;

// Reads (SYS_capget) or sets (SYS_capset) the capabilities of this thread.
void Capabilities(int64_t call, __user_cap_data_struct* data) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  if (syscall(call, &header, data) != 0) std::abort();
}

}  // namespace

TempFolder::TempFolder()
    : path_(absl::StrCat(testing::TempDir(), "/lenet-XXXXXX")) {
  if (mkdtemp(path_.data()) == nullptr) std::abort();
}

TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string TempFolder::Write(absl::string_view name,
                              absl::string_view content) const {
  const std::string path = absl::StrCat(path_, "/", name);
  std::filesystem::create_directories(
      std::filesystem::path(path).parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  EXPECT_TRUE(file.good()) << path;
  return path;
}

WithoutPrivileges::WithoutPrivileges() {
  Capabilities(SYS_capget, before_);
  __user_cap_data_struct now[2] = {before_[0], before_[1]};
  for (__user_cap_data_struct& data : now) data.effective = 0;
  Capabilities(SYS_capset, now);
}

WithoutPrivileges::~WithoutPrivileges() { Capabilities(SYS_capset, before_); }

WithoutThreads::WithoutThreads() {
  pthread_attr_t none;
  pthread_attr_init(&none);
  // More than the address space.
  const bool refused = pthread_getattr_default_np(&before_) != 0 ||
                       pthread_attr_setstacksize(&none, size_t{1} << 62) != 0 ||
                       pthread_setattr_default_np(&none) != 0;
  if (refused) std::abort();
  pthread_attr_destroy(&none);
}

WithoutThreads::~WithoutThreads() {
  pthread_setattr_default_np(&before_);
  pthread_attr_destroy(&before_);
}

FileSizeLimit::FileSizeLimit(rlim_t bytes)
    : handler_(signal(SIGXFSZ, SIG_IGN)) {
  if (getrlimit(RLIMIT_FSIZE, &before_) != 0) std::abort();
  const rlimit limit = {bytes, before_.rlim_max};
  if (setrlimit(RLIMIT_FSIZE, &limit) != 0) std::abort();
}

FileSizeLimit::~FileSizeLimit() {
  setrlimit(RLIMIT_FSIZE, &before_);
  signal(SIGXFSZ, handler_);
}

std::string TestData(absl::string_view name) {
  // No list of files: it has no folders.
  const char* folder = std::getenv("TEST_SRCDIR");  // set by Bazel
  const std::unique_ptr<Runfiles> runfiles(Runfiles::Create(
      "", /*runfiles_manifest_file=*/"", folder == nullptr ? "" : folder));
  return runfiles == nullptr ? std::string(name)
                             : runfiles->Rlocation(std::string(name));
}

std::string Gzip(absl::string_view content) {
  z_stream stream = {};
  if (deflateInit2(&stream, Z_BEST_COMPRESSION, Z_DEFLATED, 16 + MAX_WBITS,
                   /*memLevel=*/8, Z_DEFAULT_STRATEGY) != Z_OK) {
    std::abort();
  }
  std::string result(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) std::abort();
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

uint32_t Crc32(absl::string_view content, uint32_t before) {
  return static_cast<uint32_t>(
      crc32(before, reinterpret_cast<const Bytef*>(content.data()),
            static_cast<uInt>(content.size())));
}

std::string ReadTestFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return std::string(std::istreambuf_iterator<char>(file), {});
}

}  // namespace lenet

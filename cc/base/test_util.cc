#include "cc/base/test_util.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "gtest/gtest.h"
#include "zlib.h"

namespace lenet {
namespace {

struct Capabilities {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
};

Capabilities GetCapabilities() {
  Capabilities now;
  if (syscall(SYS_capget, &now.header, now.data) != 0) std::abort();
  return now;
}

void SetCapabilities(Capabilities now) {
  if (syscall(SYS_capset, &now.header, now.data) != 0) std::abort();
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
  Capabilities now = GetCapabilities();
  for (int i = 0; i < 2; ++i) {
    before_[i] = now.data[i].effective;
    now.data[i].effective = 0;
  }
  SetCapabilities(now);
}

WithoutPrivileges::~WithoutPrivileges() {
  Capabilities now = GetCapabilities();
  for (int i = 0; i < 2; ++i) now.data[i].effective = before_[i];
  SetCapabilities(now);
}

std::string TestData(absl::string_view name) {
  const char* folder = std::getenv("TEST_SRCDIR");  // set by Bazel
  return absl::StrCat(folder == nullptr ? "." : folder, "/", name);
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

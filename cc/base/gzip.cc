#include "cc/base/gzip.h"

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>

#include "absl/cleanup/cleanup.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cc/base/error.h"
#include "zlib.h"

namespace lenet {
namespace {

uInt ClampToUInt(size_t size) {
  return static_cast<uInt>(
      std::min<size_t>(size, std::numeric_limits<uInt>::max()));
}

absl::Status Broken(absl::string_view reason) {
  return InvalidArgument("broken gzip: ", reason);
}

}  // namespace

bool IsGzip(absl::string_view content) {
  return content.substr(0, 2) == "\x1f\x8b";
}

absl::StatusOr<std::string> Gunzip(absl::string_view content,
                                   size_t max_bytes) {
  z_stream stream = {};
  if (inflateInit2(&stream, /*windowBits=gzip only*/ 16 + MAX_WBITS) != Z_OK) {
    return absl::InternalError("zlib cannot start: wrong version or memory");
  }
  const absl::Cleanup ender = [&stream] { inflateEnd(&stream); };

  std::string result;
  size_t size = 0;
  // One byte more than allowed shows that there is more.
  size_t capacity = std::min(size_t{64} << 10, max_bytes + 1);
  while (true) {
    result.resize(capacity);
    const uInt in = ClampToUInt(content.size());
    const uInt out = ClampToUInt(capacity - size);
    stream.next_in =
        reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = in;
    stream.next_out = reinterpret_cast<Bytef*>(&result[size]);
    stream.avail_out = out;
    const int code = inflate(&stream, Z_NO_FLUSH);
    content.remove_prefix(in - stream.avail_in);
    size += out - stream.avail_out;

    if (size > max_bytes) {
      return InvalidArgument("gzip: more than ", max_bytes,
                             " bytes when uncompressed");
    }
    if (code == Z_STREAM_END) {
      if (content.empty()) break;
      if (!IsGzip(content)) return Broken("other data follows its end");
      inflateReset(&stream);
    } else if (code != Z_BUF_ERROR && code != Z_OK) {
      return Broken(stream.msg != nullptr ? stream.msg : "damaged data");
    } else if (content.empty() && stream.avail_out > 0) {
      return Broken("it ends too early");
    }
    if (size == capacity) capacity = std::min(2 * capacity, max_bytes + 1);
  }
  result.resize(size);
  return result;
}

}  // namespace lenet

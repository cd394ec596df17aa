#include "cc/base/sha256.h"

#include <sha2.h>

#include <cstdint>

namespace lenet {

std::string Sha256Hex(absl::string_view data) {
  char digest[SHA256_DIGEST_STRING_LENGTH];
  SHA256Data(reinterpret_cast<const uint8_t*>(data.data()), data.size(),
             digest);
  return digest;
}

}  // namespace lenet

#include "cc/inference/sha256.h"

#include <openssl/evp.h>

#include "absl/strings/escaping.h"

namespace lenet {

std::string Sha256Hex(absl::string_view data) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  // Fails only without memory; the report then has no hash.
  if (EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha256(),
                 nullptr) != 1) {
    return "";
  }
  const std::string bytes(digest, digest + size);
  return absl::BytesToHexString(bytes);
}

}  // namespace lenet

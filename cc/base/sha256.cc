#include "cc/base/sha256.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "absl/strings/escaping.h"

namespace lenet {

std::string Sha256Hex(absl::string_view data) {
  // Reading OpenSSL's configuration file would take longer than the hash.
  OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  // Fails only if memory is exhausted; the report then has no hash.
  if (EVP_Digest(data.data(), data.size(), digest, &size, EVP_sha256(),
                 nullptr) != 1) {
    return "";
  }
  const std::string bytes(digest, digest + size);
  return absl::BytesToHexString(bytes);
}

}  // namespace lenet

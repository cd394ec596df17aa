#ifndef CC_BASE_SHA256_H_
#define CC_BASE_SHA256_H_

#include <string>

#include "absl/strings/string_view.h"

namespace lenet {

// Returns the SHA-256 (FIPS 180-4) of `data` in lower-case hexadecimal.
std::string Sha256Hex(absl::string_view data);

}  // namespace lenet

#endif  // CC_BASE_SHA256_H_

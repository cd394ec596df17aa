#include "cc/ascend/manifest.h"

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cc/base/error.h"
#include "cc/base/file.h"

namespace lenet::ascend {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxManifestBytes = size_t{1} << 20;
constexpr char kOmMagic[] = "IMOD";
constexpr size_t kMagicBytes = sizeof(kOmMagic) - 1;
constexpr absl::string_view kSimulatorSuffix = "-simulator";
constexpr char kRemedy[] =
    "convert the model again (bazel run //tools:to_om), or remove this file if "
    "you know the model";

absl::StatusOr<std::string> Text(const std::string& path, const Json& object,
                                 const char* key) {
  const auto found = object.find(key);
  if (found != object.end() && found->is_string()) {
    return found->get<std::string>();
  }
  return InvalidArgument(path, ": expected a text for ", key, "; ", kRemedy);
}

}  // namespace

bool IsOmFile(const std::string& path) {
  if (absl::EndsWithIgnoreCase(path, ".om")) return true;
  std::ifstream file(path, std::ios::binary);
  std::array<char, kMagicBytes> magic;
  return file.read(magic.data(), kMagicBytes) &&
         absl::string_view(magic.data(), kMagicBytes) == kOmMagic;
}

std::string ManifestPath(const std::string& om_path) {
  return absl::StrCat(om_path, ".json");
}

absl::StatusOr<std::optional<Manifest>> ReadManifest(
    const std::string& om_path) {
  const std::string path = ManifestPath(om_path);
  const absl::StatusOr<std::string> content = ReadFile(path, kMaxManifestBytes);
  if (absl::IsNotFound(content.status())) return std::nullopt;
  LENET_RETURN_IF_ERROR(content.status());
  const Json json =
      Json::parse(*content, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return InvalidArgument(path, ": expected a JSON object about the model; ",
                           kRemedy);
  }
  Manifest manifest;
  LENET_ASSIGN_OR_RETURN(manifest.model_sha256,
                         Text(path, json, "model_sha256"));
  LENET_ASSIGN_OR_RETURN(manifest.soc_version, Text(path, json, "soc_version"));
  return manifest;
}

bool IsSimulator(absl::string_view soc_name) {
  return absl::EndsWith(soc_name, kSimulatorSuffix);
}

absl::Status CheckManifest(const Manifest& manifest, const std::string& om_path,
                           absl::string_view om_sha256,
                           absl::string_view soc_name) {
  if (!absl::EqualsIgnoreCase(manifest.model_sha256, om_sha256)) {
    return InvalidArgument(
        om_path, ": the file has the SHA-256 ", om_sha256, ", ",
        ManifestPath(om_path), " belongs to one with ", manifest.model_sha256,
        ": it was changed, or only one of the two was copied; ", kRemedy);
  }
  const absl::string_view soc = absl::StripSuffix(soc_name, kSimulatorSuffix);
  if (!soc.empty() && !absl::EqualsIgnoreCase(manifest.soc_version, soc)) {
    return absl::FailedPreconditionError(absl::StrCat(
        om_path, ": the model is for ", manifest.soc_version,
        ", the device is an ", soc_name, "; convert it again: bazel run ",
        "//tools:to_om -- --soc_version ", soc));
  }
  return absl::OkStatus();
}

}  // namespace lenet::ascend

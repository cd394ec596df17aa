#include "cc/ascend/manifest.h"

#include <array>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cc/base/file.h"
#include "cc/base/status_macros.h"

namespace lenet::ascend {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxManifestBytes = size_t{1} << 20;
constexpr char kOmMagic[] = "IMOD";  // the first bytes of what ATC writes
constexpr size_t kMagicBytes = sizeof(kOmMagic) - 1;
constexpr absl::string_view kSimulatorSuffix = "-simulator";
constexpr int kMaxNumber = 1 << 20;  // of pixels, of a batch
constexpr char kRemedy[] =
    "convert the model again (bazel run //tools:to_om), or remove this file if "
    "you know the model";

// Reads the values of one object. The first error stays.
class Reader {
 public:
  Reader(const std::string& path, const Json& object)
      : path_(path), object_(object) {}

  void Text(const char* key, bool required, std::string* value) {
    const Json* found = Find(key, required);
    if (found == nullptr) return;
    if (!found->is_string()) return Fail(key, "a text", *found);
    *value = found->get<std::string>();
  }

  void Number(const char* key, int* value) {
    const Json* found = Find(key, /*required=*/false);
    if (found == nullptr) return;
    if (!IsCount(*found)) return Fail(key, "a whole number above 0", *found);
    *value = found->get<int>();
  }

  void Numbers(const char* key, std::vector<int>* values) {
    const Json* found = Find(key, /*required=*/false);
    if (found == nullptr) return;
    if (!found->is_array()) return Fail(key, "a list of numbers", *found);
    for (const Json& number : *found) {
      if (!IsCount(number)) return Fail(key, "a list of numbers", *found);
      values->push_back(number.get<int>());
    }
  }

  void Fail(const char* key, absl::string_view expected, const Json& found) {
    if (!status_.ok()) return;
    const std::string shown =
        found.dump(-1, ' ', true, Json::error_handler_t::replace).substr(0, 60);
    status_ = absl::InvalidArgumentError(
        absl::StrCat(path_, ": ", key, " must be ", expected, ", not ", shown,
                     "; ", kRemedy));
  }

  const absl::Status& status() const { return status_; }

 private:
  static bool IsCount(const Json& value) {
    return value.is_number_unsigned() && value.get<uint64_t>() > 0 &&
           value.get<uint64_t>() <= kMaxNumber;
  }

  // Null, and an error if the key is required, if it is missing or null.
  const Json* Find(const char* key, bool required) {
    const auto found = object_.find(key);
    if (found != object_.end() && !found->is_null()) return &*found;
    if (required && status_.ok()) {
      status_ = absl::InvalidArgumentError(
          absl::StrCat(path_, ": ", key, " is missing; ", kRemedy));
    }
    return nullptr;
  }

  const std::string& path_;
  const Json& object_;
  absl::Status status_;
};

absl::string_view WithoutSuffix(absl::string_view soc_name) {
  return absl::StripSuffix(soc_name, kSimulatorSuffix);
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
  LENET_ASSIGN_OR_RETURN(Manifest manifest, ParseManifest(path, *content));
  return manifest;
}

absl::StatusOr<Manifest> ParseManifest(const std::string& path,
                                       const std::string& content) {
  const Json json =
      Json::parse(content, /*cb=*/nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": expected a JSON object that tells about the model; ",
        kRemedy));
  }
  Manifest manifest;
  Reader reader(path, json);
  reader.Text("model_sha256", true, &manifest.model_sha256);
  reader.Text("soc_version", true, &manifest.soc_version);
  reader.Text("source", false, &manifest.source);
  reader.Text("source_sha256", false, &manifest.source_sha256);
  reader.Text("atc_version", false, &manifest.atc_version);
  reader.Text("input_form", false, &manifest.input_form);
  reader.Text("aipp_sha256", false, &manifest.aipp_sha256);
  reader.Number("height", &manifest.height);
  reader.Number("width", &manifest.width);
  reader.Numbers("batch", &manifest.batch);
  if (!manifest.input_form.empty() && manifest.input_form != "float" &&
      manifest.input_form != "luma") {
    reader.Fail("input_form", "float or luma", json["input_form"]);
  }
  LENET_RETURN_IF_ERROR(reader.status());
  return manifest;
}

bool IsSimulator(absl::string_view soc_name) {
  return absl::EndsWith(soc_name, kSimulatorSuffix);
}

bool SameSoc(absl::string_view soc_version, absl::string_view soc_name) {
  return absl::EqualsIgnoreCase(WithoutSuffix(soc_version),
                                WithoutSuffix(soc_name));
}

absl::Status CheckManifest(const Manifest& manifest, const std::string& om_path,
                           absl::string_view om_sha256,
                           absl::string_view soc_name) {
  if (!absl::EqualsIgnoreCase(manifest.model_sha256, om_sha256)) {
    return absl::InvalidArgumentError(absl::StrCat(
        om_path, ": the file has the SHA-256 ", om_sha256, ", ",
        ManifestPath(om_path), " is of one with ", manifest.model_sha256,
        ": it was changed, or only one of the two was copied; ", kRemedy));
  }
  if (!soc_name.empty() && !SameSoc(manifest.soc_version, soc_name)) {
    return absl::FailedPreconditionError(absl::StrCat(
        om_path, ": the model is for ", manifest.soc_version,
        ", the device is an ", soc_name, "; convert it again: bazel run ",
        "//tools:to_om -- --soc_version ", WithoutSuffix(soc_name)));
  }
  return absl::OkStatus();
}

}  // namespace lenet::ascend

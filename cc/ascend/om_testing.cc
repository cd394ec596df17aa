#include "cc/ascend/om_testing.h"

#include <cstring>

#include "cc/base/testing.h"

namespace lenet::ascend {
namespace {

template <typename T>
void Append(const T& value, std::string* out) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

constexpr uint32_t kHeaderBytes = 160;
constexpr size_t kSocBytes = 32;
constexpr size_t kGears = 16;

}  // namespace

OmOptions LumaOm(uint32_t batch) {
  OmOptions options;
  options.input_type = ACL_UINT8;
  options.aipp_format = 1;
  options.batch = batch;
  return options;
}

std::string SimulatorOm(const OmOptions& options) {
  const std::string body =
      ReadTestFile(TestData("lenet_mindspore/python/lenet.mindir"));
  std::string om = "SIMOM001";
  Append(kHeaderBytes, &om);
  Append(Crc32(body), &om);
  std::string soc = options.soc;
  soc.resize(kSocBytes);
  om += soc;
  Append(static_cast<uint32_t>(options.input_type), &om);
  Append(options.aipp_format, &om);
  Append(options.aipp_mean, &om);
  Append(options.aipp_min, &om);
  Append(options.aipp_var_reci, &om);
  Append(options.height, &om);
  Append(options.width, &om);
  Append(uint32_t{options.half_output ? 1u : 0u}, &om);
  Append(static_cast<uint32_t>(options.gears.size()), &om);
  std::vector<uint32_t> gears = options.gears;
  gears.resize(kGears);
  for (const uint32_t gear : gears) Append(gear, &om);
  Append(options.batch, &om);
  Append(uint64_t{body.size()}, &om);
  return om + body;
}

}  // namespace lenet::ascend

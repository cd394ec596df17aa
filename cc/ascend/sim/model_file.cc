#include "cc/ascend/sim/model_file.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "absl/status/statusor.h"
#include "cc/ascend/half.h"
#include "cc/mindir/model.h"

namespace lenet::ascend::sim {
namespace {

constexpr absl::string_view kMagic = "SIMOM001";
constexpr size_t kMaxGears = 16;
constexpr uint32_t kMaxImages = 4096;
constexpr uint32_t kMaxSide = 4096;

// Start of a file; numbers are little-endian. A MindIR with batch 1 follows.
struct Header {
  char magic[8];
  uint32_t header_bytes;
  uint32_t body_crc32;   // of the MindIR, as zlib computes it
  char soc[32];          // chip that the model is for, padded with zeros
  uint32_t input_type;   // ACL_FLOAT, or ACL_UINT8 with an AIPP
  uint32_t aipp_format;  // AippFormat
  float aipp_mean, aipp_min, aipp_var_reci;
  uint32_t height, width;
  uint32_t output_type;       // ACL_FLOAT or ACL_FLOAT16
  uint32_t gear_count;        // 0: static batch
  uint32_t gears[kMaxGears];  // ascending batch sizes
  uint32_t batch;             // of a model without gears
  uint64_t body_bytes;        // of the MindIR
};
static_assert(sizeof(Header) == 160, "the header has no padding");

bool IsValid(const Header& header) {
  const bool bytes = header.input_type == ACL_UINT8;
  const uint32_t* const gears_end =
      header.gears + std::min<size_t>(header.gear_count, kMaxGears);
  const uint32_t batch = header.gear_count > 0 ? gears_end[-1] : header.batch;
  return absl::string_view(header.magic, kMagic.size()) == kMagic &&
         header.header_bytes == sizeof(Header) &&
         (bytes || header.input_type == ACL_FLOAT) && header.aipp_format <= 2 &&
         bytes == (header.aipp_format != 0) && header.output_type <= 1 &&
         header.gear_count <= kMaxGears &&
         std::is_sorted(header.gears, gears_end) &&
         (header.gear_count == 0 || header.gears[0] > 0) && batch > 0 &&
         batch <= kMaxImages && header.height > 0 &&
         header.height <= kMaxSide && header.width > 0 &&
         header.width <= kMaxSide;
}

// Reads the network. Returns what is wrong with it, or "".
std::string ReadBody(absl::string_view body, ModelFile* model) {
  const absl::StatusOr<MindIrModel> network = ReadMindIr(body);
  if (!network.ok()) return std::string(network.status().message());
  absl::StatusOr<std::unique_ptr<graph::Graph>> graph =
      graph::Graph::Create(*network, /*threads=*/1);
  if (!graph.ok()) return std::string(graph.status().message());
  if ((*graph)->batch() != 1 || (*graph)->input_size() != model->pixels()) {
    return "the network takes images of another size than the header says";
  }
  model->input_name = network->inputs[0].name;
  model->output_name = network->outputs[0].name;
  model->graph = *std::move(graph);
  return "";
}

uint32_t Crc(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()),
            static_cast<uInt>(bytes.size())));
}

float RoundToHalf(float value) { return HalfToFloat(FloatToHalf(value)); }

// Converts one image of image_bytes() bytes to the network's float32 input
// [height, width]. AIPP computes in float16 and rounds each operation.
void PrepareImage(const ModelFile& model, const char* image, float* tensor) {
  if (model.aipp == AippFormat::kNone) {
    std::memcpy(tensor, image, model.image_bytes());
    return;
  }
  // The network takes only the first plane of YUV420SP, which is that of
  // YUV400.
  const float mean = RoundToHalf(model.aipp_mean);
  const float minimum = RoundToHalf(model.aipp_min);
  const float factor = RoundToHalf(model.aipp_var_reci);
  for (size_t i = 0; i < model.pixels(); ++i) {
    const auto luma = static_cast<float>(static_cast<uint8_t>(image[i]));
    const float centred = RoundToHalf(RoundToHalf(luma - mean) - minimum);
    tensor[i] = RoundToHalf(centred * factor);
  }
}

void StoreLogits(const ModelFile& file, const std::vector<float>& logits,
                 char* to) {
  std::vector<uint16_t> halves;
  for (const float logit : logits) halves.push_back(FloatToHalf(logit));
  const void* const from = logits.data();
  std::memcpy(to, file.half_output ? halves.data() : from, file.output_bytes());
}

}  // namespace

size_t ModelFile::image_bytes() const {
  if (aipp == AippFormat::kYuv400) return pixels();
  if (aipp == AippFormat::kYuv420sp) return pixels() * 3 / 2;
  return pixels() * sizeof(float);
}

size_t ModelFile::output_bytes() const {
  return graph->output_size() *
         (half_output ? sizeof(uint16_t) : sizeof(float));
}

aclError ReadModelFile(absl::string_view file, ModelFile* model,
                       std::string* error) {
  Header header{};
  std::memcpy(&header, file.data(), std::min(file.size(), sizeof(header)));
  if (!IsValid(header) || file.size() != sizeof(header) + header.body_bytes) {
    *error = "no valid header of a model file of the simulator";
    return ACL_ERROR_GE_PARAM_INVALID;
  }
  const absl::string_view body = file.substr(sizeof(header));
  if (Crc(body) != header.body_crc32) {
    *error = "the weights are damaged";
    return ACL_ERROR_GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED;
  }
  model->soc = std::string(header.soc, strnlen(header.soc, sizeof(header.soc)));
  model->aipp = static_cast<AippFormat>(header.aipp_format);
  model->aipp_mean = header.aipp_mean;
  model->aipp_min = header.aipp_min;
  model->aipp_var_reci = header.aipp_var_reci;
  model->height = header.height;
  model->width = header.width;
  model->half_output = header.output_type == ACL_FLOAT16;
  model->gears.assign(header.gears, header.gears + header.gear_count);
  model->batch = model->gears.empty() ? header.batch : model->gears.back();
  model->body_bytes = header.body_bytes;
  *error = ReadBody(body, model);
  return error->empty() ? ACL_SUCCESS
                        : ACL_ERROR_GE_EXEC_LOAD_MODEL_PARTITION_FAILED;
}

bool RunModel(const ModelFile& model, uint64_t batch, const char* images,
              char* logits) {
  std::vector<float> tensor(model.pixels());
  std::vector<float> output(model.graph->output_size());
  for (uint64_t i = 0; i < batch; ++i) {
    PrepareImage(model, images, tensor.data());
    if (std::any_of(tensor.begin(), tensor.end(),
                    [](float x) { return std::isnan(x); })) {
      return false;
    }
    model.graph->Run(tensor.data(), output.data());
    StoreLogits(model, output, logits);
    images += model.image_bytes();
    logits += model.output_bytes();
  }
  return true;
}

uint16_t FloatToHalf(float value) {
  constexpr int kFractionBits = 10;
  constexpr int kMinExponent = -14;  // of a normal number
  constexpr int kBias = 15;
  constexpr float kOverflow = 65520.0f;  // rounds to 2^16
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  if (std::isnan(value)) return static_cast<uint16_t>(sign | 0x7E00);
  const float magnitude = std::fabs(value);
  if (magnitude >= kOverflow) return static_cast<uint16_t>(sign | 0x7C00);
  int exponent = magnitude == 0 ? kMinExponent : std::ilogb(magnitude);
  exponent = std::max(exponent, kMinExponent);
  // In units of the last bit. A carry into the exponent is correct, because the
  // exponent bits follow the fraction bits.
  const auto units = static_cast<uint32_t>(
      std::nearbyint(std::ldexp(magnitude, kFractionBits - exponent)));
  const auto biased = static_cast<uint32_t>(exponent + kBias - 1)
                      << kFractionBits;
  const bool subnormal = units < (1u << kFractionBits);
  return static_cast<uint16_t>(sign | (subnormal ? units : biased + units));
}

}  // namespace lenet::ascend::sim

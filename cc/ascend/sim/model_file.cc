#include "cc/ascend/sim/model_file.h"

#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cc/ascend/sim/float16.h"
#include "cc/mindir/reader.h"

namespace lenet::ascend::sim {
namespace {

constexpr absl::string_view kMagic = "SIMOM001";
constexpr uint32_t kHeaderBytes = 160;
constexpr size_t kSocBytes = 32;
constexpr size_t kGears = 16;
constexpr uint32_t kMaxImages = 4096;
constexpr uint32_t kMaxSide = 4096;

// Reads numbers one after the other; the caller knows that there are enough.
class Reader {
 public:
  explicit Reader(absl::string_view rest) : rest_(rest) {}

  absl::string_view Bytes(size_t count) {
    const absl::string_view bytes = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return bytes;
  }

  template <typename T>
  T Number() {
    T number;
    std::memcpy(&number, Bytes(sizeof(T)).data(), sizeof(T));
    return number;
  }

 private:
  absl::string_view rest_;
};

struct Header {
  uint32_t crc = 0;
  uint32_t input_type = 0;
  uint32_t aipp = 0;
  uint32_t output_type = 0;
  uint32_t gear_count = 0;
  uint64_t body_bytes = 0;
};

Header ReadHeader(absl::string_view file, ModelFile* model) {
  Reader reader(file);
  reader.Bytes(kMagic.size() + sizeof(uint32_t));
  Header header;
  header.crc = reader.Number<uint32_t>();
  const absl::string_view soc = reader.Bytes(kSocBytes);
  model->soc = std::string(soc.substr(0, soc.find('\0')));
  header.input_type = reader.Number<uint32_t>();
  header.aipp = reader.Number<uint32_t>();
  model->aipp_mean = reader.Number<float>();
  model->aipp_min = reader.Number<float>();
  model->aipp_var_reci = reader.Number<float>();
  model->height = reader.Number<uint32_t>();
  model->width = reader.Number<uint32_t>();
  header.output_type = reader.Number<uint32_t>();
  header.gear_count = reader.Number<uint32_t>();
  for (size_t i = 0; i < kGears; ++i) {
    const auto gear = reader.Number<uint32_t>();
    if (i < header.gear_count) model->gears.push_back(gear);
  }
  model->batch = reader.Number<uint32_t>();
  header.body_bytes = reader.Number<uint64_t>();
  if (!model->gears.empty()) model->batch = model->gears.back();
  model->aipp = static_cast<AippFormat>(header.aipp);
  model->half_output = header.output_type == ACL_FLOAT16;
  return header;
}

// "" if the header is one that the Python writer could have written.
std::string CheckHeader(const Header& header, const ModelFile& model) {
  const bool bytes = header.input_type == ACL_UINT8;
  if (!bytes && header.input_type != ACL_FLOAT) return "unknown input type";
  if (header.aipp > 2 || bytes != (header.aipp != 0)) {
    return "an AIPP and an input of bytes go together";
  }
  if (header.output_type > 1) return "unknown output type";
  if (header.gear_count > kGears ||
      !std::is_sorted(model.gears.begin(), model.gears.end()) ||
      (!model.gears.empty() && model.gears.front() == 0)) {
    return "wrong gears";
  }
  if (model.batch == 0 || model.batch > kMaxImages) return "wrong batch";
  if (model.height == 0 || model.width == 0 || model.height > kMaxSide ||
      model.width > kMaxSide) {
    return "wrong size of an image";
  }
  return "";
}

// "" if the network of the body is what the header says.
std::string ReadBody(absl::string_view body, ModelFile* model) {
  const absl::StatusOr<MindIrModel> network = ReadMindIr(body);
  if (!network.ok()) return std::string(network.status().message());
  absl::StatusOr<std::unique_ptr<graph::Graph>> graph =
      graph::Graph::Create(*network, /*threads=*/1);
  if (!graph.ok()) return std::string(graph.status().message());
  if ((*graph)->batch() != 1 || (*graph)->input_size() != model->pixels()) {
    return "the network takes other images than the header says";
  }
  model->input_name = network->inputs[0].name;
  model->output_name = network->outputs[0].name;
  model->graph = *std::move(graph);
  model->body_bytes = body.size();
  return "";
}

uint32_t Crc(absl::string_view bytes) {
  return static_cast<uint32_t>(
      crc32(crc32(0, nullptr, 0), reinterpret_cast<const Bytef*>(bytes.data()),
            static_cast<uInt>(bytes.size())));
}

}  // namespace

size_t ModelFile::image_bytes() const {
  switch (aipp) {
    case AippFormat::kYuv400:
      return pixels();
    case AippFormat::kYuv420sp:
      return pixels() * 3 / 2;
    case AippFormat::kNone:
      break;
  }
  return pixels() * sizeof(float);
}

size_t ModelFile::output_bytes() const {
  return graph->output_size() *
         (half_output ? sizeof(uint16_t) : sizeof(float));
}

std::variant<ModelFile, ModelFileError> ReadModelFile(absl::string_view file) {
  const auto refuse = [](std::string text) {
    return ModelFileError{ACL_ERROR_GE_PARAM_INVALID, std::move(text)};
  };
  if (file.size() < kHeaderBytes || file.substr(0, kMagic.size()) != kMagic) {
    return refuse("not a model file of the simulator");
  }
  ModelFile model;
  const Header header = ReadHeader(file, &model);
  if (Reader(file.substr(kMagic.size())).Number<uint32_t>() != kHeaderBytes) {
    return refuse("the header has another size");
  }
  const std::string wrong = CheckHeader(header, model);
  if (!wrong.empty()) return refuse(wrong);
  const absl::string_view body = file.substr(kHeaderBytes);
  if (body.size() != header.body_bytes) {
    return refuse(absl::StrCat("the body has ", body.size(), " bytes, not ",
                               header.body_bytes));
  }
  if (Crc(body) != header.crc) {
    return ModelFileError{ACL_ERROR_GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED,
                          "the weights are damaged"};
  }
  const std::string unfit = ReadBody(body, &model);
  if (!unfit.empty()) {
    return ModelFileError{ACL_ERROR_GE_EXEC_LOAD_MODEL_PARTITION_FAILED, unfit};
  }
  return model;
}

void PrepareImage(const ModelFile& model, const char* image, float* tensor) {
  if (model.aipp == AippFormat::kNone) {
    std::memcpy(tensor, image, model.image_bytes());
    return;
  }
  // Of YUV420SP the network takes the first plane only, as of YUV400.
  const float mean = RoundToHalf(model.aipp_mean);
  const float minimum = RoundToHalf(model.aipp_min);
  const float factor = RoundToHalf(model.aipp_var_reci);
  for (size_t i = 0; i < model.pixels(); ++i) {
    const auto luma = static_cast<float>(static_cast<uint8_t>(image[i]));
    const float centred = RoundToHalf(RoundToHalf(luma - mean) - minimum);
    tensor[i] = RoundToHalf(centred * factor);
  }
}

}  // namespace lenet::ascend::sim

#include "cc/ascend/sim/model_file.h"

#include <cmath>
#include <cstring>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "cc/ascend/om_testing.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

constexpr size_t kHeaderBytes = 160;

ModelFile Good(const OmOptions& options) {
  return std::move(std::get<ModelFile>(ReadModelFile(SimulatorOm(options))));
}

aclError CodeOf(const std::string& file) {
  const auto read = ReadModelFile(file);
  const auto* const error = std::get_if<ModelFileError>(&read);
  return error == nullptr ? ACL_SUCCESS : error->code;
}

// A file with one number of the header replaced.
std::string With(size_t offset, uint32_t number) {
  std::string file = SimulatorOm();
  std::memcpy(&file[offset], &number, sizeof(number));
  return file;
}

TEST(ModelFileTest, ReadsWhatTheWriterWrote) {
  OmOptions options = LumaOm();
  options.gears = {1, 8, 16};
  options.soc = "Ascend310P3";
  options.half_output = true;
  const ModelFile model = Good(options);
  EXPECT_EQ(model.soc, "Ascend310P3");
  EXPECT_EQ(model.aipp, AippFormat::kYuv400);
  EXPECT_EQ(model.aipp_mean, 33);
  EXPECT_EQ(model.height, 32);
  EXPECT_EQ(model.gears, (std::vector<uint32_t>{1, 8, 16}));
  EXPECT_EQ(model.batch, 16);
  EXPECT_EQ(model.image_bytes(), 1024);
  EXPECT_EQ(model.output_bytes(), 20);
  EXPECT_EQ(model.input_name, "LeNet5:x");
}

TEST(ModelFileTest, SizesOfAnImage) {
  EXPECT_EQ(Good(OmOptions()).image_bytes(), 4096);
  OmOptions nv12 = LumaOm();
  nv12.aipp_format = 2;
  EXPECT_EQ(Good(nv12).image_bytes(), 1536);
}

TEST(ModelFileTest, EveryTruncationIsRefused) {
  const std::string file = SimulatorOm();
  for (size_t size = 0; size <= kHeaderBytes; ++size) {
    EXPECT_EQ(CodeOf(file.substr(0, size)), ACL_ERROR_GE_PARAM_INVALID) << size;
  }
  EXPECT_EQ(CodeOf(file.substr(0, file.size() - 1)),
            ACL_ERROR_GE_PARAM_INVALID);
  EXPECT_EQ(CodeOf(file + "x"), ACL_ERROR_GE_PARAM_INVALID);
  EXPECT_EQ(CodeOf(file), ACL_SUCCESS);
}

TEST(ModelFileTest, EveryWrongNumberOfTheHeaderIsRefused) {
  for (const auto& [offset, number] : std::vector<std::pair<size_t, uint32_t>>{
           {0, 0},      // magic
           {8, 161},    // size of the header
           {48, 2},     // input type
           {52, 1},     // an AIPP with an input of floats
           {68, 0},     // height
           {72, 5000},  // width
           {76, 2},     // output type
           {80, 17},    // number of gears
           {80, 1},     // one gear, of 0
           {148, 0},    // batch
           {152, 7},    // size of the body
       }) {
    EXPECT_EQ(CodeOf(With(offset, number)), ACL_ERROR_GE_PARAM_INVALID)
        << offset;
  }
}

TEST(ModelFileTest, DamagedWeights) {
  std::string file = SimulatorOm();
  file[file.size() / 2] ^= 1;
  EXPECT_EQ(CodeOf(file), ACL_ERROR_GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED);
}

TEST(ModelFileTest, ANetworkForOtherImages) {
  EXPECT_EQ(CodeOf(With(68, 28)),
            ACL_ERROR_GE_EXEC_LOAD_MODEL_PARTITION_FAILED);
}

// mean_chn_0 33, min_chn_0 0.3285 and var_reci_chn_0 0.0127283 in float16 stand
// for the normalisation of the training.
TEST(ModelFileTest, AippIsNearTheNormalisation) {
  const ModelFile model = Good(LumaOm());
  double most = 0;
  for (int x = 0; x < 256; ++x) {
    const std::string image(model.pixels(), static_cast<char>(x));
    std::vector<float> tensor(model.pixels());
    PrepareImage(model, image.data(), tensor.data());
    const double expected = (x / 255.0 - 0.1307) / 0.3081;
    most = std::max(most, std::fabs(tensor.back() - expected));
  }
  EXPECT_LE(most, 5e-3);
  EXPECT_GT(most, 1e-4) << "this is not float16";
  RecordProperty("largest_difference", std::to_string(most));
}

}  // namespace
}  // namespace lenet::ascend::sim

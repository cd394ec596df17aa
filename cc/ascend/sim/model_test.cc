// Models of the built libascendcl.so, and model files.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "cc/ascend/half.h"
#include "cc/ascend/om_testing.h"
#include "cc/ascend/sim/model_file.h"
#include "cc/ascend/sim/testing.h"
#include "cc/base/file.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

constexpr size_t kHeaderBytes = 160;
constexpr size_t kImageBytes = 4096;
constexpr size_t kLogitBytes = 40;

aclError CodeOf(const std::string& file) {
  ModelFile model;
  std::string error;
  return ReadModelFile(file, &model, &error);
}

// Returns a file with one number of the header replaced.
std::string With(size_t offset, uint32_t number) {
  std::string file = SimulatorOm();
  std::memcpy(&file[offset], &number, sizeof(number));
  return file;
}

TEST(ModelFileTest, ReadsHeaderAndNetwork) {
  OmOptions options = LumaOm();
  options.gears = {1, 8, 16};
  options.soc = "Ascend310P3";
  options.half_output = true;
  ModelFile model;
  std::string error;
  ASSERT_EQ(ReadModelFile(SimulatorOm(options), &model, &error), 0) << error;
  EXPECT_EQ(model.soc, "Ascend310P3");
  EXPECT_EQ(model.aipp, AippFormat::kYuv400);
  EXPECT_EQ(model.gears, (std::vector<uint32_t>{1, 8, 16}));
  EXPECT_EQ(model.batch, 16);
  EXPECT_EQ(model.image_bytes(), 1024);
  EXPECT_EQ(model.output_bytes(), 20);
  EXPECT_EQ(model.input_name, "LeNet5:x");
}

TEST(ModelFileTest, RejectsTruncatedAndDamagedFiles) {
  const std::string file = SimulatorOm();
  for (size_t size = 0; size <= kHeaderBytes; ++size) {
    EXPECT_EQ(CodeOf(file.substr(0, size)), ACL_ERROR_GE_PARAM_INVALID) << size;
  }
  EXPECT_EQ(CodeOf(file + "x"), ACL_ERROR_GE_PARAM_INVALID);
  EXPECT_EQ(CodeOf(file), ACL_SUCCESS);
  std::string damaged = file;
  damaged[file.size() / 2] ^= 1;
  EXPECT_EQ(CodeOf(damaged), ACL_ERROR_GE_EXEC_LOAD_WEIGHT_PARTITION_FAILED);
}

TEST(ModelFileTest, RejectsInvalidNumbersInTheHeader) {
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
  // A height that is not that of the network.
  EXPECT_EQ(CodeOf(With(68, 28)),
            ACL_ERROR_GE_EXEC_LOAD_MODEL_PARTITION_FAILED);
}

TEST(FloatToHalfTest, RoundsToTheNearestAndTiesToEven) {
  for (uint32_t half = 0; half <= 0xFFFF; ++half) {
    const float value = HalfToFloat(static_cast<uint16_t>(half));
    if (std::isnan(value)) continue;
    EXPECT_EQ(FloatToHalf(value), half);
  }
  EXPECT_EQ(HalfToFloat(FloatToHalf(2049)), 2048);
  EXPECT_EQ(HalfToFloat(FloatToHalf(2051)), 2052);
  EXPECT_EQ(HalfToFloat(FloatToHalf(-1.0004f)), -1);
  EXPECT_EQ(FloatToHalf(std::ldexp(1.0f, -25)), 0);
  EXPECT_EQ(FloatToHalf(std::ldexp(3.0f, -25)), 2);
  EXPECT_EQ(FloatToHalf(65519), 0x7BFF);
  EXPECT_EQ(FloatToHalf(65520), 0x7C00);
  EXPECT_TRUE(std::isnan(HalfToFloat(FloatToHalf(std::nanf("")))));
}

std::string Path() { return testing::TempDir() + "model.om"; }

// A loaded model with an input and an output of one batch.
struct Loaded {
  explicit Loaded(const Functions& functions, size_t batch = 1)
      : acl(functions),
        in_bytes(batch * kImageBytes),
        out_bytes(batch * kLogitBytes),
        in(Malloc(acl, in_bytes)),
        out(Malloc(acl, out_bytes)) {
    EXPECT_EQ(acl.aclmdlLoadFromFile(Path().c_str(), &id), 0);
    inputs = Dataset(in, in_bytes);
    outputs = Dataset(out, out_bytes);
  }

  ~Loaded() {
    for (aclDataBuffer* buffer : buffers) acl.aclDestroyDataBuffer(buffer);
    for (aclmdlDataset* dataset : datasets) acl.aclmdlDestroyDataset(dataset);
    acl.aclmdlUnload(id);
    acl.aclrtFree(in);
    acl.aclrtFree(out);
  }

  aclmdlDataset* Dataset(void* data, size_t size) {
    datasets.push_back(acl.aclmdlCreateDataset());
    Add(datasets.back(), data, size);
    return datasets.back();
  }

  void Add(aclmdlDataset* dataset, void* data, size_t size) {
    buffers.push_back(acl.aclCreateDataBuffer(data, size));
    EXPECT_EQ(acl.aclmdlAddDatasetBuffer(dataset, buffers.back()), 0);
  }

  void WriteInput() const {
    EXPECT_EQ(acl.aclrtMemset(in, in_bytes, 0, in_bytes), 0);
  }

  std::vector<float> Logits() const {
    std::vector<float> logits(out_bytes / sizeof(float));
    EXPECT_EQ(acl.aclrtMemcpy(logits.data(), out_bytes, out, out_bytes,
                              ACL_MEMCPY_DEVICE_TO_HOST),
              0);
    return logits;
  }

  aclError Execute() const { return acl.aclmdlExecute(id, inputs, outputs); }

  const Functions& acl;
  const size_t in_bytes;
  const size_t out_bytes;
  char* const in;
  char* const out;
  uint32_t id = 0;
  std::vector<aclDataBuffer*> buffers;
  std::vector<aclmdlDataset*> datasets;
  aclmdlDataset* inputs = nullptr;
  aclmdlDataset* outputs = nullptr;
};

Child WithModel(const OmOptions& om, const Body& body,
                const Environment& environment = {}) {
  EXPECT_TRUE(WriteFileAtomically(Path(), SimulatorOm(om)).ok());
  return InSession(environment, body);
}

TEST(ModelTest, ExecutesAtOnceOrOnAStream) {
  ExpectClean(WithModel({}, [](const Functions& acl) {
    const Loaded model(acl);
    model.WriteInput();
    EXPECT_EQ(
        acl.aclmdlExecuteAsync(model.id, model.inputs, model.outputs, nullptr),
        0);
    EXPECT_TRUE(std::isnan(model.Logits()[0]));
    EXPECT_EQ(acl.aclrtSynchronizeStream(nullptr), 0);
    const std::vector<float> logits = model.Logits();
    for (const float logit : logits) EXPECT_TRUE(std::isfinite(logit));
    EXPECT_EQ(acl.aclrtMemset(model.out, model.out_bytes, 0, 1), 0);
    EXPECT_EQ(model.Execute(), 0);
    EXPECT_EQ(model.Logits(), logits);
  }));
}

TEST(ModelTest, TheGearHoldsForOneExecution) {
  OmOptions options;
  options.gears = {1, 4};
  const auto run = [&options](bool twice) {
    return WithModel(options, [twice](const Functions& acl) {
      Loaded model(acl, 4);
      char* const gear = Malloc(acl, 8);
      model.Add(model.inputs, gear, 8);
      model.WriteInput();
      const auto set_batch = [&](size_t index, uint64_t batch) {
        return acl.aclmdlSetDynamicBatchSize(model.id, model.inputs, index,
                                             batch);
      };
      EXPECT_EQ(set_batch(1, 3), ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID);
      EXPECT_EQ(set_batch(0, 1), ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID);
      EXPECT_EQ(set_batch(1, 1), 0);
      EXPECT_EQ(model.Execute(), 0);
      EXPECT_TRUE(std::isfinite(model.Logits()[9]));
      EXPECT_TRUE(std::isnan(model.Logits()[10]));
      if (twice) {
        EXPECT_EQ(model.Execute(), ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID);
      }
      EXPECT_EQ(acl.aclrtFree(gear), 0);
    });
  };
  ExpectClean(run(false));
  ExpectViolation("aclmdlSetDynamicBatchSize", run(true));
}

TEST(ModelTest, RejectsFilesAndBuffers) {
  const auto load = [](aclError code) {
    return [code](const Functions& acl) {
      uint32_t id = 0;
      EXPECT_EQ(acl.aclmdlLoadFromFile(Path().c_str(), &id), code);
    };
  };
  OmOptions other;
  other.soc = "Ascend310P3";
  ExpectClean(WithModel(other, load(ACL_ERROR_RT_SOC_VERSION)));
  ExpectClean(WithModel({}, load(ACL_ERROR_GE_DEVICE_MEMORY_ALLOCATION_FAILED),
                        {{"LENET_SIM_MEMORY", "65536"}}));
  ExpectClean(WithModel({}, [](const Functions& acl) {
    Loaded model(acl);
    model.WriteInput();
    const auto execute = [&](aclmdlDataset* inputs) {
      return acl.aclmdlExecute(model.id, inputs, model.outputs);
    };
    EXPECT_EQ(execute(model.Dataset(model.in, kImageBytes - 65)),
              ACL_ERROR_GE_PARAM_INVALID);
    aclmdlDataset* const longer = model.Dataset(model.in, kImageBytes + 1000);
    EXPECT_EQ(execute(longer), 0);
    model.Add(longer, model.in, kImageBytes);
    EXPECT_EQ(execute(longer), ACL_ERROR_GE_PARAM_INVALID);
    EXPECT_EQ(acl.aclmdlSetDynamicBatchSize(model.id, model.inputs, 0, 1),
              ACL_ERROR_MODEL_NOT_DYNAMIC);
  }));
}

TEST(ModelTest, Violations) {
  struct Case {
    const char* text;
    Body body;
  };
  const Case cases[] = {
      {"not written",
       [](const Functions& acl) {
         const Loaded model(acl);
         EXPECT_EQ(model.Execute(), ACL_ERROR_RT_MODEL_EXECUTE);
       }},
      {"memory of the device",
       [](const Functions& acl) {
         Loaded model(acl);
         std::vector<char> host(kImageBytes);
         EXPECT_EQ(acl.aclmdlExecute(model.id,
                                     model.Dataset(host.data(), host.size()),
                                     model.outputs),
                   ACL_ERROR_RT_MODEL_EXECUTE);
       }},
      {"no model has the id",
       [](const Functions& acl) {
         uint32_t id = 0;
         EXPECT_EQ(acl.aclmdlLoadFromFile(Path().c_str(), &id), 0);
         EXPECT_EQ(acl.aclmdlUnload(id), 0);
         EXPECT_EQ(acl.aclmdlUnload(id), ACL_ERROR_GE_EXEC_MODEL_ID_INVALID);
       }},
      {"another context",
       [](const Functions& acl) {
         const Loaded model(acl);
         aclrtContext context = nullptr;
         EXPECT_EQ(acl.aclrtCreateContext(&context, 0), 0);
         EXPECT_EQ(model.Execute(), ACL_ERROR_RT_MODEL_CONTEXT);
         EXPECT_EQ(acl.aclrtDestroyContext(context), 0);
         EXPECT_EQ(acl.aclrtSetDevice(0), 0);
       }},
      {"two streams",
       [](const Functions& acl) {
         const Loaded model(acl);
         model.WriteInput();
         aclrtStream streams[2] = {};
         EXPECT_EQ(acl.aclrtCreateStream(&streams[0]), 0);
         for (aclrtStream stream : streams) {
           EXPECT_EQ(acl.aclmdlExecuteAsync(model.id, model.inputs,
                                            model.outputs, stream),
                     0);
         }
         for (aclrtStream stream : streams) {
           EXPECT_EQ(acl.aclrtSynchronizeStream(stream), 0);
         }
         EXPECT_EQ(acl.aclrtDestroyStream(streams[0]), 0);
       }},
      {"aclmdlLoadFromFile: leak: model",
       [](const Functions& acl) {
         uint32_t id = 0;
         EXPECT_EQ(acl.aclmdlLoadFromFile(Path().c_str(), &id), 0);
       }},
  };
  for (const Case& test : cases) {
    ExpectViolation(test.text, WithModel({}, test.body));
  }
}

}  // namespace
}  // namespace lenet::ascend::sim

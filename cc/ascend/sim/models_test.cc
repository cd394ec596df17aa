// Models of the built libascendcl.so.

#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cc/ascend/acl_types.h"
#include "cc/ascend/om_testing.h"
#include "cc/ascend/sim/testing.h"
#include "cc/base/file.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

constexpr size_t kImageBytes = 4096;
constexpr size_t kLogitBytes = 40;

std::string Path() { return testing::TempDir() + "model.om"; }

void* Malloc(const Functions& acl, size_t size) {
  void* pointer = nullptr;
  EXPECT_EQ(acl.aclrtMalloc(&pointer, size, ACL_MEM_MALLOC_NORMAL_ONLY), 0);
  return pointer;
}

// A loaded model with an input and an output of one batch.
struct Loaded {
  explicit Loaded(const Functions& functions, size_t batch = 1,
                  size_t image_bytes = kImageBytes)
      : acl(functions),
        in_bytes(batch * image_bytes),
        out_bytes(batch * kLogitBytes),
        in(Malloc(acl, in_bytes)),
        out(Malloc(acl, out_bytes)) {
    EXPECT_EQ(acl.aclmdlLoadFromFile(Path().c_str(), &id), 0);
    desc = acl.aclmdlCreateDesc();
    EXPECT_EQ(acl.aclmdlGetDesc(desc, id), 0);
    inputs = Dataset(in, in_bytes);
    outputs = Dataset(out, out_bytes);
  }

  ~Loaded() {
    for (aclDataBuffer* buffer : buffers) acl.aclDestroyDataBuffer(buffer);
    acl.aclmdlDestroyDataset(inputs);
    acl.aclmdlDestroyDataset(outputs);
    acl.aclmdlUnload(id);
    acl.aclmdlDestroyDesc(desc);
    acl.aclrtFree(in);
    acl.aclrtFree(out);
  }

  aclmdlDataset* Dataset(void* data, size_t size) {
    aclmdlDataset* const dataset = acl.aclmdlCreateDataset();
    Add(dataset, data, size);
    return dataset;
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
  void* const in;
  void* const out;
  uint32_t id = 0;
  aclmdlDesc* desc = nullptr;
  std::vector<aclDataBuffer*> buffers;
  aclmdlDataset* inputs = nullptr;
  aclmdlDataset* outputs = nullptr;
};

Outcome WithModel(const OmOptions& om,
                  const std::function<void(const Functions&)>& body,
                  const Environment& environment = {}) {
  EXPECT_TRUE(WriteFileAtomically(Path(), SimulatorOm(om)).ok());
  return InChild(environment, [&body](const Functions& acl) {
    Begin(acl);
    body(acl);
    End(acl);
  });
}

TEST(ModelsTest, ExecutesAtOnce) {
  ExpectClean(WithModel({}, [](const Functions& acl) {
    const Loaded model(acl);
    model.WriteInput();
    EXPECT_EQ(model.Execute(), 0);
    for (const float logit : model.Logits()) EXPECT_TRUE(std::isfinite(logit));
  }));
}

TEST(ModelsTest, OnAStreamNothingHappensBeforeTheSynchronisation) {
  ExpectClean(WithModel({}, [](const Functions& acl) {
    const Loaded model(acl);
    model.WriteInput();
    aclrtStream stream = nullptr;
    EXPECT_EQ(acl.aclrtCreateStream(&stream), 0);
    EXPECT_EQ(
        acl.aclmdlExecuteAsync(model.id, model.inputs, model.outputs, stream),
        0);
    EXPECT_TRUE(std::isnan(model.Logits()[0]));
    EXPECT_EQ(acl.aclrtSynchronizeStream(stream), 0);
    EXPECT_TRUE(std::isfinite(model.Logits()[0]));
    EXPECT_EQ(acl.aclrtDestroyStream(stream), 0);
  }));
}

TEST(ModelsTest, DescribesItself) {
  OmOptions options = LumaOm();
  options.gears = {1, 8};
  ExpectClean(WithModel(options, [](const Functions& acl) {
    const Loaded model(acl);
    EXPECT_EQ(acl.aclmdlGetNumInputs(model.desc), 2);
    EXPECT_EQ(acl.aclmdlGetNumOutputs(model.desc), 1);
    EXPECT_EQ(acl.aclmdlGetInputSizeByIndex(model.desc, 0), 8 * 1024);
    EXPECT_EQ(acl.aclmdlGetInputSizeByIndex(model.desc, 2), 0);
    EXPECT_EQ(acl.aclmdlGetOutputSizeByIndex(model.desc, 0), 8 * kLogitBytes);
    EXPECT_EQ(acl.aclmdlGetInputDataType(model.desc, 0), ACL_UINT8);
    aclmdlIODims dims;
    EXPECT_EQ(acl.aclmdlGetInputDims(model.desc, 0, &dims), 0);
    EXPECT_EQ(dims.dims[0], -1);
    size_t index = 0;
    EXPECT_EQ(acl.aclmdlGetInputIndexByName(model.desc, kAclDynamicTensorName,
                                            &index),
              0);
    EXPECT_EQ(index, 1);
    aclmdlInputAippType type = ACL_DATA_WITHOUT_AIPP;
    EXPECT_EQ(acl.aclmdlGetAippType(model.id, 0, &type, &index), 0);
    EXPECT_EQ(type, ACL_DATA_WITH_STATIC_AIPP);
    const auto info = std::make_unique<aclAippInfo>();
    EXPECT_EQ(acl.aclmdlGetFirstAippInfo(model.id, 0, info.get()), 0);
    EXPECT_EQ(info->meanChn0, 33);
  }));
}

TEST(ModelsTest, TheGearHoldsForOneExecution) {
  OmOptions options;
  options.gears = {1, 4};
  const auto run = [](bool twice) {
    return [twice](const Functions& acl) {
      Loaded model(acl, 4);
      void* const gear = Malloc(acl, 8);
      model.Add(model.inputs, gear, 8);
      model.WriteInput();
      EXPECT_EQ(acl.aclmdlSetDynamicBatchSize(model.id, model.inputs, 1, 3),
                ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID);
      EXPECT_EQ(acl.aclmdlSetDynamicBatchSize(model.id, model.inputs, 0, 1),
                ACL_ERROR_GE_DYNAMIC_INPUT_ADDR_INVALID);
      EXPECT_EQ(acl.aclmdlSetDynamicBatchSize(model.id, model.inputs, 1, 1), 0);
      EXPECT_EQ(model.Execute(), 0);
      EXPECT_TRUE(std::isfinite(model.Logits()[9]));
      EXPECT_TRUE(std::isnan(model.Logits()[10]));
      if (twice) {
        EXPECT_EQ(model.Execute(), ACL_ERROR_GE_DYNAMIC_BATCH_SIZE_INVALID);
      }
      EXPECT_EQ(acl.aclrtFree(gear), 0);
    };
  };
  ExpectClean(WithModel(options, run(false)));
  ExpectComplaint(WithModel(options, run(true)), "aclmdlSetDynamicBatchSize");
}

TEST(ModelsTest, RefusesFiles) {
  const auto load = [](aclError code) {
    return [code](const Functions& acl) {
      uint32_t id = 0;
      EXPECT_EQ(acl.aclmdlLoadFromFile(Path().c_str(), &id), code);
      EXPECT_EQ(acl.aclmdlLoadFromFile("/no/such/file", &id),
                ACL_ERROR_GE_EXEC_MODEL_PATH_INVALID);
      EXPECT_EQ(acl.aclmdlLoadFromFile(nullptr, &id), ACL_ERROR_INVALID_PARAM);
    };
  };
  OmOptions other;
  other.soc = "Ascend310P3";
  ExpectClean(WithModel(other, load(ACL_ERROR_RT_SOC_VERSION)));
  ExpectClean(WithModel({}, load(ACL_ERROR_GE_DEVICE_MEMORY_ALLOCATION_FAILED),
                        {{"LENET_SIM_MEMORY", "65536"}}));
}

TEST(ModelsTest, RefusesBuffers) {
  ExpectClean(WithModel({}, [](const Functions& acl) {
    Loaded model(acl);
    model.WriteInput();
    aclmdlDataset* const shorter = model.Dataset(model.in, kImageBytes - 65);
    EXPECT_EQ(acl.aclmdlExecute(model.id, shorter, model.outputs),
              ACL_ERROR_GE_PARAM_INVALID);
    aclmdlDataset* const longer = model.Dataset(model.in, kImageBytes + 1000);
    EXPECT_EQ(acl.aclmdlExecute(model.id, longer, model.outputs), 0);
    model.Add(longer, model.in, kImageBytes);
    EXPECT_EQ(acl.aclmdlExecute(model.id, longer, model.outputs),
              ACL_ERROR_GE_PARAM_INVALID);
    EXPECT_EQ(acl.aclmdlSetDynamicBatchSize(model.id, model.inputs, 0, 1),
              ACL_ERROR_MODEL_NOT_DYNAMIC);
    const auto info = std::make_unique<aclAippInfo>();
    EXPECT_EQ(acl.aclmdlGetFirstAippInfo(model.id, 0, info.get()),
              ACL_ERROR_GE_AIPP_NOT_EXIST);
    acl.aclmdlDestroyDataset(shorter);
    acl.aclmdlDestroyDataset(longer);
  }));
}

TEST(ModelsTest, ComplainsOfAnInputThatWasNeverWritten) {
  ExpectComplaint(WithModel({},
                            [](const Functions& acl) {
                              const Loaded model(acl);
                              EXPECT_EQ(model.Execute(),
                                        ACL_ERROR_RT_MODEL_EXECUTE);
                            }),
                  "not written");
}

TEST(ModelsTest, ComplainsOfMemoryOfTheHost) {
  ExpectComplaint(
      WithModel({},
                [](const Functions& acl) {
                  Loaded model(acl);
                  std::vector<char> host(kImageBytes);
                  aclmdlDataset* const inputs =
                      model.Dataset(host.data(), host.size());
                  EXPECT_EQ(acl.aclmdlExecute(model.id, inputs, model.outputs),
                            ACL_ERROR_RT_MODEL_EXECUTE);
                  acl.aclmdlDestroyDataset(inputs);
                }),
      "memory of the device");
}

TEST(ModelsTest, ComplainsOfAnUnknownModel) {
  ExpectComplaint(
      WithModel({},
                [](const Functions& acl) {
                  uint32_t id = 0;
                  EXPECT_EQ(acl.aclmdlLoadFromFile(Path().c_str(), &id), 0);
                  EXPECT_EQ(acl.aclmdlUnload(id), 0);
                  EXPECT_EQ(acl.aclmdlUnload(id),
                            ACL_ERROR_GE_EXEC_MODEL_ID_INVALID);
                }),
      "no model has the id");
}

TEST(ModelsTest, ComplainsOfAnotherContext) {
  ExpectComplaint(WithModel({},
                            [](const Functions& acl) {
                              const Loaded model(acl);
                              aclrtContext second = nullptr;
                              EXPECT_EQ(acl.aclrtCreateContext(&second, 0), 0);
                              EXPECT_EQ(model.Execute(),
                                        ACL_ERROR_RT_MODEL_CONTEXT);
                              EXPECT_EQ(acl.aclrtDestroyContext(second), 0);
                              EXPECT_EQ(acl.aclrtSetDevice(0), 0);
                            }),
                  "another context");
}

TEST(ModelsTest, ComplainsOfAModelOnTwoStreams) {
  ExpectComplaint(
      WithModel({},
                [](const Functions& acl) {
                  const Loaded model(acl);
                  model.WriteInput();
                  aclrtStream streams[2];
                  for (aclrtStream& stream : streams) {
                    EXPECT_EQ(acl.aclrtCreateStream(&stream), 0);
                    EXPECT_EQ(acl.aclmdlExecuteAsync(model.id, model.inputs,
                                                     model.outputs, stream),
                              0);
                  }
                  for (aclrtStream stream : streams) {
                    EXPECT_EQ(acl.aclrtSynchronizeStream(stream), 0);
                    EXPECT_EQ(acl.aclrtDestroyStream(stream), 0);
                  }
                }),
      "two streams");
}

TEST(ModelsTest, AModelThatIsNotUnloadedIsALeak) {
  ExpectComplaint(
      WithModel({},
                [](const Functions& acl) {
                  uint32_t id = 0;
                  EXPECT_EQ(acl.aclmdlLoadFromFile(Path().c_str(), &id), 0);
                }),
      "aclmdlLoadFromFile");
}

}  // namespace
}  // namespace lenet::ascend::sim

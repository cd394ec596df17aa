// Runs the trained LeNet-5 over a set of images with an engine of this project:
// what latency.py does for the peers in Python, in the same way.

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/base/file.h"
#include "cc/base/latency.h"
#include "cc/engine/engine.h"
#include "cc/engine/lite_plugin.h"
#include "cc/engine/native_engine.h"
#include "cc/image/dataset.h"

ABSL_FLAG(std::string, output, "", "JSON file to write");
ABSL_FLAG(std::string, engine, "native", "native or lite");
ABSL_FLAG(std::string, model, "", "MindIR file; its batch size is taken");
ABSL_FLAG(std::string, images, "", "what OpenDataset opens");
ABSL_FLAG(std::string, lite_plugin, "", "shared library of the engine lite");
ABSL_FLAG(int, threads, 1, "of the engine");

namespace lenet {
namespace {

constexpr size_t kWarmUp = 200;  // calls
constexpr size_t kClasses = 10;

struct Measured {
  LatencyRecorder::Summary latency;
  std::vector<size_t> classes;
};

// All images, prepared, in one array; whole batches, the last filled by zeros.
absl::StatusOr<std::vector<float>> Prepare(const Dataset& dataset,
                                           size_t batch) {
  const size_t size = dataset.tensor_size();
  const size_t batches = (dataset.size() + batch - 1) / batch;
  std::vector<float> images(batches * batch * size);
  for (size_t i = 0; i < dataset.size(); ++i) {
    LENET_RETURN_IF_ERROR(
        dataset.Load(i, absl::MakeSpan(images).subspan(i * size, size)));
  }
  return images;
}

// Runs one full batch.
absl::Status RunBatch(absl::Span<const float> tensors, Engine* engine,
                      std::vector<float>* logits) {
  Batch batch;
  batch.size = logits->size() / kClasses;
  batch.tensors = tensors;
  LENET_RETURN_IF_ERROR(engine->Start(batch));
  return engine->Finish(absl::MakeSpan(*logits));
}

absl::StatusOr<Measured> Measure(const std::vector<float>& images, size_t count,
                                 Engine* engine) {
  using Clock = std::chrono::steady_clock;
  const size_t batch = static_cast<size_t>(engine->input().shape[0]);
  const size_t stride = batch * static_cast<size_t>(engine->input().shape[2] *
                                                    engine->input().shape[3]);
  const size_t batches = images.size() / stride;
  const absl::Span<const float> all = absl::MakeConstSpan(images);
  std::vector<float> out(batch * kClasses);
  for (size_t i = 0; i < std::min(batches, kWarmUp); ++i) {
    LENET_RETURN_IF_ERROR(
        RunBatch(all.subspan(i * stride, stride), engine, &out));
  }
  LatencyRecorder latency;
  Measured measured;
  for (size_t i = 0; i < batches; ++i) {
    const Clock::time_point start = Clock::now();
    LENET_RETURN_IF_ERROR(
        RunBatch(all.subspan(i * stride, stride), engine, &out));
    latency.Add(std::chrono::nanoseconds(Clock::now() - start).count());
    for (size_t j = 0; j < batch && measured.classes.size() < count; ++j) {
      const auto logits =
          out.begin() + static_cast<std::ptrdiff_t>(j * kClasses);
      const auto best = std::max_element(logits, logits + kClasses);
      measured.classes.push_back(static_cast<size_t>(best - logits));
    }
  }
  measured.latency = latency.Summarize();
  return measured;
}

std::string Json(const Measured& measured) {
  const LatencyRecorder::Summary& latency = measured.latency;
  return absl::StrCat(
      absl::StrFormat("{\"p50_us\": %.3f, \"p99_us\": %.3f, ",
                      latency.p50_ms * 1e3, latency.p99_ms * 1e3),
      absl::StrFormat("\"total_ms\": %.6f, \"versions\": {}, ",
                      latency.mean_ms * static_cast<double>(latency.count)),
      "\"classes\": [", absl::StrJoin(measured.classes, ", "), "]}\n");
}

absl::Status RealMain() {
  EngineOptions options;
  options.model_path = absl::GetFlag(FLAGS_model);
  options.device_target = DeviceTarget::kCpu;
  options.threads = absl::GetFlag(FLAGS_threads);
  options.lite_plugin = absl::GetFlag(FLAGS_lite_plugin);
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<Engine> engine,
                         absl::GetFlag(FLAGS_engine) == "lite"
                             ? CreateLiteEngine(options)
                             : CreateNativeEngine(options));
  DatasetOptions dataset_options;
  dataset_options.path = absl::GetFlag(FLAGS_images);
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> dataset,
                         OpenDataset(dataset_options));
  const size_t batch = static_cast<size_t>(engine->input().shape[0]);
  LENET_ASSIGN_OR_RETURN(const std::vector<float> images,
                         Prepare(*dataset, batch));
  LENET_ASSIGN_OR_RETURN(const Measured measured,
                         Measure(images, dataset->size(), engine.get()));
  return WriteFileAtomically(absl::GetFlag(FLAGS_output), Json(measured));
}

}  // namespace
}  // namespace lenet

int main(int argc, char** argv) {
  absl::ParseCommandLine(argc, argv);
  const absl::Status status = lenet::RealMain();
  if (status.ok()) return 0;
  std::fprintf(stderr, "engine_infer: error: %s\n",
               std::string(status.message()).c_str());
  return lenet::ExitCode(status);
}

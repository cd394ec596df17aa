#include "cc/inference/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/file.h"
#include "cc/base/latency.h"
#include "cc/base/status_macros.h"
#include "cc/engine/ascend_device.h"
#include "cc/engine/engine.h"
#include "cc/engine/lenet_shapes.h"
#include "cc/engine/registry.h"
#include "cc/image/dataset.h"
#include "cc/image/prefetcher.h"
#include "cc/inference/interrupt.h"
#include "cc/inference/progress.h"
#include "cc/inference/result_folder.h"
#include "cc/inference/result_writer.h"
#include "cc/inference/sha256.h"

namespace lenet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kLeastAhead = 64;  // images decoded before they are needed

int ThreadCount(int threads) {
  if (threads > 0) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

absl::Status CheckDecoder(const Infer310Options& options) {
  if (!options.dvpp) return absl::OkStatus();
  const absl::Status ascend = CheckAscend(options.device_id);
  if (!ascend.ok()) {
    return absl::UnavailableError(
        absl::StrCat("cpu_dvpp=DVPP needs an Ascend 310; decode on the CPU by "
                     "--cpu_dvpp=CPU. ",
                     ascend.message()));
  }
  return absl::UnimplementedError(
      "no engine in this program decodes by DVPP; decode on the CPU by "
      "--cpu_dvpp=CPU");
}

absl::Status CheckModelFits(const Infer310Options& options,
                            const Engine& engine) {
  const std::vector<int64_t>& shape = engine.input().shape;
  if (shape[0] != options.batch_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.mindir_path, ": the model takes batches of ", shape[0],
        ", --batch_size is ", options.batch_size, "; give --batch_size=",
        shape[0], " or export the model with batch_size ", options.batch_size));
  }
  if (shape[2] != options.image_height || shape[3] != options.image_width) {
    return absl::InvalidArgumentError(absl::StrCat(
        options.mindir_path, ": the model takes images of ", shape[2], "x",
        shape[3], ", --image_height and --image_width are ",
        options.image_height, "x", options.image_width));
  }
  return absl::OkStatus();
}

void SayWhere(const Infer310Options& options, const std::string& engine,
              const std::string& device) {
  std::fprintf(
      stderr, "infer310: engine %s on %s%s\n", engine.c_str(), device.c_str(),
      options.device_target == DeviceTarget::kAuto ? " (--device_target=auto)"
                                                   : "");
}

// Images in order through the engine to the results.
class BatchRun {
 public:
  BatchRun(const Dataset& dataset, Engine* engine, ResultFolder* results)
      : dataset_(dataset),
        engine_(engine),
        results_(results),
        batch_(static_cast<size_t>(engine->input().shape[0])),
        in_(ElementCount(engine->input().shape)),
        out_(ElementCount(engine->output().shape)) {
    if (dataset.label(0).has_value()) correct_ = 0;
  }

  absl::Status Run(int threads) {
    const size_t size = dataset_.size();
    Prefetcher prefetcher(dataset_, 0, size, threads,
                          std::max(kLeastAhead, 2 * batch_));
    ResultWriter writer(results_);
    Progress progress(size);
    for (size_t first = 0; first < size; first += batch_) {
      if (InterruptSignal() != 0) return absl::CancelledError("interrupted");
      const size_t count = std::min(batch_, size - first);
      LENET_RETURN_IF_ERROR(Fill(count, &prefetcher));
      const Clock::time_point start = Clock::now();
      LENET_RETURN_IF_ERROR(engine_->Run(in_, absl::MakeSpan(out_)));
      latency_.Add(std::chrono::nanoseconds(Clock::now() - start).count());
      LENET_RETURN_IF_ERROR(Take(first, count, &writer));
      progress.Update(first + count);
    }
    return writer.Finish();
  }

  std::optional<size_t> correct() const { return correct_; }
  LatencyRecorder::Summary latency() const { return latency_.Summarize(); }

 private:
  // The next `count` images; a last batch that is not full ends with zeros.
  absl::Status Fill(size_t count, Prefetcher* prefetcher) {
    const size_t stride = dataset_.tensor_size();
    for (size_t i = 0; i < count; ++i) {
      LENET_RETURN_IF_ERROR(
          prefetcher->Next(absl::MakeSpan(in_).subspan(i * stride, stride)));
    }
    std::fill(in_.begin() + static_cast<std::ptrdiff_t>(count * stride),
              in_.end(), 0.0f);
    return absl::OkStatus();
  }

  absl::Status Take(size_t first, size_t count, ResultWriter* writer) {
    for (size_t i = 0; i < count; ++i) {
      const absl::Span<const float> logits =
          absl::MakeConstSpan(out_).subspan(i * kClasses, kClasses);
      if (!std::all_of(logits.begin(), logits.end(),
                       [](float x) { return std::isfinite(x); })) {
        return absl::InternalError(absl::StrCat(
            "the model gives logits that are not finite for ",
            dataset_.stem(first + i), "; its training may have diverged"));
      }
      LENET_RETURN_IF_ERROR(writer->Write(dataset_.stem(first + i), logits));
      const auto best = std::max_element(logits.begin(), logits.end());
      if (correct_.has_value() &&
          *dataset_.label(first + i) == best - logits.begin()) {
        ++*correct_;
      }
    }
    return absl::OkStatus();
  }

  const Dataset& dataset_;
  Engine* const engine_;
  ResultFolder* const results_;
  const size_t batch_;
  std::vector<float> in_;
  std::vector<float> out_;
  std::optional<size_t> correct_;
  LatencyRecorder latency_;
};

absl::StatusOr<CreatedEngine> OpenEngine(const Infer310Options& options) {
  EngineOptions engine_options;
  engine_options.model_path = options.mindir_path;
  engine_options.device_target = options.device_target;
  engine_options.device_id = options.device_id;
  engine_options.threads = options.threads;
  engine_options.aipp_path = options.aipp_path;
  engine_options.lite_plugin = options.lite_plugin;
  LENET_ASSIGN_OR_RETURN(CreatedEngine created,
                         CreateEngine(options.engine, engine_options));
  LENET_RETURN_IF_ERROR(CheckModelFits(options, *created.engine));
  SayWhere(options, created.name, created.engine->device());
  return created;
}

absl::StatusOr<std::unique_ptr<Dataset>> OpenImages(
    const Infer310Options& options) {
  DatasetOptions dataset_options;
  dataset_options.path = options.dataset_path;
  dataset_options.height = options.image_height;
  dataset_options.width = options.image_width;
  dataset_options.limit = static_cast<size_t>(options.limit);
  return OpenDataset(dataset_options);
}

}  // namespace

absl::StatusOr<Report> RunInference(const Infer310Options& options) {
  LENET_RETURN_IF_ERROR(CheckDecoder(options));
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<ResultFolder> results,
                         ResultFolder::Create(options.result_path));
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> dataset,
                         OpenImages(options));
  LENET_ASSIGN_OR_RETURN(const CreatedEngine created, OpenEngine(options));
  LENET_ASSIGN_OR_RETURN(const std::string model,
                         ReadFile(options.mindir_path, kMaxModelBytes));

  Report report;
  report.images = dataset->size();
  report.engine = created.name;
  report.device = created.engine->device();
  report.model_sha256 = Sha256Hex(model);
  report.batch_size = options.batch_size;
  report.threads = ThreadCount(options.threads);

  BatchRun run(*dataset, created.engine.get(), results.get());
  const Clock::time_point start = Clock::now();
  LENET_RETURN_IF_ERROR(run.Run(report.threads));
  report.seconds = std::chrono::duration<double>(Clock::now() - start).count();
  report.correct = run.correct();
  report.latency = run.latency();
  LENET_RETURN_IF_ERROR(results->Commit());
  const std::filesystem::path parent =
      std::filesystem::path(options.result_path).parent_path();
  LENET_RETURN_IF_ERROR(WriteReport(report, parent.string()));
  return report;
}

}  // namespace lenet

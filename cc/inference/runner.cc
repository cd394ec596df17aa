#include "cc/inference/runner.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/file.h"
#include "cc/base/sha256.h"
#include "cc/base/status_macros.h"
#include "cc/engine/engine.h"
#include "cc/image/dataset.h"
#include "cc/image/image.h"
#include "cc/image/prefetcher.h"
#include "cc/inference/engine_choice.h"
#include "cc/inference/progress.h"
#include "cc/inference/results.h"
#include "cc/kernels/thread_pool.h"

namespace lenet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kMinAhead = 64;  // images decoded in advance

void SetSamples(absl::Span<const float> samples, Batch* batch) {
  batch->tensors = samples;
}
void SetSamples(absl::Span<const uint8_t> samples, Batch* batch) {
  batch->luma = samples;
}
void SetSamples(absl::Span<const SourceImage> samples, Batch* batch) {
  batch->files = samples.first(batch->size);
}

// One run. T is the sample type of the engine's input, as for Prefetcher.
template <typename T>
class BatchRun {
 public:
  BatchRun(const Dataset& dataset, size_t batch_size, Engine* engine,
           ResultFolder* results)
      : dataset_(dataset),
        engine_(engine),
        results_(results),
        batch_size_(batch_size),
        sample_size_(Prefetcher<T>::SampleSize(dataset)),
        slots_(engine->depth()),
        logits_(batch_size * kClasses) {
    const auto capacity = static_cast<size_t>(engine->input().shape[0]);
    for (Slot& slot : slots_) slot.samples.resize(capacity * sample_size_);
    if (dataset.label(0).has_value()) outcome_.correct = 0;
  }

  absl::StatusOr<RunOutcome> Run(int threads) {
    const size_t size = dataset_.size();
    const Clock::time_point start = Clock::now();
    Prefetcher<T> prefetcher(
        dataset_, threads,
        std::max(kMinAhead, (slots_.size() + 1) * batch_size_));
    ResultWriter writer(results_);
    Progress progress(size);
    for (size_t first = 0; first < size; first += batch_size_) {
      if (InterruptSignal() != 0) return absl::CancelledError("interrupted");
      if (started_ - finished_ == slots_.size()) {
        LENET_RETURN_IF_ERROR(FinishOldest(&writer, &progress));
      }
      LENET_RETURN_IF_ERROR(
          StartNext(first, std::min(batch_size_, size - first), &prefetcher));
    }
    while (finished_ < started_) {
      LENET_RETURN_IF_ERROR(FinishOldest(&writer, &progress));
    }
    LENET_RETURN_IF_ERROR(writer.Finish());
    outcome_.seconds =
        std::chrono::duration<double>(Clock::now() - start).count();
    outcome_.latency = latency_.Summarize();
    return outcome_;
  }

 private:
  // A batch. Its storage has the model's batch size, padded with zeros.
  struct Slot {
    std::vector<T> samples;
    size_t first = 0;  // index of the first image
    size_t count = 0;
    Clock::time_point start;
  };

  absl::Status StartNext(size_t first, size_t count,
                         Prefetcher<T>* prefetcher) {
    Slot& slot = slots_[started_ % slots_.size()];
    const absl::Span<T> samples = absl::MakeSpan(slot.samples);
    for (size_t i = 0; i < count; ++i) {
      LENET_RETURN_IF_ERROR(
          prefetcher->Next(samples.subspan(i * sample_size_, sample_size_)));
    }
    // Only the last batch is partial; the rest holds an earlier batch.
    std::fill(samples.begin() + count * sample_size_, samples.end(), T());
    slot.first = first;
    slot.count = count;
    Batch batch;
    batch.size = count;
    SetSamples(absl::MakeConstSpan(slot.samples), &batch);
    slot.start = Clock::now();
    LENET_RETURN_IF_ERROR(engine_->Start(batch));
    ++started_;
    return absl::OkStatus();
  }

  absl::Status FinishOldest(ResultWriter* writer, Progress* progress) {
    const Slot& slot = slots_[finished_ % slots_.size()];
    const absl::Span<float> logits =
        absl::MakeSpan(logits_).first(slot.count * kClasses);
    LENET_RETURN_IF_ERROR(engine_->Finish(logits));
    latency_.Add(std::chrono::nanoseconds(Clock::now() - slot.start).count());
    ++finished_;
    for (size_t i = 0; i < slot.count; ++i) {
      LENET_RETURN_IF_ERROR(AddResult(
          slot.first + i, logits.subspan(i * kClasses, kClasses), writer));
    }
    progress->Update(slot.first + slot.count);
    return absl::OkStatus();
  }

  absl::Status AddResult(size_t image, absl::Span<const float> logits,
                         ResultWriter* writer) {
    if (!std::all_of(logits.begin(), logits.end(),
                     [](float x) { return std::isfinite(x); })) {
      return absl::InternalError(
          absl::StrCat("the logits of ", dataset_.stem(image),
                       " are not finite; the training may have diverged"));
    }
    LENET_RETURN_IF_ERROR(writer->Write(dataset_.stem(image), logits));
    const auto best = std::max_element(logits.begin(), logits.end());
    if (outcome_.correct.has_value() &&
        *dataset_.label(image) == best - logits.begin()) {
      ++*outcome_.correct;
    }
    return absl::OkStatus();
  }

  const Dataset& dataset_;
  Engine* const engine_;
  ResultFolder* const results_;
  const size_t batch_size_;
  const size_t sample_size_;  // elements of one image
  std::vector<Slot> slots_;   // one per concurrent batch
  std::vector<float> logits_;
  size_t started_ = 0;  // batches
  size_t finished_ = 0;
  LatencyRecorder latency_;
  RunOutcome outcome_;
};

absl::StatusOr<std::unique_ptr<Dataset>> OpenImages(
    const Infer310Options& options) {
  DatasetOptions dataset_options;
  dataset_options.path = options.dataset_path;
  dataset_options.height = options.image_height;
  dataset_options.width = options.image_width;
  dataset_options.limit = static_cast<size_t>(options.limit);
  return OpenDataset(dataset_options);
}

Report MakeReport(const Infer310Options& options, const CreatedEngine& created,
                  const RunOutcome& outcome, size_t images) {
  const EngineCounters counters = created.engine->counters();
  const bool dvpp = created.engine->form() == InputForm::kFile;
  Report report;
  report.images = images;
  report.correct = outcome.correct;
  report.latency = outcome.latency;
  report.seconds = outcome.seconds;
  report.engine = created.name;
  report.device = created.engine->device();
  report.soc_name = counters.soc_name;
  report.batch_size = options.batch_size;
  report.threads = kernels::ThreadCount(options.threads);
  report.preprocessing = dvpp ? "DVPP" : "CPU";
  report.decoded_on_device = counters.decoded_on_device;
  report.decoded_on_host = dvpp ? counters.decoded_on_host : images;
  report.pipelined = counters.pipelined;
  return report;
}

}  // namespace

absl::StatusOr<RunOutcome> RunBatches(const Dataset& dataset, size_t batch_size,
                                      int threads, Engine* engine,
                                      ResultFolder* results) {
  switch (engine->form()) {
    case InputForm::kTensor:
      return BatchRun<float>(dataset, batch_size, engine, results).Run(threads);
    case InputForm::kLuma:
      return BatchRun<uint8_t>(dataset, batch_size, engine, results)
          .Run(threads);
    case InputForm::kFile:
      return BatchRun<SourceImage>(dataset, batch_size, engine, results)
          .Run(threads);
  }
  return absl::InternalError("the engine has an unknown input form");
}

absl::StatusOr<Report> RunInference(const Infer310Options& options,
                                    const EngineFactories& factories) {
  LENET_RETURN_IF_ERROR(CheckChoice(options));
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<ResultFolder> results,
                         ResultFolder::Create(options.result_path));
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> dataset,
                         OpenImages(options));
  // The model is hashed after the run, which the user waits for.
  LENET_ASSIGN_OR_RETURN(const std::string model,
                         ReadFile(options.mindir_path, kMaxModelBytes));
  LENET_ASSIGN_OR_RETURN(const CreatedEngine created,
                         OpenEngine(options, factories));
  LENET_ASSIGN_OR_RETURN(
      const RunOutcome outcome,
      RunBatches(*dataset, static_cast<size_t>(options.batch_size),
                 kernels::ThreadCount(options.threads), created.engine.get(),
                 results.get()));
  Report report = MakeReport(options, created, outcome, dataset->size());
  report.model_sha256 = Sha256Hex(model);
  LENET_RETURN_IF_ERROR(results->Commit());
  const std::filesystem::path parent =
      std::filesystem::path(options.result_path).parent_path();
  LENET_RETURN_IF_ERROR(WriteReport(report, parent.string()));
  return report;
}

}  // namespace lenet

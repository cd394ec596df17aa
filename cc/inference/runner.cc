#include "cc/inference/runner.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "cc/base/file.h"
#include "cc/base/sha256.h"
#include "cc/base/status_macros.h"
#include "cc/engine/engine.h"
#include "cc/image/dataset.h"
#include "cc/inference/batch_run.h"
#include "cc/inference/engine_choice.h"
#include "cc/inference/results.h"

namespace lenet {
namespace {

int ThreadCount(int threads) {
  if (threads > 0) return threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
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
  report.threads = ThreadCount(options.threads);
  report.preprocessing = dvpp ? "DVPP" : "CPU";
  report.decoded_on_device = counters.decoded_on_device;
  report.decoded_on_host = dvpp ? counters.decoded_on_host : images;
  report.pipelined = counters.pipelined;
  return report;
}

}  // namespace

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
                 ThreadCount(options.threads), created.engine.get(),
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

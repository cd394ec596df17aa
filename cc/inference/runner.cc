#include "cc/inference/runner.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>
#include <system_error>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "cc/ascend/dvpp.h"
#include "cc/base/error.h"
#include "cc/engine/engine.h"
#include "cc/image/dataset.h"
#include "cc/image/digit.h"
#include "cc/image/image.h"
#include "cc/image/prefetcher.h"
#include "cc/inference/engine_choice.h"
#include "cc/inference/results.h"
#include "cc/kernels/thread_pool.h"

namespace lenet {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kWrongInput = 2;    // exit code
constexpr size_t kMinAhead = 64;  // images decoded in advance

volatile sig_atomic_t interrupt_signal = 0;

extern "C" void OnInterrupt(int signal) { interrupt_signal = signal; }

// Shows the progress on stderr, after two seconds: a redrawn line on a
// terminal, otherwise a line every two seconds.
class Progress {
 public:
  explicit Progress(size_t total) : total_(total) {}
  ~Progress() {
    if (drawn_) std::fputs("\r\033[K", stderr);
  }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Prints the error of an image.
  void Print(absl::string_view message) {
    std::fprintf(stderr, "%sinfer310: error: %s\n", drawn_ ? "\r\033[K" : "",
                 Printable(message).c_str());
  }

  // Is cheap enough to be called after each batch.
  void Update(size_t done) {
    const Clock::time_point now = Clock::now();
    if (now < next_) return;
    next_ = now + interval_;
    const double seconds = std::chrono::duration<double>(now - start_).count();
    std::fprintf(stderr, "%s%zu of %zu images, %.0f images/s%s",
                 terminal_ ? "\r" : "infer310: ", done, total_,
                 static_cast<double>(done) / seconds,
                 terminal_ ? "\033[K" : "\n");
    drawn_ = terminal_;
  }

 private:
  const size_t total_;
  const bool terminal_ = isatty(STDERR_FILENO) != 0;
  const Clock::duration interval_ =
      std::chrono::milliseconds(terminal_ ? 100 : 2000);
  const Clock::time_point start_ = Clock::now();
  Clock::time_point next_ = start_ + std::chrono::seconds(2);
  bool drawn_ = false;
};

void SetSamples(absl::Span<const float> samples, Batch* batch) {
  batch->tensors = samples;
}
void SetSamples(absl::Span<const uint8_t> samples, Batch* batch) {
  batch->luma = samples;
}
void SetSamples(absl::Span<const SourceImage> samples, Batch* batch) {
  batch->files = samples.first(batch->size);
}

// Returns the probability of the class with the largest logit. The output of a
// model that ends with Softmax is a probability already.
double Probability(absl::Span<const float> logits, float largest) {
  double total = 0;
  double sum = 0;
  bool negative = false;
  for (const float logit : logits) {
    total += logit;
    sum += std::exp(double{logit} - largest);
    negative |= logit < 0;
  }
  return !negative && std::abs(total - 1) < 1e-4 ? largest : 1 / sum;
}

// One run. T is the sample type of the engine's input, as for Prefetcher.
template <typename T>
class BatchRun {
 public:
  BatchRun(const Dataset& dataset, size_t batch_size, int threads, bool strict,
           Engine* engine, ResultFolder* results)
      : dataset_(dataset),
        strict_(strict),
        engine_(engine),
        batch_size_(batch_size),
        sample_size_(Prefetcher<T>::SampleSize(dataset)),
        slots_(engine->depth()),
        classes_(engine->classes()),
        logits_(batch_size * classes_),
        start_(Clock::now()),
        prefetcher_(dataset, threads,
                    std::max(kMinAhead, (slots_.size() + 1) * batch_size)),
        results_(results),
        progress_(dataset.size()) {
    const auto capacity = static_cast<size_t>(engine->input().shape[0]);
    for (Slot& slot : slots_) slot.samples.resize(capacity * sample_size_);
    if (dataset.label(0).has_value()) report_.correct = 0;
  }

  absl::StatusOr<Report> Run() {
    LENET_RETURN_IF_ERROR(CheckLabels());
    while (next_ < dataset_.size()) {
      if (InterruptSignal() != 0) return absl::CancelledError("interrupted");
      if (started_ - finished_ == slots_.size()) {
        LENET_RETURN_IF_ERROR(FinishOldest());
      }
      LENET_RETURN_IF_ERROR(StartNext());
    }
    while (finished_ < started_) LENET_RETURN_IF_ERROR(FinishOldest());
    if (dataset_.size() == 1 && !first_error_.ok()) return first_error_;
    if (report_.images == 0) {
      return InvalidArgument("none of the ", report_.unusable,
                             " images could be read, see above");
    }
    report_.seconds =
        std::chrono::duration<double>(Clock::now() - start_).count();
    report_.latency = latency_.Summarize();
    return report_;
  }

 private:
  // Returns an error if no class of the model can be the right one.
  absl::Status CheckLabels() const {
    for (size_t i = 0; i < dataset_.size(); ++i) {
      const int label = dataset_.label(i).value_or(0);
      if (label >= 0 && static_cast<size_t>(label) < classes_) continue;
      return InvalidArgument(dataset_.stem(i), ": the label is ", label,
                             ", but the model has ", classes_,
                             " classes, numbered from 0; give the data set "
                             "for which the model was trained (for ten "
                             "digits, emnist-digits or emnist-mnist)");
    }
    return absl::OkStatus();
  }

  // A batch. Its storage has the model's batch size, padded with zeros.
  struct Slot {
    std::vector<T> samples;
    std::vector<size_t> images;  // their indices
    Clock::time_point start;
  };

  absl::Status StartNext() {
    Slot& slot = slots_[started_ % slots_.size()];
    LENET_RETURN_IF_ERROR(Fill(&slot));
    if (slot.images.empty()) return absl::OkStatus();
    Batch batch;
    batch.size = slot.images.size();
    SetSamples(absl::MakeConstSpan(slot.samples), &batch);
    slot.start = Clock::now();
    LENET_RETURN_IF_ERROR(engine_->Start(batch));
    ++started_;
    return absl::OkStatus();
  }

  // Takes the next images that can be read, up to a batch.
  absl::Status Fill(Slot* slot) {
    const absl::Span<T> samples = absl::MakeSpan(slot->samples);
    slot->images.clear();
    for (; slot->images.size() < batch_size_ && next_ < dataset_.size();
         ++next_) {
      const absl::Status status = prefetcher_.Next(
          samples.subspan(slot->images.size() * sample_size_, sample_size_));
      if (status.ok()) {
        slot->images.push_back(next_);
      } else {
        LENET_RETURN_IF_ERROR(Skip(status));
      }
    }
    // Only the last batch is partial; the rest holds an earlier batch.
    std::fill(samples.begin() + slot->images.size() * sample_size_,
              samples.end(), T());
    return absl::OkStatus();
  }

  // Reports an image that cannot be used; returns errors that end the run.
  absl::Status Skip(const absl::Status& status) {
    if (strict_ || ExitCode(status) != kWrongInput) return status;
    first_error_.Update(status);
    if (dataset_.size() > 1) progress_.Print(status.message());
    ++report_.unusable;
    return absl::OkStatus();
  }

  absl::Status FinishOldest() {
    const Slot& slot = slots_[finished_ % slots_.size()];
    const size_t count = slot.images.size();
    const absl::Span<float> logits =
        absl::MakeSpan(logits_).first(count * classes_);
    LENET_RETURN_IF_ERROR(engine_->Finish(logits));
    latency_.Add(std::chrono::nanoseconds(Clock::now() - slot.start).count());
    ++finished_;
    for (size_t i = 0; i < count; ++i) {
      const absl::Status status = engine_->ImageStatus(i);
      if (!status.ok()) {
        LENET_RETURN_IF_ERROR(Skip(status));
        continue;
      }
      LENET_RETURN_IF_ERROR(
          AddResult(slot.images[i], logits.subspan(i * classes_, classes_)));
      ++report_.images;
    }
    progress_.Update(slot.images.back() + 1);
    return absl::OkStatus();
  }

  absl::Status AddResult(size_t image, absl::Span<const float> logits) {
    if (!std::all_of(logits.begin(), logits.end(),
                     [](float x) { return std::isfinite(x); })) {
      return absl::InternalError(
          absl::StrCat("the logits of ", dataset_.stem(image),
                       " are not finite; the training may have diverged"));
    }
    LENET_RETURN_IF_ERROR(results_->Write(dataset_.stem(image), logits));
    const auto best = std::max_element(logits.begin(), logits.end());
    report_.answers.push_back({dataset_.name(image),
                               static_cast<int>(best - logits.begin()),
                               Probability(logits, *best)});
    if (report_.correct.has_value() &&
        *dataset_.label(image) == best - logits.begin()) {
      ++*report_.correct;
    }
    return absl::OkStatus();
  }

  const Dataset& dataset_;
  const bool strict_;
  Engine* const engine_;
  const size_t batch_size_;
  const size_t sample_size_;  // elements of one image
  std::vector<Slot> slots_;   // one per concurrent batch
  const size_t classes_;
  std::vector<float> logits_;
  const Clock::time_point start_;
  Prefetcher<T> prefetcher_;
  ResultFolder* const results_;
  Progress progress_;
  size_t next_ = 0;           // image
  absl::Status first_error_;  // of an image
  size_t started_ = 0;        // batches
  size_t finished_ = 0;
  LatencyRecorder latency_;
  Report report_;
};

// Adds the engine and the options of the run to a report.
void AddEngine(const Infer310Options& options, const CreatedEngine& created,
               Report* report) {
  const EngineCounters counters = created.engine->counters();
  const bool dvpp = created.engine->form() == InputForm::kFile;
  report->engine = created.name;
  report->device = created.engine->device();
  report->soc_name = counters.soc_name;
  report->model_sha256 = created.engine->model_sha256();
  report->batch_size = options.batch_size;
  report->threads = kernels::ThreadCount(options.threads);
  report->preprocessing = dvpp ? "DVPP" : "CPU";
  report->decoded_on_device = counters.decoded_on_device;
  report->decoded_on_host = dvpp ? counters.decoded_on_host : report->images;
  report->pipelined = counters.pipelined;
}

}  // namespace

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = &OnInterrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
    struct sigaction before = {};
    sigaction(number, nullptr, &before);
    // A signal that nohup or a shell's `&` has ignored stays ignored.
    if (before.sa_handler != SIG_IGN) sigaction(number, &action, nullptr);
  }
}

int InterruptSignal() { return interrupt_signal; }

absl::StatusOr<Report> RunBatches(const Dataset& dataset, size_t batch_size,
                                  int threads, bool strict, Engine* engine,
                                  ResultFolder* results) {
  const auto run = [&](const auto& sample) {
    return BatchRun<std::decay_t<decltype(sample)>>(
               dataset, batch_size, threads, strict, engine, results)
        .Run();
  };
  switch (engine->form()) {
    case InputForm::kTensor:
      return run(float{});
    case InputForm::kLuma:
      return run(uint8_t{});
    case InputForm::kFile:
      return run(SourceImage{});
  }
  return absl::InternalError("the engine has an unknown input form");
}

absl::StatusOr<Report> RunInference(const Infer310Options& options,
                                    const EngineFactories& factories) {
  LENET_RETURN_IF_ERROR(CheckChoice(options));
  std::error_code ignored;
  if (std::filesystem::equivalent(options.result_path, options.dataset_path,
                                  ignored)) {
    return InvalidArgument("result_path ", options.result_path,
                           " is the folder of the images, which the results "
                           "would replace; give another one");
  }
  LENET_ASSIGN_OR_RETURN(
      const std::unique_ptr<ResultFolder> results,
      ResultFolder::Create(options.result_path, options.result_format));
  DatasetOptions inputs{options.dataset_path, options.image_height,
                        options.image_width,
                        static_cast<size_t>(options.limit)};
  if (options.dvpp) {
    // The host turns and decodes what DVPP cannot, in background threads.
    inputs.keeps_file = [&options](absl::string_view file) {
      return !ascend::Dvpp::Refusal(file, options.image_height,
                                    options.image_width);
    };
  }
  inputs.find_digits = options.find_digits;
  LENET_ASSIGN_OR_RETURN(const std::unique_ptr<Dataset> dataset,
                         OpenDataset(inputs));
  LENET_ASSIGN_OR_RETURN(const CreatedEngine created,
                         OpenEngine(options, factories));
  LENET_ASSIGN_OR_RETURN(
      Report report,
      RunBatches(*dataset, static_cast<size_t>(options.batch_size),
                 kernels::ThreadCount(options.threads), options.strict,
                 created.engine.get(), results.get()));
  for (const std::string& warning : dataset->warnings()) {
    std::fprintf(stderr, "infer310: warning: %s\n", Printable(warning).c_str());
  }
  AddEngine(options, created, &report);
  if (options.find_digits) report.min_probability = kMinProbability;
  const std::filesystem::path parent =
      std::filesystem::path(options.result_path).parent_path();
  LENET_RETURN_IF_ERROR(results->Commit(ReportFiles(report, parent.string())));
  return report;
}

}  // namespace lenet

// Test and benchmark of the GPU kernels on a real card, without MindSpore:
//   card_test NVRTC_FOLDER [MNIST_FOLDER]   everything
//   card_test NVRTC_FOLDER --quick          few steps, for compute-sanitizer
// Prints a table. Exit codes as in cc/base/error.h; 3 without a card.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/error.h"
#include "cc/gpu/check.h"
#include "cc/gpu/kernel_arguments.h"
#include "cc/gpu/trainer.h"
#include "cc/image/idx.h"
#include "cc/image/transform.h"

namespace lenet::gpu {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSide = 32;
constexpr size_t kPixels = size_t{kSide} * kSide;

size_t Size(int count) { return static_cast<size_t>(count); }

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct ImageSet {
  std::vector<uint8_t> images;
  std::vector<int32_t> labels;
};

ImageSet RandomSet(size_t count) {
  std::mt19937 generator(1);
  ImageSet set;
  for (size_t i = 0; i < count * kPixels; ++i) {
    set.images.push_back(static_cast<uint8_t>(generator()));
  }
  for (size_t i = 0; i < count; ++i) {
    set.labels.push_back(static_cast<int32_t>(generator() % 10));
  }
  return set;
}

absl::StatusOr<ImageSet> ReadMnist(const std::string& folder,
                                   const std::string& part) {
  LENET_ASSIGN_OR_RETURN(
      const IdxImages images,
      ReadIdxImages(absl::StrCat(folder, "/", part, "-images.idx3-ubyte")));
  LENET_ASSIGN_OR_RETURN(
      const std::vector<uint8_t> labels,
      ReadIdxLabels(absl::StrCat(folder, "/", part, "-labels.idx1-ubyte")));
  ImageSet set;
  set.images.resize(images.count * kPixels);
  set.labels.assign(labels.begin(), labels.end());
  const Resizer resizer(kIdxSide, kIdxSide, kSide, kSide);
  for (size_t i = 0; i < images.count; ++i) {
    resizer.Resize(images.image(i),
                   absl::MakeSpan(&set.images[i * kPixels], kPixels));
  }
  return set;
}

// LeNet-5 with random weights, and what training it needs.
class Network {
 public:
  explicit Network(Trainer* trainer) : trainer_(trainer) {
    std::mt19937 generator(1);
    const int features = Features(kSide, kSide);
    const int inputs[kArrays] = {25,      150,     features, features,
                                 kDense1, kDense1, kDense2,  kDense2};
    for (int i = 0; i < kArrays; ++i) {
      const float bound = 1.0f / std::sqrt(static_cast<float>(inputs[i]));
      std::uniform_real_distribution<float> uniform(-bound, bound);
      const size_t size = Size(ParameterSize(i, features));
      for (size_t j = 0; j < size; ++j) {
        arrays_[0][Size(i)].push_back(uniform(generator));
      }
      arrays_[1][Size(i)].resize(size);
    }
    for (int i = 0; i < 256; ++i) {
      const float mean = 0.1307f;
      normalize_.push_back((static_cast<float>(i) / 255.0f - mean) / 0.3081f);
    }
  }

  // Trains on the images of `order` [optimizers.size(), batch].
  absl::Status Train(const ImageSet& set, const std::vector<int32_t>& order,
                     const std::vector<kernels::Momentum>& optimizers) {
    const auto steps = optimizers.size();
    losses_.resize(steps);
    return trainer_->Train(
        {set.images.data(), set.labels.data(), normalize_.data(),
         static_cast<int64_t>(set.labels.size()), kSide, kSide, order.data(),
         optimizers.data(), static_cast<int>(steps),
         static_cast<int>(order.size() / steps)},
        Pointers(0), Pointers(1), losses_.data());
  }

  absl::StatusOr<double> Accuracy(const ImageSet& set) {
    std::vector<float> logits(set.labels.size() * kClasses);
    LENET_RETURN_IF_ERROR(trainer_->Forward(
        set.images.data(), static_cast<int64_t>(set.labels.size()),
        normalize_.data(), Pointers(0).data(), logits.data()));
    size_t correct = 0;
    for (size_t i = 0; i < set.labels.size(); ++i) {
      const float* const row = &logits[i * kClasses];
      if (std::max_element(row, row + kClasses) - row == set.labels[i]) {
        ++correct;
      }
    }
    return static_cast<double>(correct) /
           static_cast<double>(set.labels.size());
  }

  // Parameters, moments and losses have the same bits.
  bool operator==(const Network& other) const {
    return arrays_ == other.arrays_ && losses_ == other.losses_;
  }

 private:
  kernels::LenetParameters Pointers(size_t kind) {
    kernels::LenetParameters result;
    for (size_t i = 0; i < result.size(); ++i) {
      result[i] = arrays_[kind][i].data();
    }
    return result;
  }

  Trainer* trainer_;
  // Parameters and moments.
  std::array<std::array<std::vector<float>, kArrays>, 2> arrays_;
  std::vector<float> normalize_;
  std::vector<float> losses_;
};

// Returns `steps` * `batch` indices of images, each image equally often.
std::vector<int32_t> Order(size_t images, size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::vector<int32_t> all(images);
  std::iota(all.begin(), all.end(), 0);
  std::vector<int32_t> order;
  while (order.size() < count) {
    std::shuffle(all.begin(), all.end(), generator);
    const size_t added = std::min(all.size(), count - order.size());
    order.insert(order.end(), all.begin(),
                 all.begin() + static_cast<std::ptrdiff_t>(added));
  }
  return order;
}

absl::Status CheckBatches(const TrainerOptions& options, bool quick,
                          Trainer* trainer) {
  const std::vector<int> batches =
      quick ? std::vector<int>{2, 33} : std::vector<int>{1, 2, 31, 32, 33, 257};
  for (const int batch : batches) {
    LENET_RETURN_IF_ERROR(CheckCard(
        {options.height, options.width, batch, batch < 32 ? 3 : 1}, trainer));
    std::printf("%dx%d, batch %d: equals the reference\n", options.height,
                options.width, batch);
  }
  return absl::OkStatus();
}

absl::Status CheckBitEquality(const ImageSet& set, size_t steps,
                              Trainer* trainer) {
  const std::vector<int32_t> order = Order(set.labels.size(), steps * 32, 1);
  const std::vector<kernels::Momentum> optimizers(steps, {0.01f, 0.9f});
  Network networks[] = {Network(trainer), Network(trainer)};
  for (Network& network : networks) {
    LENET_RETURN_IF_ERROR(network.Train(set, order, optimizers));
  }
  if (networks[0] == networks[1]) {
    std::printf("two runs of %zu steps: bit-identical\n", steps);
    return absl::OkStatus();
  }
  return absl::AbortedError(
      absl::StrCat("two runs of ", steps,
                   " steps differ; report this with the card's name"));
}

absl::Status MeasureSteps(const ImageSet& set, Trainer* trainer) {
  std::printf("batch  us per step, kernel  us per step, whole call\n");
  for (const size_t batch : {1, 8, 32, 64, 256, 1024}) {
    const size_t steps = batch < 256 ? 2000 : 500;
    const std::vector<int32_t> order =
        Order(set.labels.size(), steps * batch, 1);
    const std::vector<kernels::Momentum> optimizers(steps, {0.01f, 0.9f});
    Network network(trainer);
    double kernel = 1e9;
    double call = 1e9;
    for (int i = 0; i < 5; ++i) {
      const auto start = Clock::now();
      LENET_RETURN_IF_ERROR(network.Train(set, order, optimizers));
      call = std::min(call, SecondsSince(start));
      kernel = std::min(kernel, trainer->kernel_milliseconds() / 1e3);
    }
    const double scale = 1e6 / static_cast<double>(steps);
    std::printf("%5zu  %19.2f  %23.2f\n", batch, scale * kernel, scale * call);
  }
  return absl::OkStatus();
}

absl::Status TrainMnist(const std::string& folder, Trainer* trainer) {
  constexpr size_t kEpochs = 10;
  constexpr size_t kBatch = 32;
  LENET_ASSIGN_OR_RETURN(const ImageSet train,
                         ReadMnist(absl::StrCat(folder, "/train"), "train"));
  LENET_ASSIGN_OR_RETURN(const ImageSet test,
                         ReadMnist(absl::StrCat(folder, "/test"), "t10k"));
  const size_t steps = train.labels.size() / kBatch;
  Network network(trainer);
  double kernel = 0.0;
  double calls = 0.0;
  for (size_t epoch = 0; epoch < kEpochs; ++epoch) {
    std::vector<kernels::Momentum> optimizers;
    for (size_t i = 0; i < steps; ++i) {
      const double done = static_cast<double>(epoch * steps + i) /
                          static_cast<double>(kEpochs * steps);
      optimizers.push_back(
          {static_cast<float>(0.01 * (1 + std::cos(M_PI * done)) / 2), 0.9f});
    }
    const std::vector<int32_t> order = Order(
        train.labels.size(), steps * kBatch, static_cast<unsigned>(epoch));
    const auto start = Clock::now();
    LENET_RETURN_IF_ERROR(network.Train(train, order, optimizers));
    calls += SecondsSince(start);
    kernel += trainer->kernel_milliseconds() / 1e3;
  }
  const auto start = Clock::now();
  LENET_ASSIGN_OR_RETURN(const double accuracy, network.Accuracy(test));
  const double forward = SecondsSince(start);
  std::printf(
      "MNIST, %zu epochs of batch %zu: %.3f s in the kernel, %.3f s in calls; "
      "accuracy %.2f %%\n"
      "forward pass of %zu images: %.2f ms in the kernel, %.2f ms in all\n",
      kEpochs, kBatch, kernel, calls, 100 * accuracy, test.labels.size(),
      double{trainer->kernel_milliseconds()}, 1e3 * forward);
  return absl::OkStatus();
}

absl::Status Run(const std::string& nvrtc, const std::string& argument) {
  const bool quick = argument == "--quick";
  TrainerOptions options;
  options.nvrtc_folder = nvrtc;
  auto start = Clock::now();
  LENET_ASSIGN_OR_RETURN(std::unique_ptr<Trainer> trainer,
                         Trainer::Open(options));
  std::printf("card: %s, opened in %.2f s with the compilation\n",
              trainer->card().c_str(), SecondsSince(start));
  if (!trainer->warning().empty()) {
    std::printf("warning: %s\n", trainer->warning().c_str());
  }
  LENET_RETURN_IF_ERROR(CheckBatches(options, quick, &*trainer));
  const ImageSet set = RandomSet(4096);
  LENET_RETURN_IF_ERROR(CheckBitEquality(set, quick ? 3 : 2000, &*trainer));
  if (quick) return absl::OkStatus();
  LENET_RETURN_IF_ERROR(MeasureSteps(set, &*trainer));
  if (!argument.empty()) {
    LENET_RETURN_IF_ERROR(TrainMnist(argument, &*trainer));
  }
  options.height = 28;
  options.width = 20;
  LENET_ASSIGN_OR_RETURN(trainer, Trainer::Open(options));
  return CheckBatches(options, true, &*trainer);
}

}  // namespace
}  // namespace lenet::gpu

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr,
                 "usage: card_test NVRTC_FOLDER [MNIST_FOLDER | --quick]\n");
    return 2;
  }
  std::setvbuf(stdout, nullptr, _IOLBF, 0);
  const absl::Status status = lenet::gpu::Run(argv[1], argc > 2 ? argv[2] : "");
  if (!status.ok()) {
    std::fprintf(stderr, "card_test: %s\n",
                 std::string(status.message()).c_str());
  }
  return lenet::ExitCode(status);
}

#include "cc/image/prefetcher.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cc/base/test_util.h"
#include "cc/image/dataset.h"
#include "cc/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::Each;

// Sample i is filled with i; every seventh is an error. Counts what goes on.
class FakeDataset : public Dataset {
 public:
  explicit FakeDataset(size_t size) : size_(size) {}

  size_t size() const override { return size_; }
  size_t tensor_size() const override { return 50; }
  std::string stem(size_t i) const override { return absl::StrCat(i); }
  std::optional<int> label(size_t) const override { return std::nullopt; }

  absl::Status Load(size_t i, absl::Span<float> tensor) const override {
    std::fill(tensor.begin(), tensor.end(), static_cast<float>(i));
    return Finish(i);
  }

  absl::Status LoadLuma(size_t i, absl::Span<uint8_t> luma) const override {
    std::fill(luma.begin(), luma.end(), static_cast<uint8_t>(i));
    return Finish(i);
  }

  absl::StatusOr<SourceImage> LoadSource(size_t i) const override {
    absl::Status status = Finish(i);
    if (!status.ok()) return status;
    return SourceImage{std::string(1000, static_cast<char>(i)), 10, 100};
  }

  static bool IsBad(size_t i) { return i % 7 == 3; }
  size_t running() const { return running_; }
  size_t most_running() const { return most_running_; }
  size_t last_loaded() const { return last_loaded_; }

 private:
  absl::Status Finish(size_t i) const {
    const size_t now = ++running_;
    size_t most = most_running_;
    while (now > most && !most_running_.compare_exchange_weak(most, now)) {
    }
    size_t last = last_loaded_;
    while (i > last && !last_loaded_.compare_exchange_weak(last, i)) {
    }
    // Later samples are done earlier.
    std::this_thread::sleep_for(std::chrono::microseconds(100 * (3 - i % 4)));
    --running_;
    if (IsBad(i)) return absl::NotFoundError(absl::StrCat("sample ", i));
    return absl::OkStatus();
  }

  const size_t size_;
  mutable std::atomic<size_t> running_{0};
  mutable std::atomic<size_t> most_running_{0};
  mutable std::atomic<size_t> last_loaded_{0};
};

TEST(PrefetcherTest, GivesEverySampleInOrderAndErrorsAtTheirTurn) {
  const FakeDataset dataset(100);
  for (const int threads : {1, 2, 8}) {
    for (const size_t depth : {1, 2, 3, 16, 1000}) {
      Prefetcher<float> prefetcher(dataset, 0, dataset.size(), threads, depth);
      for (size_t i = 0; i < dataset.size(); ++i) {
        std::vector<float> tensor(dataset.tensor_size(), -1);
        const absl::Status status = prefetcher.Next(absl::MakeSpan(tensor));
        if (FakeDataset::IsBad(i)) {
          EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                                       absl::StrCat("sample ", i)));
        } else {
          EXPECT_THAT(status, IsOk());
          EXPECT_THAT(tensor, Each(i));
        }
      }
      std::vector<float> tensor(dataset.tensor_size());
      for (int again = 0; again < 2; ++again) {
        EXPECT_THAT(prefetcher.Next(absl::MakeSpan(tensor)),
                    StatusIs(absl::StatusCode::kOutOfRange, "no more samples"));
      }
    }
  }
}

TEST(PrefetcherTest, Luma) {
  const FakeDataset dataset(100);
  Prefetcher<uint8_t> prefetcher(dataset, 0, dataset.size(), 3, 16);
  EXPECT_EQ(prefetcher.SampleSize(dataset), 50u);
  for (size_t i = 0; i < dataset.size(); ++i) {
    std::vector<uint8_t> luma(dataset.tensor_size());
    const absl::Status status = prefetcher.Next(absl::MakeSpan(luma));
    EXPECT_EQ(status.ok(), !FakeDataset::IsBad(i));
    EXPECT_THAT(luma, Each(status.ok() ? i : 0));
  }
}

// Also when the samples of a chunk were moved out of it before.
TEST(PrefetcherTest, SourceImagesAreMoved) {
  const FakeDataset dataset(100);
  Prefetcher<SourceImage> prefetcher(dataset, 0, dataset.size(), 3, 16);
  EXPECT_EQ(prefetcher.SampleSize(dataset), 1u);
  for (size_t i = 0; i < dataset.size(); ++i) {
    SourceImage image;
    const absl::Status status = prefetcher.Next(absl::MakeSpan(&image, 1));
    EXPECT_EQ(status.ok(), !FakeDataset::IsBad(i));
    if (!status.ok()) continue;
    EXPECT_EQ(image.content, std::string(1000, static_cast<char>(i)));
    EXPECT_EQ(image.height, 10);
    EXPECT_EQ(image.width, 100);
  }
}

TEST(PrefetcherTest, APartOfTheSet) {
  const FakeDataset dataset(100);
  Prefetcher<float> prefetcher(dataset, 39, 42, 2, 4);
  std::vector<float> tensor(dataset.tensor_size());
  for (size_t i = 39; i < 42; ++i) {
    EXPECT_THAT(prefetcher.Next(absl::MakeSpan(tensor)), IsOk());
    EXPECT_THAT(tensor, Each(i));
  }
  EXPECT_THAT(prefetcher.Next(absl::MakeSpan(tensor)),
              StatusIs(absl::StatusCode::kOutOfRange, testing::_));
  EXPECT_EQ(dataset.last_loaded(), 41u);
}

TEST(PrefetcherTest, NothingAndSenselessNumbers) {
  const FakeDataset dataset(10);
  std::vector<float> tensor(dataset.tensor_size());
  Prefetcher<float> nothing(dataset, 5, 5, 3, 3);
  EXPECT_THAT(nothing.Next(absl::MakeSpan(tensor)),
              StatusIs(absl::StatusCode::kOutOfRange, testing::_));
  Prefetcher<float> one(dataset, 0, 2, /*threads=*/-1, /*depth=*/0);
  EXPECT_THAT(one.Next(absl::MakeSpan(tensor)), IsOk());
  EXPECT_THAT(one.Next(absl::MakeSpan(tensor).subspan(1)),
              StatusIs(absl::StatusCode::kInternal, testing::_));
  EXPECT_THAT(one.Next(absl::MakeSpan(tensor)), IsOk());
  EXPECT_THAT(tensor, Each(1));
}

TEST(PrefetcherTest, WorksInParallelButNotFartherAheadThanAllowed) {
  const FakeDataset dataset(1000);
  Prefetcher<float> prefetcher(dataset, 0, dataset.size(), 4, 8);
  std::vector<float> tensor(dataset.tensor_size());
  for (size_t i = 0; i < 100; ++i) {
    prefetcher.Next(absl::MakeSpan(tensor)).IgnoreError();
    EXPECT_LE(dataset.last_loaded(), i + 1 + 8);
  }
  EXPECT_GE(dataset.most_running(), 2u);
  EXPECT_LE(dataset.most_running(), 4u);
}

TEST(PrefetcherTest, EndsAtAnyTime) {
  const FakeDataset dataset(1000);
  std::vector<float> tensor(dataset.tensor_size());
  for (size_t consumed = 0; consumed < 30; ++consumed) {
    {
      Prefetcher<float> prefetcher(dataset, 0, dataset.size(), 3, 5);
      for (size_t i = 0; i < consumed; ++i) {
        prefetcher.Next(absl::MakeSpan(tensor)).IgnoreError();
      }
    }
    EXPECT_EQ(dataset.running(), 0u);
    EXPECT_LT(dataset.last_loaded(), 40u);
  }
}

}  // namespace
}  // namespace lenet

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
#include "cc/base/error.h"
#include "cc/base/testing.h"
#include "cc/image/dataset.h"
#include "cc/image/image.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::Each;

void SetToMax(std::atomic<size_t>* maximum, size_t value) {
  size_t old = *maximum;
  while (value > old && !maximum->compare_exchange_weak(old, value)) {
  }
}

// Sample i is filled with i; every seventh is an error. Records how it is used.
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
    LENET_RETURN_IF_ERROR(Finish(i));
    return SourceImage{std::string(1000, static_cast<char>(i)), 10, 100};
  }

  static bool IsBad(size_t i) { return i % 7 == 3; }
  size_t running() const { return running_; }
  size_t max_running() const { return max_running_; }
  size_t last_loaded() const { return last_loaded_; }

 private:
  absl::Status Finish(size_t i) const {
    SetToMax(&max_running_, ++running_);
    SetToMax(&last_loaded_, i);
    // Later samples finish earlier.
    std::this_thread::sleep_for(std::chrono::microseconds(100 * (3 - i % 4)));
    --running_;
    if (IsBad(i)) return absl::NotFoundError(absl::StrCat("sample ", i));
    return absl::OkStatus();
  }

  const size_t size_;
  mutable std::atomic<size_t> running_{0};
  mutable std::atomic<size_t> max_running_{0};
  mutable std::atomic<size_t> last_loaded_{0};
};

TEST(PrefetcherTest, ReturnsSamplesAndErrorsInOrder) {
  const FakeDataset dataset(100);
  for (const int threads : {-1, 1, 2, 8}) {
    for (const size_t depth : {0, 1, 2, 3, 16, 1000}) {
      Prefetcher<float> prefetcher(dataset, threads, depth);
      std::vector<float> tensor(dataset.tensor_size());
      for (size_t i = 0; i < dataset.size(); ++i) {
        const absl::Status status = prefetcher.Next(absl::MakeSpan(tensor));
        if (FakeDataset::IsBad(i)) {
          EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                                       absl::StrCat("sample ", i)));
        } else {
          EXPECT_THAT(status, IsOk());
          EXPECT_THAT(tensor, Each(i));
        }
      }
      for (int again = 0; again < 2; ++again) {
        EXPECT_THAT(prefetcher.Next(absl::MakeSpan(tensor)),
                    StatusIs(absl::StatusCode::kOutOfRange, "no more samples"));
      }
    }
  }
}

TEST(PrefetcherTest, LoadsSamplesWithoutThreads) {
  const WithoutThreads none;
  const FakeDataset dataset(100);
  Prefetcher<float> prefetcher(dataset, 2, 16);
  std::vector<float> tensor(dataset.tensor_size());
  for (size_t i = 0; i < dataset.size(); ++i) {
    EXPECT_EQ(prefetcher.Next(absl::MakeSpan(tensor)).ok(),
              !FakeDataset::IsBad(i));
    if (FakeDataset::IsBad(i)) continue;
    EXPECT_THAT(tensor, Each(i));
  }
}

TEST(PrefetcherTest, LumaAndSourceImages) {
  const FakeDataset dataset(100);
  Prefetcher<uint8_t> lumas(dataset, 3, 16);
  Prefetcher<SourceImage> images(dataset, 3, 16);
  EXPECT_EQ(images.SampleSize(dataset), 1u);
  std::vector<uint8_t> luma(dataset.tensor_size());
  SourceImage image;
  for (size_t i = 0; i < dataset.size(); ++i) {
    EXPECT_EQ(lumas.Next(absl::MakeSpan(luma)).ok(), !FakeDataset::IsBad(i));
    EXPECT_EQ(images.Next(absl::MakeSpan(&image, 1)).ok(),
              !FakeDataset::IsBad(i));
    if (FakeDataset::IsBad(i)) continue;
    EXPECT_THAT(luma, Each(i));
    EXPECT_EQ(image.content, std::string(1000, static_cast<char>(i)));
    EXPECT_EQ(image.height, 10);
  }
}

TEST(PrefetcherTest, WrongSampleSizeSkipsNothing) {
  const FakeDataset dataset(1);
  Prefetcher<float> prefetcher(dataset, 1, 1);
  std::vector<float> tensor(dataset.tensor_size());
  EXPECT_THAT(prefetcher.Next(absl::MakeSpan(tensor).subspan(1)),
              StatusIs(absl::StatusCode::kInternal, testing::_));
  EXPECT_THAT(prefetcher.Next(absl::MakeSpan(tensor)), IsOk());
}

TEST(PrefetcherTest, WorksInParallelWithinDepth) {
  const FakeDataset dataset(1000);
  Prefetcher<float> prefetcher(dataset, 4, 8);
  std::vector<float> tensor(dataset.tensor_size());
  for (size_t i = 0; i < 100; ++i) {
    prefetcher.Next(absl::MakeSpan(tensor)).IgnoreError();
    EXPECT_LE(dataset.last_loaded(), i + 1 + 8);
  }
  EXPECT_GE(dataset.max_running(), 2u);
  EXPECT_LE(dataset.max_running(), 4u);
}

TEST(PrefetcherTest, CanBeDestroyedAtAnyTime) {
  const FakeDataset dataset(1000);
  std::vector<float> tensor(dataset.tensor_size());
  for (size_t consumed = 0; consumed < 30; ++consumed) {
    {
      Prefetcher<float> prefetcher(dataset, 3, 5);
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

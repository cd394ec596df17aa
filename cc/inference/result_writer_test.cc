#include "cc/inference/result_writer.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cc/base/file.h"
#include "cc/base/test_util.h"
#include "cc/inference/result_folder.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::IsEmpty;

class ResultWriterTest : public testing::Test {
 protected:
  void SetUp() override {
    LENET_ASSERT_OK_AND_ASSIGN(results_, ResultFolder::Create(path_));
  }

  const TempFolder folder_;
  const std::string path_ = folder_.path() + "/results";
  std::unique_ptr<ResultFolder> results_;
};

TEST_F(ResultWriterTest, WritesAllWhateverTheNumber) {
  for (const int count : {0, 1, 63, 64, 65, 1000}) {
    LENET_ASSERT_OK_AND_ASSIGN(results_, ResultFolder::Create(path_));
    ResultWriter writer(results_.get());
    for (int i = 0; i < count; ++i) {
      const float value = static_cast<float>(i % 7);
      ASSERT_THAT(writer.Write(absl::StrCat("r", i), {value, 2.0f}), IsOk());
    }
    ASSERT_THAT(writer.Finish(), IsOk());
    ASSERT_THAT(results_->Commit(), IsOk());
    LENET_ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names,
                               ListFolder(path_));
    EXPECT_EQ(names.size(), static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) {
      const std::string one =
          ReadTestFile(absl::StrCat(path_, "/r", i, ".bin"));
      const float values[] = {static_cast<float>(i % 7), 2.0f};
      EXPECT_EQ(one, std::string(reinterpret_cast<const char*>(values), 8));
    }
  }
}

TEST_F(ResultWriterTest, AnErrorEndsTheWork) {
  ResultWriter writer(results_.get());
  absl::Status status;
  int written = 0;
  for (; status.ok() && written < 100000; ++written) {
    status = writer.Write(
        written == 100 ? "no/such/folder" : absl::StrCat("r", written), {1.0f});
  }
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound,
                               testing::HasSubstr("no/such/folder.bin")));
  EXPECT_LT(written, 100000);
  EXPECT_THAT(writer.Finish(), StatusIs(absl::StatusCode::kNotFound,
                                        testing::HasSubstr("folder.bin")));
}

TEST_F(ResultWriterTest, TheErrorOfTheLastResultsComesAtTheEnd) {
  ResultWriter writer(results_.get());
  ASSERT_THAT(writer.Write("no/such/folder", {1.0f}), IsOk());
  EXPECT_THAT(writer.Finish(),
              StatusIs(absl::StatusCode::kNotFound, testing::_));
}

TEST_F(ResultWriterTest, MayBeGivenUp) {
  for (const int count : {0, 1, 64, 200}) {
    ResultWriter writer(results_.get());
    for (int i = 0; i < count; ++i) {
      ASSERT_THAT(writer.Write(absl::StrCat("r", i), {1.0f}), IsOk());
    }
  }
  results_.reset();
  LENET_ASSERT_OK_AND_ASSIGN(const std::vector<std::string> names,
                             ListFolder(folder_.path()));
  EXPECT_THAT(names, IsEmpty());
}

}  // namespace
}  // namespace lenet

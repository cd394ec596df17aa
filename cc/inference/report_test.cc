#include "cc/inference/report.h"

#include <string>

#include "cc/base/test_util.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Report Example() {
  Report report;
  report.images = 10000;
  report.correct = 9843;
  report.latency = {10000, 0.2, 0.19, 0.25, 0.5, 1.5};
  report.seconds = 4;
  report.engine = "lite";
  report.device = "CPU";
  report.model_sha256 = "ab12";
  report.batch_size = 1;
  report.threads = 2;
  return report;
}

TEST(ReportTest, SummaryHasTheLineThatScriptsLookFor) {
  EXPECT_EQ(
      SummaryText(Example()),
      "Accuracy: {'Accuracy':0.9843}\n"
      "Images: 10000 (9843 right)\n"
      "Latency of a batch of 1: p50 0.190 ms, p90 0.250 ms, p99 0.500 ms\n"
      "Throughput: 2500 images/s\n");
}

TEST(ReportTest, UnknownLabelsAreSaid) {
  Report report = Example();
  report.correct.reset();
  EXPECT_THAT(SummaryText(report),
              StartsWith("Accuracy: unknown, the images have no labels\n"
                         "Images: 10000\n"));
  EXPECT_THAT(ReportJson(report), HasSubstr("\"accuracy\": null,"));
  EXPECT_THAT(ReportJson(report), HasSubstr("\"correct\": null,"));
}

TEST(ReportTest, PerformanceStartsAsTheOriginal) {
  EXPECT_THAT(
      PerformanceText(Example()),
      StartsWith(
          "NN inference cost average time: 0.2000 ms of infer_count 10000\n"));
}

TEST(ReportTest, JsonHasAllFields) {
  EXPECT_EQ(ReportJson(Example()),
            "{\n"
            "  \"accuracy\": 0.984300,\n"
            "  \"images\": 10000,\n"
            "  \"correct\": 9843,\n"
            "  \"latency_ms\": {\"count\": 10000, \"mean\": 0.2000, "
            "\"p50\": 0.1900, \"p90\": 0.2500, \"p99\": 0.5000, "
            "\"max\": 1.5000},\n"
            "  \"images_per_second\": 2500.0,\n"
            "  \"engine\": \"lite\",\n"
            "  \"device\": \"CPU\",\n"
            "  \"model_sha256\": \"ab12\",\n"
            "  \"batch_size\": 1,\n"
            "  \"threads\": 2\n"
            "}\n");
}

TEST(ReportTest, WritesBothFiles) {
  const TempFolder folder;
  ASSERT_THAT(WriteReport(Example(), folder.path()), IsOk());
  EXPECT_EQ(ReadTestFile(folder.path() + "/report.json"),
            ReportJson(Example()));
  EXPECT_EQ(
      ReadTestFile(folder.path() + "/time_Result/test_perform_static.txt"),
      PerformanceText(Example()));
}

}  // namespace
}  // namespace lenet

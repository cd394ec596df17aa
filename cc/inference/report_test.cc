#include "cc/inference/report.h"

#include <string>

#include "cc/base/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

using ::testing::AllOf;
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
  report.preprocessing = "CPU";
  report.decoded_on_host = 10000;
  return report;
}

TEST(ReportTest, SummaryHasTheAccuracyLineForScripts) {
  EXPECT_EQ(
      SummaryText(Example()),
      "Accuracy: {'Accuracy':0.9843}\n"
      "Images: 10000 (9843 correct)\n"
      "Latency of a batch of 1: p50 0.190 ms, p90 0.250 ms, p99 0.500 ms\n"
      "Throughput: 2500 images/s\n");
}

TEST(ReportTest, ReportsUnknownLabels) {
  Report report = Example();
  report.correct.reset();
  report.answers = {{"a.png", 7, 0.98765}, {"b/c, \"d\".jpg", 0, 1}};
  report.min_probability = 0.99;
  EXPECT_THAT(SummaryText(report),
              StartsWith("digit  probability  file\n"
                         "   7?       0.9877  a.png\n"
                         "    0       1.0000  b/c, \"d\".jpg\n"
                         "Images: 10000\n"));
  EXPECT_THAT(ReportJson(report), HasSubstr(R"(
 "answers": [
  {"file": "a.png", "digit": 7, "probability": 0.98765},
  {"file": "b/c, \"d\".jpg", "digit": 0, "probability": 1.0}
 ]
})"));
  EXPECT_THAT(ReportJson(report), HasSubstr("\"accuracy\": null,"));
  EXPECT_THAT(ReportJson(report), HasSubstr("\"correct\": null,"));
}

TEST(ReportTest, PerformanceStartsLikeTheOriginal) {
  EXPECT_THAT(
      PerformanceText(Example()),
      StartsWith(
          "NN inference cost average time: 0.2000 ms of infer_count 10000\n"));
}

TEST(ReportTest, JsonHasAllFieldsInOrder) {
  EXPECT_EQ(ReportJson(Example()),
            R"({
 "accuracy": 0.9843,
 "images": 10000,
 "correct": 9843,
 "latency_ms": {
  "count": 10000,
  "mean": 0.2,
  "p50": 0.19,
  "p90": 0.25,
  "p99": 0.5,
  "max": 1.5
 },
 "images_per_second": 2500.0,
 "engine": "lite",
 "device": "CPU",
 "soc_name": "",
 "model_sha256": "ab12",
 "batch_size": 1,
 "threads": 2,
 "preprocessing": "CPU",
 "decoded_on_device": 0,
 "decoded_on_host": 10000,
 "pipelined": false
}
)");
}

TEST(ReportTest, JsonHasRoundedNumbersAndEscapedText) {
  Report report = Example();
  report.images = 3;
  report.correct = 2;
  report.latency.mean_ms = 0.123456;
  report.soc_name = "a\"\\\n\xff";
  EXPECT_THAT(ReportJson(report),
              AllOf(HasSubstr("\"accuracy\": 0.666667,"),
                    HasSubstr("\"mean\": 0.1235,"),
                    HasSubstr(R"("soc_name": "a\"\\\n\ufffd",)")));
}

TEST(ReportTest, ReportsDvpp) {
  Report report = Example();
  report.preprocessing = "DVPP";
  report.decoded_on_device = 9990;
  report.decoded_on_host = 10;
  EXPECT_THAT(SummaryText(report),
              HasSubstr("\nDecoded: 9990 by DVPP, 10 by the CPU\n"));
}

TEST(ReportTest, ListsAllFiles) {
  Report report = Example();
  report.answers = {{"a.png", 7, 0.98765}, {"b/c, \"d\".jpg", 0, 1}};
  const std::vector<NewFile> files = ReportFiles(report, "/out");
  ASSERT_EQ(files.size(), 3u);
  EXPECT_EQ(files[0].path, "/out/time_Result/test_perform_static.txt");
  EXPECT_EQ(files[0].content, PerformanceText(Example()));
  EXPECT_EQ(files[1].path, "/out/results.csv");
  EXPECT_EQ(files[1].content,
            "file,digit,probability\na.png,7,0.987650\n"
            "\"b/c, \"\"d\"\".jpg\",0,1.000000\n");
  EXPECT_EQ(files[2].path, "/out/report.json");
  EXPECT_EQ(files[2].content, ReportJson(Example()));
}

}  // namespace
}  // namespace lenet

#include "cc/ascend/sim/streams.h"

#include <chrono>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using testing::ElementsAre;

constexpr std::chrono::nanoseconds kNoLatency{0};

class StreamsTest : public testing::Test {
 protected:
  Task Append(int value, aclError code = ACL_SUCCESS) {
    return {{static_cast<uint64_t>(value), Function::aclrtMemcpyAsync},
            [this, value, code] {
              done_.push_back(value);
              return code;
            },
            {}};
  }

  Stream stream_{nullptr};
  std::vector<int> done_;
};

TEST_F(StreamsTest, WorksOnlyWhenSynchronisedAndInOrder) {
  stream_.Add(Append(1), kNoLatency);
  stream_.Add(Append(2), kNoLatency);
  EXPECT_THAT(done_, ElementsAre());
  EXPECT_TRUE(stream_.busy());
  EXPECT_EQ(stream_.Synchronize(std::nullopt), ACL_SUCCESS);
  EXPECT_THAT(done_, ElementsAre(1, 2));
  EXPECT_FALSE(stream_.busy());
  EXPECT_EQ(stream_.Synchronize(std::nullopt), ACL_SUCCESS);
  EXPECT_THAT(done_, ElementsAre(1, 2));
}

TEST_F(StreamsTest, FirstFailureIsReportedAndDropsTheRest) {
  stream_.Add(Append(1), kNoLatency);
  stream_.Add(Append(2, 507018), kNoLatency);
  stream_.Add(Append(3, 507015), kNoLatency);
  EXPECT_EQ(stream_.Synchronize(std::nullopt), 507018);
  EXPECT_THAT(done_, ElementsAre(1, 2));
  EXPECT_FALSE(stream_.busy());
  stream_.Add(Append(4), kNoLatency);
  EXPECT_EQ(stream_.Synchronize(std::nullopt), ACL_SUCCESS);
  EXPECT_THAT(done_, ElementsAre(1, 2, 4));
}

TEST_F(StreamsTest, WorkThatTakesTooLongStaysUndone) {
  stream_.Add(Append(1), hours(1));
  EXPECT_EQ(stream_.Synchronize(milliseconds(1)),
            ACL_ERROR_RT_STREAM_SYNC_TIMEOUT);
  EXPECT_THAT(done_, ElementsAre());
  EXPECT_TRUE(stream_.busy());
  stream_.Drop();
  EXPECT_FALSE(stream_.busy());
  EXPECT_EQ(stream_.Synchronize(milliseconds(1)), ACL_SUCCESS);
  EXPECT_THAT(done_, ElementsAre());
}

TEST_F(StreamsTest, LatenciesOfOneStreamAddUpThoseOfTwoDoNot) {
  Stream other(nullptr);
  const auto start = std::chrono::steady_clock::now();
  stream_.Add(Append(1), milliseconds(20));
  stream_.Add(Append(2), milliseconds(20));
  other.Add(Append(3), milliseconds(30));
  EXPECT_EQ(stream_.Synchronize(hours(1)), ACL_SUCCESS);
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(40));
  // Its time is over too: a limit far below its latency is kept.
  EXPECT_EQ(other.Synchronize(milliseconds(1)), ACL_SUCCESS);
  EXPECT_THAT(done_, ElementsAre(1, 2, 3));
}

TEST_F(StreamsTest, KnowsWhoUsesMemory) {
  char memory[10];
  Task task = Append(5);
  task.uses = {memory + 4};
  stream_.Add(task, kNoLatency);
  ASSERT_TRUE(stream_.User(memory, memory + 10).has_value());
  EXPECT_EQ(stream_.User(memory, memory + 10)->number, 5u);
  EXPECT_FALSE(stream_.User(memory + 5, memory + 10).has_value());
  EXPECT_FALSE(stream_.User(memory, memory + 4).has_value());
  stream_.Synchronize(std::nullopt);
  EXPECT_FALSE(stream_.User(memory, memory + 10).has_value());
}

}  // namespace
}  // namespace lenet::ascend::sim

#include "cc/inference/nearest_name.h"

#include "gtest/gtest.h"

namespace lenet {
namespace {

TEST(NearestNameHintTest, FindsASlip) {
  EXPECT_EQ(NearestNameHint("batchsize", {"threads", "batch_size", "limit"}),
            "did you mean 'batch_size'?");
  EXPECT_EQ(NearestNameHint("treads", {"threads", "batch_size"}),
            "did you mean 'threads'?");
}

TEST(NearestNameHintTest, ListsAllIfNoneIsNear) {
  EXPECT_EQ(NearestNameHint("colour", {"threads", "limit"}),
            "known are threads, limit");
}

}  // namespace
}  // namespace lenet

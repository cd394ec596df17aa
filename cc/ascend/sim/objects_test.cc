#include "cc/ascend/sim/objects.h"

#include <memory>
#include <set>

#include "gtest/gtest.h"

namespace lenet::ascend::sim {
namespace {

constexpr Site kSite{7, Function::aclmdlCreateDataset};

TEST(ObjectsTest, FindsWhatLivesAndIsOfTheKind) {
  Objects objects;
  const auto dataset = std::make_shared<Dataset>();
  void* handle = objects.Add(dataset, kSite);
  EXPECT_EQ(objects.Find<Dataset>(handle), dataset);
  EXPECT_EQ(objects.Find<DataBuffer>(handle), nullptr);
  EXPECT_EQ(objects.Find<Dataset>(nullptr), nullptr);
  int local = 0;
  EXPECT_EQ(objects.Find<Dataset>(&local), nullptr);
}

TEST(ObjectsTest, RemovesOnce) {
  Objects objects;
  void* handle = objects.Add(std::make_shared<Dataset>(), kSite);
  EXPECT_FALSE(objects.Remove<DataBuffer>(handle));
  EXPECT_TRUE(objects.Remove<Dataset>(handle));
  EXPECT_FALSE(objects.Remove<Dataset>(handle));
  EXPECT_EQ(objects.Find<Dataset>(handle), nullptr);
}

TEST(ObjectsTest, WhatIsInUseOutlivesItsRemoval) {
  Objects objects;
  void* handle = objects.Add(std::make_shared<Dataset>(), kSite);
  const std::shared_ptr<Dataset> dataset = objects.Find<Dataset>(handle);
  objects.Remove<Dataset>(handle);
  EXPECT_TRUE(dataset->buffers.empty());
}

TEST(ObjectsTest, HandlesNeverComeBack) {
  Objects objects;
  std::set<void*> seen;
  for (int i = 0; i < 1000; ++i) {
    void* handle = objects.Add(std::make_shared<Dataset>(), kSite);
    EXPECT_TRUE(seen.insert(handle).second);
    objects.Remove<Dataset>(handle);
  }
}

TEST(ObjectsTest, ListsWhatLivesInOrder) {
  Objects objects;
  int context = 0;
  objects.Add(std::make_shared<Dataset>(), Site{1, Function::aclInit});
  objects.Add(std::make_shared<DataBuffer>(), Site{2, Function::aclInit},
              &context);
  objects.Add(std::make_shared<Dataset>(), Site{3, Function::aclInit});
  ASSERT_EQ(objects.Live().size(), 3u);
  EXPECT_EQ(objects.Live()[0].site.number, 1u);
  EXPECT_EQ(objects.Live()[1].kind, ObjectKind::kDataBuffer);
  EXPECT_EQ(objects.Live()[2].site.number, 3u);
  ASSERT_EQ(objects.LiveOf(&context).size(), 1u);
  EXPECT_EQ(objects.LiveOf(&context)[0].site.number, 2u);
}

}  // namespace
}  // namespace lenet::ascend::sim

#include "cc/image/normalize.h"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <set>
#include <vector>

#include "absl/types/span.h"
#include "cc/image/golden.h"
#include "gtest/gtest.h"

namespace lenet {
namespace {

std::vector<float> Normalized(const std::vector<uint8_t>& pixels) {
  std::vector<float> tensor(pixels.size());
  Normalize(pixels, absl::MakeSpan(tensor));
  return tensor;
}

TEST(NormalizeTest, KnownValues) {
  const std::vector<float> tensor = Normalized({0, 255, 33, 128});
  EXPECT_FLOAT_EQ(tensor[0], -0.42421296f);
  EXPECT_FLOAT_EQ(tensor[1], 2.8214867f);
  EXPECT_FLOAT_EQ(tensor[2], -0.0041812244f);
  EXPECT_FLOAT_EQ(tensor[3], 1.2050009f);
}

TEST(NormalizeTest, NothingIsNothing) { EXPECT_TRUE(Normalized({}).empty()); }

TEST(NormalizeTest, EqualsPythonForAllValues) {
  std::set<uint8_t> seen;
  for (const auto& [name, content] : ReadGolden("resize/")) {
    GoldenRecord record(content);
    const int source = record.Int() * record.Int();
    const auto size = static_cast<size_t>(record.Int() * record.Int());
    record.Bytes(static_cast<size_t>(source));
    const std::vector<uint8_t> pixels = record.Pixels(size);
    const std::vector<float> expected = record.Floats(size);
    const std::vector<float> tensor = Normalized(pixels);
    ASSERT_EQ(std::memcmp(tensor.data(), expected.data(), size * sizeof(float)),
              0)
        << name;
    seen.insert(pixels.begin(), pixels.end());
  }
  EXPECT_EQ(seen.size(), 256u);
}

}  // namespace
}  // namespace lenet

#include "occvla/base/dtype.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

namespace occvla {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

// The nearest of all 65,536 values by search: slow, and independent of the bit tricks.
template <typename ToFloat>
uint16_t NearestEven(float value, ToFloat to_float, float overflow) {
  if (std::fabs(value) >= overflow) return static_cast<uint16_t>(value < 0 ? 0xFC00u : 0x7C00u);
  uint16_t best = 0;
  double best_distance = std::numeric_limits<double>::infinity();
  for (uint32_t bits = 0; bits < 0x7C00u; ++bits) {
    const double distance =
        std::fabs(std::fabs(double{value}) - to_float(static_cast<uint16_t>(bits)));
    if (distance < best_distance || (distance == best_distance && bits % 2 == 0)) {
      best = static_cast<uint16_t>(bits);
      best_distance = distance;
    }
  }
  return static_cast<uint16_t>(best | (std::signbit(value) ? 0x8000u : 0));
}

TEST(DTypeTest, NamesAndSizesAreThoseOfSafetensors) {
  const std::tuple<DType, const char*, size_t> table[] = {
      {DType::kBool, "BOOL", 1},      {DType::kU8, "U8", 1},   {DType::kBF16, "BF16", 2},
      {DType::kF16, "F16", 2},        {DType::kF32, "F32", 4}, {DType::kI64, "I64", 8},
      {DType::kF8E4M3, "F8_E4M3", 1}, {DType::kF64, "F64", 8}, {DType::kF8E5M2, "F8_E5M2", 1}};
  for (const auto& [dtype, name, size] : table) {
    EXPECT_EQ(SafetensorsName(dtype), name);
    EXPECT_EQ(SizeOf(dtype), size);
    EXPECT_EQ(DTypeFromSafetensorsName(name), dtype);
  }
  EXPECT_EQ(DTypeFromSafetensorsName("f32"), std::nullopt);
}

TEST(DTypeTest, ByteCountRefusesWhatOverflows) {
  EXPECT_EQ(ByteCount(DType::kF32, std::vector<int64_t>{2, 3}), 24u);
  EXPECT_EQ(ByteCount(DType::kF32, {}), 4u);
  EXPECT_EQ(ByteCount(DType::kF32, std::vector<int64_t>{0, 3}), 0u);
  EXPECT_EQ(ByteCount(DType::kU8, std::vector<int64_t>{INT64_MAX}), uint64_t{INT64_MAX});
  EXPECT_EQ(ByteCount(DType::kU16, std::vector<int64_t>{INT64_MAX}), std::nullopt);
  EXPECT_EQ(ByteCount(DType::kU8, std::vector<int64_t>{-1}), std::nullopt);
  EXPECT_EQ(ByteCount(DType::kU8, std::vector<int64_t>{0, INT64_MAX, 2}), std::nullopt);
}

TEST(BFloat16Test, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits <= 0xFFFFu; ++bits) {
    const float value = FloatFromBFloat16(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(FloatFromBFloat16(BFloat16FromFloat(value)))) << bits;
    } else {
      ASSERT_EQ(BFloat16FromFloat(value), bits);
    }
  }
}

TEST(BFloat16Test, RoundsToNearestEven) {
  EXPECT_EQ(BFloat16FromFloat(1.0f + 0x1p-8f), 0x3F80);  // Half way, down to even.
  EXPECT_EQ(BFloat16FromFloat(1.0f + 0x3p-8f), 0x3F82);  // Half way, up to even.
  EXPECT_EQ(BFloat16FromFloat(std::nextafter(1.0f + 0x1p-8f, 2.0f)), 0x3F81);
  EXPECT_EQ(BFloat16FromFloat(std::numeric_limits<float>::max()), 0x7F80);
  EXPECT_EQ(BFloat16FromFloat(-0.0f), 0x8000);
  // A payload in the lower half only must not become infinity.
  EXPECT_TRUE(std::isnan(FloatFromBFloat16(BFloat16FromFloat(std::bit_cast<float>(0x7F800001u)))));
}

TEST(HalfTest, EveryValueSurvivesTheRoundTrip) {
  for (uint32_t bits = 0; bits <= 0xFFFFu; ++bits) {
    const float value = FloatFromHalf(static_cast<uint16_t>(bits));
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(FloatFromHalf(HalfFromFloat(value)))) << bits;
    } else {
      ASSERT_EQ(HalfFromFloat(value), bits);
    }
  }
}

TEST(HalfTest, KnownValues) {
  EXPECT_EQ(FloatFromHalf(0x3C00), 1.0f);
  EXPECT_EQ(FloatFromHalf(0xC000), -2.0f);
  EXPECT_EQ(FloatFromHalf(0x7BFF), 65504.0f);
  EXPECT_EQ(FloatFromHalf(0x0001), 0x1p-24f);
  EXPECT_EQ(FloatFromHalf(0xFC00), -kInfinity);
}

TEST(HalfTest, RoundsLikeASearchThroughAllValues) {
  for (const float value : {0.1f, -3.14159f, 1.0f + 0x1p-11f, 1.0f + 0x3p-11f, 65519.99f, 65520.0f,
                            -1e30f, 0x1p-25f, std::nextafter(0x1p-25f, 1.0f), 0x3p-25f, 6.1e-5f,
                            0x1p-14f, 0x1.ffcp-15f, 0x1.ffep-15f, 1e-40f, -0.0f, 2049.0f, 2051.0f})
    EXPECT_EQ(HalfFromFloat(value), NearestEven(value, FloatFromHalf, 65520.0f)) << value;
}

}  // namespace
}  // namespace occvla

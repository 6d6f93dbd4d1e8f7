#include <gtest/gtest.h>

#include <limits>

#include "occvla/kernels/test_numbers.h"

namespace occvla::kernels {
namespace {

constexpr Storage kStorages[] = {Storage::kF32, Storage::kBF16};
constexpr int64_t kSizes[] = {1, 7, 8, 15, 16, 17, 31, 33, 72, 128, 1000};

/// A few float32 roundings, and one of the result's storage.
void ExpectNear(const Array& found, const Array& expected, int64_t count, Storage storage,
                double size, Isa isa) {
  for (int64_t i = 0; i < count; ++i)
    ASSERT_NEAR(found[i], expected[i],
                1e-6 * size + 2.01 * Rounding(storage) * std::abs(expected[i]))
        << i << " of " << count << ", " << IsaName(isa);
}

TEST(Gemv, AgreesWithTheOracle) {
  for (const Storage storage : kStorages)
    for (const int64_t in : {1, 15, 16, 33, 64, 100, 257})
      for (const int64_t rows : {1, 2, 3, 4, 5, 7, 8, 9, 19})
        for (const bool bias : {false, true}) {
          const int64_t out = 11;
          const Array w(storage, out * in, 1), x(Storage::kF32, rows * in, 2),
              b(Storage::kF32, out, 3);
          Array expected(Storage::kF32, rows * out), found(Storage::kF32, rows * out);
          GemvArgs args;
          args.storage = storage;
          args.w = w.data();
          args.x = static_cast<const float*>(x.data());
          args.bias = bias ? static_cast<const float*>(b.data()) : nullptr;
          args.rows = rows;
          args.in = in;
          args.out = out;
          args.y = expected.floats();
          Gemv(args, 0, out, Isa::kScalar);
          args.y = found.floats();
          for (const Isa isa : FastIsas()) {
            Gemv(args, 0, out, isa);
            ExpectNear(found, expected, rows * out, Storage::kF32, std::sqrt(in), isa);
          }
        }
}

TEST(Gemv, HasTheSameBitsForAnyPartitionAndAnyOtherRows) {
  const int64_t in = 100, out = 37, rows = 8;
  for (const Storage storage : kStorages)
    for (const Isa isa : FastIsas()) {
      const Array w(storage, out * in, 1), x(Storage::kF32, rows * in, 2);
      Array together(Storage::kF32, rows * out), single(Storage::kF32, rows * out);
      GemvArgs args;
      args.storage = storage;
      args.w = w.data();
      args.x = static_cast<const float*>(x.data());
      args.rows = rows;
      args.in = in;
      args.out = out;
      args.y = together.floats();
      Gemv(args, 0, out, isa);
      args.rows = 1;
      for (int64_t row = 0; row < rows; ++row) {
        args.x = static_cast<const float*>(x.data()) + row * in;
        args.y = single.floats() + row * out;
        Gemv(args, 30, out, isa);
        Gemv(args, 0, 30, isa);
      }
      EXPECT_TRUE(single == together) << IsaName(isa);
    }
}

TEST(RmsNorm, AgreesWithTheOracle) {
  for (const Storage x_storage : kStorages)
    for (const Storage y_storage : kStorages)
      for (const int64_t size : kSizes) {
        const Array x(x_storage, 3 * size, 1, 5), w(Storage::kF32, size, 2);
        Array expected(y_storage, 3 * size), found(y_storage, 3 * size);
        RmsNormArgs args;
        args.x = x.data();
        args.x_storage = x_storage;
        args.w = static_cast<const float*>(w.data());
        args.y_storage = y_storage;
        args.size = size;
        args.y = expected.data();
        RmsNorm(args, 1, 3, Isa::kScalar);
        args.y = found.data();
        for (const Isa isa : FastIsas()) {
          RmsNorm(args, 1, 3, isa);
          ExpectNear(found, expected, 3 * size, y_storage, 3, isa);
        }
      }
}

TEST(RmsNorm, AddsToTheResidualAndLeavesTheOutputAlone) {
  const int64_t size = 37;
  const Array x(Storage::kF32, 2 * size, 1, 5), w(Storage::kF32, size, 2);
  RmsNormArgs args;
  args.x = x.data();
  args.w = static_cast<const float*>(w.data());
  args.size = size;
  Array expected(Storage::kF32, 2 * size, 3);
  args.residual = expected.floats();
  RmsNorm(args, 0, 2, Isa::kScalar);
  for (const Isa isa : FastIsas())
    for (const bool with_output : {false, true}) {
      Array found(Storage::kF32, 2 * size, 3), y(Storage::kF32, 2 * size, 4);
      const Array before = y;
      args.residual = found.floats();
      args.y = with_output ? y.data() : nullptr;
      RmsNorm(args, 0, 2, isa);
      ExpectNear(found, expected, 2 * size, Storage::kF32, 3, isa);
      EXPECT_TRUE(y == before);
    }
}

TEST(RmsNorm, MultipliesByOnePlusTheWeight) {
  // mean(x^2) = 12.5, so x becomes 3 / sqrt(12.5) and 4 / sqrt(12.5), times 1 and 3.
  const float x[] = {3, 4}, w[] = {0, 2};
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    float y[2];
    RmsNormArgs args;
    args.x = x;
    args.w = w;
    args.y = y;
    args.size = 2;
    RmsNorm(args, 0, 1, isa);
    EXPECT_NEAR(y[0], 0.848528, 1e-6);
    EXPECT_NEAR(y[1], 3.394113, 1e-6);
  }
}

TEST(LayerNorm, AgreesWithTheOracle) {
  for (const Storage y_storage : kStorages)
    for (const int64_t size : kSizes) {
      Array x(Storage::kF32, 3 * size, 1, 5);
      for (int64_t i = 0; i < 3 * size; ++i) x.Set(i, x[i] + 20);  // Far from zero.
      const Array w(Storage::kF32, size, 2), b(Storage::kF32, size, 3);
      Array expected(y_storage, 3 * size), found(y_storage, 3 * size);
      LayerNormArgs args;
      args.x = x.floats();
      args.w = static_cast<const float*>(w.data());
      args.b = static_cast<const float*>(b.data());
      args.y_storage = y_storage;
      args.size = size;
      args.eps = 1e-2f;
      args.y = expected.data();
      LayerNorm(args, 1, 3, Isa::kScalar);
      args.y = found.data();
      for (const Isa isa : FastIsas()) {
        LayerNorm(args, 1, 3, isa);
        // x itself is rounded at 20 + 5, its mean too.
        ExpectNear(found, expected, 3 * size, y_storage, 20, isa);
      }
    }
}

TEST(GeluTanh, AgreesWithTheOracle) {
  for (const Storage storage : kStorages)
    for (const float size : {0.001f, 1.0f, 20.0f, 1000.0f})
      for (const int64_t count : kSizes) {
        const Array gate(storage, count, 1, size), up(storage, count, 2);
        for (const bool with_up : {false, true}) {
          Array expected(storage, count), found(storage, count);
          const void* other = with_up ? up.data() : nullptr;
          GeluTanh(storage, gate.data(), other, expected.data(), 0, count, Isa::kScalar);
          for (const Isa isa : FastIsas()) {
            GeluTanh(storage, gate.data(), other, found.data(), 0, count, isa);
            ExpectNear(found, expected, count, storage, size, isa);
            Array in_place = gate;
            GeluTanh(storage, in_place.data(), other, in_place.data(), 0, count, isa);
            EXPECT_TRUE(in_place == found);
          }
        }
      }
}

TEST(GeluTanh, EndsAtItsLimits) {
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    const float gate[] = {0, 1e30f, -1e30f, infinity, std::nanf(""), -12};
    float out[6];
    GeluTanh(Storage::kF32, gate, nullptr, out, 0, 6, isa);
    EXPECT_EQ(out[0], 0);
    EXPECT_EQ(out[1], 1e30f);
    EXPECT_EQ(out[2], 0);
    EXPECT_EQ(out[3], infinity);
    EXPECT_TRUE(std::isnan(out[4]));
    EXPECT_NEAR(out[5], 0, 1e-30);
  }
}

TEST(Rotary, AgreesWithTheOracle) {
  for (const Storage x_storage : kStorages)
    for (const Storage out_storage : kStorages)
      for (const int64_t size : {2, 6, 16, 34, 72, 256})
        for (const bool turned : {false, true}) {
          const int64_t rows = 3, heads = 2, out_rows = 8;
          const int64_t count = heads * out_rows * size;
          const Array x(x_storage, rows * (heads * size + 4), 1);
          const Array cos(Storage::kF32, rows * size, 2), sin(Storage::kF32, rows * size, 3);
          RotaryArgs args;
          args.x_storage = x_storage;
          args.out_storage = out_storage;
          args.x = x.data();
          args.x_row_stride = heads * size + 4;
          args.out_head_stride = out_rows * size;
          args.out_offset = 4;
          if (turned) {
            args.cos = static_cast<const float*>(cos.data());
            args.sin = static_cast<const float*>(sin.data());
          }
          args.heads = heads;
          args.head_size = size;
          Array expected(out_storage, count, 9);
          args.out = expected.data();
          Rotary(args, 1, 3, Isa::kScalar);
          for (const Isa isa : FastIsas()) {
            Array found(out_storage, count, 9);
            args.out = found.data();
            Rotary(args, 1, 3, isa);
            ExpectNear(found, expected, count, out_storage, 3, isa);
          }
        }
}

TEST(Rotary, TurnsTheHalvesAgainstEachOther) {
  const float x[] = {1, 2, 3, 4}, cos[] = {0, 1}, sin[] = {1, 0};
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    float out[4];
    RotaryArgs args;
    args.x = x;
    args.x_row_stride = 4;
    args.out = out;
    args.out_head_stride = 4;
    args.cos = cos;
    args.sin = sin;
    args.heads = 1;
    args.head_size = 4;
    Rotary(args, 0, 1, isa);
    EXPECT_EQ(out[0], -3);  // A quarter turn of (1, 3), none of (2, 4).
    EXPECT_EQ(out[1], 2);
    EXPECT_EQ(out[2], 1);
    EXPECT_EQ(out[3], 4);
  }
}

TEST(Conversion, HasTheBitsOfTheOracle) {
  std::vector<float> numbers = {0.0f, -0.0f, 1.00390625f, 1.01171875f, 3.4e38f, 1e-40f, 1e-45f};
  numbers.push_back(std::numeric_limits<float>::infinity());
  numbers.push_back(-std::numeric_limits<float>::infinity());
  numbers.push_back(std::nanf("1"));
  numbers.push_back(-std::nanf("99"));
  Numbers random(4);
  for (int i = 0; i < 3000; ++i) {
    const auto bits = static_cast<uint32_t>(random.Bits() >> 32);
    float number;
    std::memcpy(&number, &bits, sizeof(number));
    numbers.push_back(number);
  }
  const auto count = static_cast<int64_t>(numbers.size());
  std::vector<uint16_t> expected(count), found(count);
  std::vector<float> back(count), expected_back(count);
  ToBFloat16(numbers.data(), expected.data(), 0, count, Isa::kScalar);
  EXPECT_EQ(expected[2], 0x3f80);  // A tie goes to the even neighbour, down
  EXPECT_EQ(expected[3], 0x3f82);  // or up.
  EXPECT_EQ(expected[9], 0x7fc0);
  ToFloat(expected.data(), expected_back.data(), 0, count, Isa::kScalar);
  for (const Isa isa : FastIsas()) {
    ToBFloat16(numbers.data(), found.data(), 0, 5, isa);
    ToBFloat16(numbers.data(), found.data(), 5, count, isa);
    EXPECT_EQ(found, expected) << IsaName(isa);
    ToFloat(expected.data(), back.data(), 0, count, isa);
    EXPECT_EQ(std::memcmp(back.data(), expected_back.data(), count * sizeof(float)), 0);
  }
}

TEST(StreamRead, ReadsEveryByte) {
  std::vector<unsigned char> bytes(5000);
  for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
    const uint64_t before = StreamRead(bytes.data(), 3, 4999, isa);
    for (const int64_t at : {3, 700, 2047, 2500, 4992, 4998}) {
      bytes[at] = 1;
      EXPECT_NE(StreamRead(bytes.data(), 3, 4999, isa), before) << at << " " << IsaName(isa);
      bytes[at] = 0;
    }
    bytes[2] = bytes[4999] = 1;
    EXPECT_EQ(StreamRead(bytes.data(), 3, 4999, isa), before);
    bytes[2] = bytes[4999] = 0;
  }
}

TEST(Isa, HasNames) {
  EXPECT_EQ(IsaName(Isa::kScalar), "scalar");
  EXPECT_EQ(IsaName(Isa::kAvx2), "avx2");
  EXPECT_EQ(IsaName(Isa::kAvx512), "avx512");
  EXPECT_EQ(IsaName(Isa::kAvx512Bf16), "avx512bf16");
}

}  // namespace
}  // namespace occvla::kernels

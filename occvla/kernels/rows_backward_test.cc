#include <gtest/gtest.h>

#include <algorithm>

#include "occvla/kernels/test_numbers.h"

namespace occvla::kernels {
namespace {

constexpr Storage kStorages[] = {Storage::kF32, Storage::kBF16};
constexpr int64_t kSizes[] = {1, 7, 16, 31, 72, 256};
constexpr int64_t kRows = 70;  // Two parts, the second of six rows.

/// A few float32 roundings of sums of the largest value's size, and one step of the storage.
void ExpectNear(const Array& found, const Array& expected, int64_t count, Storage storage,
                Isa isa) {
  double largest = 1;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(expected[i]));
  for (int64_t i = 0; i < count; ++i)
    ASSERT_NEAR(found[i], expected[i],
                3e-6 * largest + 4.01 * Rounding(storage) * std::abs(expected[i]))
        << i << " of " << count << ", " << IsaName(isa);
}

TEST(RmsNormBackward, AgreesWithTheOracle) {
  for (const Storage x_storage : kStorages)
    for (const Storage dy_storage : kStorages)
      for (const int64_t size : kSizes) {
        const int64_t count = kRows * size;
        const Array x(x_storage, count, 1, 5), dy(dy_storage, count, 2), w(Storage::kF32, size, 3);
        Array dx(x_storage, count), found_dx(x_storage, count);
        Array dw(Storage::kF32, 2 * size), found_dw(Storage::kF32, 2 * size);
        RmsNormBackwardArgs args;
        args.x = x.data();
        args.x_storage = x_storage;
        args.w = static_cast<const float*>(w.data());
        args.dy = dy.data();
        args.dy_storage = dy_storage;
        args.rows = kRows;
        args.size = size;
        args.dx = dx.data();
        args.dw = dw.floats();
        RmsNormBackward(args, 0, 2, Isa::kScalar);
        args.dx = found_dx.data();
        args.dw = found_dw.floats();
        for (const Isa isa : FastIsas()) {
          RmsNormBackward(args, 1, 2, isa);
          RmsNormBackward(args, 0, 1, isa);
          ExpectNear(found_dx, dx, count, x_storage, isa);
          ExpectNear(found_dw, dw, 2 * size, Storage::kF32, isa);
        }
      }
}

TEST(LayerNormBackward, AgreesWithTheOracle) {
  for (const Storage dy_storage : kStorages)
    for (const int64_t size : kSizes) {
      const int64_t count = kRows * size;
      Array x(Storage::kF32, count, 1);
      for (int64_t i = 0; i < count; ++i) x.Set(i, x[i] + 3);
      const Array dy(dy_storage, count, 2), w(Storage::kF32, size, 3);
      Array dx(Storage::kF32, count), found_dx(Storage::kF32, count);
      Array dw(Storage::kF32, 4 * size), found_dw(Storage::kF32, 4 * size);
      LayerNormBackwardArgs args;
      args.x = x.floats();
      args.w = static_cast<const float*>(w.data());
      args.dy = dy.data();
      args.dy_storage = dy_storage;
      args.rows = kRows;
      args.size = size;
      args.eps = 1e-2f;  // A row of one number has no variance.
      args.dx = dx.floats();
      args.dw = dw.floats();
      args.db = dw.floats() + 2 * size;
      LayerNormBackward(args, 0, 2, Isa::kScalar);
      args.dx = found_dx.floats();
      args.dw = found_dw.floats();
      args.db = found_dw.floats() + 2 * size;
      for (const Isa isa : FastIsas()) {
        LayerNormBackward(args, 0, 2, isa);
        ExpectNear(found_dx, dx, count, Storage::kF32, isa);
        ExpectNear(found_dw, dw, 4 * size, Storage::kF32, isa);
      }
    }
}

TEST(RmsNormBackward, GivesTheSameSlopesWithoutWeightGradients) {
  const int64_t size = 33, count = kRows * size;
  const Array x(Storage::kF32, count, 1), dy(Storage::kF32, count, 2), w(Storage::kF32, size, 3);
  Array with(Storage::kF32, count), without(Storage::kF32, count), dw(Storage::kF32, 2 * size);
  RmsNormBackwardArgs args;
  args.x = x.data();
  args.w = static_cast<const float*>(w.data());
  args.dy = dy.data();
  args.rows = kRows;
  args.size = size;
  args.dx = with.data();
  args.dw = dw.floats();
  RmsNormBackward(args, 0, 2);
  args.dx = without.data();
  args.dw = nullptr;
  RmsNormBackward(args, 0, 2);
  EXPECT_TRUE(with == without);
}

TEST(GeluTanhBackward, AgreesWithTheOracle) {
  const int64_t count = 1003;
  for (const Storage storage : kStorages)
    for (const bool gated : {false, true}) {
      Array gate(storage, count, 1, 4);
      gate.Set(0, 60);
      gate.Set(1, -60);
      gate.Set(2, 0);
      const Array up(storage, count, 2), dout(storage, count, 3);
      Array dgate(storage, count), dup(storage, count);
      Array found_gate(storage, count), found_up(storage, count);
      GeluTanhBackwardArgs args;
      args.storage = storage;
      args.gate = gate.data();
      args.up = gated ? up.data() : nullptr;
      args.dout = dout.data();
      args.dgate = dgate.data();
      args.dup = gated ? dup.data() : nullptr;
      GeluTanhBackward(args, 0, count, Isa::kScalar);
      args.dgate = found_gate.data();
      args.dup = gated ? found_up.data() : nullptr;
      for (const Isa isa : FastIsas()) {
        GeluTanhBackward(args, 0, 501, isa);
        GeluTanhBackward(args, 501, count, isa);
        ExpectNear(found_gate, dgate, count, storage, isa);
        if (gated) ExpectNear(found_up, dup, count, storage, isa);
      }
    }
}

TEST(RotaryBackward, TurnsBackWhatRotaryTurned) {
  const int64_t rows = 3, heads = 2;
  for (const int64_t size : {2, 16, 18, 64, 72})
    for (const bool turned : {false, true})
      for (const Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512}) {
        Array cos(Storage::kF32, rows * size / 2), sin(Storage::kF32, rows * size / 2);
        for (int64_t i = 0; i < rows * size / 2; ++i) {
          cos.Set(i, std::cos(0.1 * static_cast<double>(i)));
          sin.Set(i, std::sin(0.1 * static_cast<double>(i)));
        }
        const Array x(Storage::kF32, rows * heads * size, 1);
        Array out(Storage::kF32, rows * heads * size), back(Storage::kF32, rows * heads * size);
        RotaryArgs forward;
        forward.x = x.data();
        forward.out = out.data();
        forward.x_row_stride = heads * size;
        forward.out_head_stride = rows * size;
        forward.cos = turned ? cos.floats() : nullptr;
        forward.sin = turned ? sin.floats() : nullptr;
        forward.heads = heads;
        forward.head_size = size;
        Rotary(forward, 0, rows, isa);
        RotaryBackwardArgs args;
        args.dout = out.data();
        args.dout_head_stride = rows * size;
        args.dout_row_stride = size;
        args.dx = back.data();
        args.dx_row_stride = heads * size;
        args.cos = forward.cos;
        args.sin = forward.sin;
        args.heads = heads;
        args.head_size = size;
        RotaryBackward(args, 0, rows, isa);
        // A rotation's gradient is its inverse.
        ExpectNear(back, x, rows * heads * size, Storage::kF32, isa);
      }
}

}  // namespace
}  // namespace occvla::kernels

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <string>

#include "occvla/kernels/test_numbers.h"

namespace occvla::kernels {
namespace {

struct Shape {
  int64_t queries, keys, heads, key_heads, head_size;
  float softcap = 0;
  float size = 1;  // Of the entries of q: scales the logits.
};

/// Tensors of one call, with strides that leave gaps.
struct Call {
  Call(const Shape& shape, Storage storage)
      : head_rows(shape.queries * (shape.head_size + 3) + 5),
        key_rows(shape.keys * (shape.head_size + 1) + 7),
        q(storage, shape.heads * head_rows, 1, shape.size),
        out(storage, shape.heads * head_rows),
        dout(storage, shape.heads * head_rows, 2),
        dq(storage, shape.heads * head_rows),
        k(storage, shape.key_heads * key_rows, 3),
        v(storage, shape.key_heads * key_rows, 4),
        logsumexp(Storage::kF32, shape.heads * shape.queries) {
    AttentionArgs& of = args.of;
    of.storage = storage;
    of.queries = shape.queries;
    of.keys = shape.keys;
    of.heads = shape.heads;
    of.key_heads = shape.key_heads;
    of.head_size = shape.head_size;
    of.q_head_stride = of.out_head_stride = head_rows;
    of.q_row_stride = of.out_row_stride = shape.head_size + 3;
    args.dout_head_stride = args.dq_head_stride = head_rows;
    args.dout_row_stride = args.dq_row_stride = shape.head_size + 3;
    of.k_head_stride = of.v_head_stride = key_rows;
    of.k_row_stride = of.v_row_stride = shape.head_size + 1;
    of.scale = 1 / std::sqrt(static_cast<float>(shape.head_size));
    of.softcap = shape.softcap;
    of.q = q.data();
    of.k = k.data();
    of.v = v.data();
    of.out = out.data();
    of.logsumexp = logsumexp.floats();
    args.dout = dout.data();
    args.dq = dq.data();
    sums = AttentionBackwardParts(of) * of.key_heads * of.keys * ((of.head_size + 15) / 16 * 16);
  }

  void See(std::vector<int32_t> begin, std::vector<int32_t> end, int32_t shared,
           std::vector<int32_t> shared_begin) {
    ranges = {std::move(begin), std::move(end), std::move(shared_begin)};
    args.of.begin = ranges[0].empty() ? nullptr : ranges[0].data();
    args.of.end = ranges[1].empty() ? nullptr : ranges[1].data();
    args.of.shared_begin = ranges[2].empty() ? nullptr : ranges[2].data();
    args.of.shared = shared;
  }

  int64_t Tasks() const { return args.of.key_heads * AttentionBackwardParts(args.of); }

  struct Gradients {
    Array out, logsumexp, dq;
    std::vector<float> dk, dv;
    bool operator==(const Gradients&) const = default;
  };
  /// Forward and backward, the latter's tasks one by one from the last or all together.
  Gradients Run(Isa isa, bool one_by_one = false) {
    Attention(args.of, 0, AttentionTasks(args.of), isa);
    std::vector<float> dk(sums, 777.0f), dv(sums, 777.0f);
    args.dk = dk.data();
    args.dv = dv.data();
    if (one_by_one)
      for (int64_t task = Tasks(); task-- > 0;) AttentionBackward(args, task, task + 1, isa);
    else
      AttentionBackward(args, 0, Tasks(), isa);
    return {out, logsumexp, dq, dk, dv};
  }

  int64_t head_rows, key_rows;
  Array q, out, dout, dq, k, v, logsumexp;
  int64_t sums;
  std::array<std::vector<int32_t>, 3> ranges;
  AttentionBackwardArgs args;
};

/// Within `allowed` of the oracle, relative to the largest value.
template <typename Values>
void ExpectNear(const Values& found, const Values& expected, int64_t count, double allowed,
                const std::string& what) {
  double largest = 1;
  for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(double(expected[i])));
  for (int64_t i = 0; i < count; ++i)
    ASSERT_NEAR(found[i], expected[i], allowed * largest) << what << " " << i << " of " << count;
}

void ExpectOracle(const Shape& shape, const std::vector<int32_t>& begin = {},
                  const std::vector<int32_t>& end = {}, int32_t shared = 0,
                  const std::vector<int32_t>& shared_begin = {}) {
  for (const Storage storage : {Storage::kF32, Storage::kBF16}) {
    Call call(shape, storage);
    call.See(begin, end, shared, shared_begin);
    const auto expected = call.Run(Isa::kScalar);
    // float32 sums; a bfloat16 `out` is off by 2^-9, and so is delta's share of the slopes.
    const double allowed = storage == Storage::kF32 ? 1e-5 * (1 + shape.size) : 2e-2;
    for (const Isa isa : FastIsas()) {
      const auto found = call.Run(isa);
      const std::string where = std::string(IsaName(isa)) + ", " + std::to_string(shape.queries) +
                                " queries, head size " + std::to_string(shape.head_size) + ": ";
      const int64_t rows = call.head_rows * shape.heads;
      ExpectNear(found.out, expected.out, rows, allowed, where + "out");
      ExpectNear(found.logsumexp, expected.logsumexp, shape.heads * shape.queries, 1e-5,
                 where + "logsumexp");
      ExpectNear(found.dq, expected.dq, rows, allowed, where + "dq");
      ExpectNear(found.dk, expected.dk, call.sums, allowed, where + "dk");
      ExpectNear(found.dv, expected.dv, call.sums, allowed, where + "dv");
    }
  }
}

TEST(AttentionBackward, AgreesWithTheOracleForEveryHeadSize) {
  for (const int64_t head_size : {8, 11, 16, 31, 64, 72, 80, 128, 256})
    ExpectOracle({11, 37, 2, 2, head_size, 5});
}

TEST(AttentionBackward, AgreesWithTheOracleForAnyNumbersOfQueriesAndKeys) {
  for (const int64_t keys : {1, 16, 17, 64, 65, 127, 128, 129, 300})
    ExpectOracle({9, keys, 1, 1, 16});
  for (const int64_t queries : {1, 2, 7, 63, 64, 65, 128, 129, 400})
    ExpectOracle({queries, 40, 2, 1, 16, 50});
}

TEST(AttentionBackward, SharesKeysBetweenTheHeadsOfAGroup) {
  for (const int64_t group : {1, 2, 3, 8, 20}) ExpectOracle({9, 50, 2 * group, 2, 16, 50});
}

TEST(AttentionBackward, CapsLargeLogits) {
  for (const float softcap : {0.0f, 5.0f, 50.0f})
    for (const float size : {0.01f, 1.0f, 30.0f}) ExpectOracle({17, 70, 2, 1, 64, softcap, size});
}

TEST(AttentionBackward, SeesOnlyTheKeysOfARange) {
  ExpectOracle({9, 600, 2, 1, 16, 50}, {0, 0, 5, 100, 300, 599, 256, 128, 17},
               {600, 1, 6, 400, 300, 600, 257, 256, 16});
  ExpectOracle({9, 20, 1, 1, 16}, {}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
}

TEST(AttentionBackward, SeesTheSharedKeysBesideItsOwn) {
  // Questions of three and of six tokens about 200 shared keys.
  const std::vector<int32_t> begin{200, 200, 200, 203, 203, 203, 203, 203, 203};
  const std::vector<int32_t> end{203, 203, 203, 206, 206, 206, 207, 208, 209};
  ExpectOracle({9, 209, 2, 1, 16, 50}, begin, end, 200);
  ExpectOracle({9, 209, 2, 1, 16, 50}, begin, end, 200, {0, 5, 130, 199, 200, 0, 128, 127, 1});
  // Own ranges that begin among the shared keys, or end there.
  ExpectOracle({4, 209, 1, 1, 16}, {0, 100, 200, 205}, {209, 202, 100, 205}, 200, {0, 0, 200, 200});
  // Few rows, which without shared keys go another way.
  ExpectOracle({2, 209, 2, 1, 16, 50}, {200, 204}, {204, 209}, 200);
}

TEST(AttentionBackward, GivesZerosToAQueryThatSeesNothing) {
  for (const Isa isa : FastIsas()) {
    Call call({3, 20, 1, 1, 16}, Storage::kF32);
    call.See({4, 0, 20}, {4, 20, 20}, 0, {});
    const auto found = call.Run(isa);
    for (const int64_t query : {0, 2})
      for (int64_t d = 0; d < 16; ++d) {
        ASSERT_EQ(found.out[query * 19 + d], 0);
        ASSERT_EQ(found.dq[query * 19 + d], 0);
      }
  }
}

TEST(AttentionBackward, HasTheSameBitsForAnyPartition) {
  for (const Storage storage : {Storage::kF32, Storage::kBF16})
    for (const Isa isa : FastIsas()) {
      Call call({300, 90, 6, 3, 24, 50}, storage);
      ASSERT_GE(call.Tasks(), 6);
      EXPECT_TRUE(call.Run(isa) == call.Run(isa, /*one_by_one=*/true)) << IsaName(isa);
    }
}

TEST(AttentionBackward, SplitsQueriesIntoPartsBySizesAlone) {
  AttentionArgs args;
  args.heads = 4;
  args.key_heads = 2;
  for (const auto& [queries, parts] : {std::pair{0, 1}, {64, 1}, {256, 2}, {2500, 8}, {90000, 8}}) {
    args.queries = queries;
    EXPECT_EQ(AttentionBackwardParts(args), parts) << queries;
  }
}

}  // namespace
}  // namespace occvla::kernels

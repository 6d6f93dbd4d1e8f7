#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <string>

#include "occvla/kernels/test_numbers.h"

namespace occvla::kernels {
namespace {

struct Shape {
  int64_t queries, keys, heads, key_heads, head_size;
  float softcap = 0;
  float size = 1;  // Of the entries of q: scales the logits.
};

std::string Text(const Shape& shape) {
  return std::to_string(shape.queries) + " queries, " + std::to_string(shape.keys) + " keys, " +
         std::to_string(shape.heads) + "/" + std::to_string(shape.key_heads) + " heads of " +
         std::to_string(shape.head_size) + ", cap " + std::to_string(shape.softcap);
}

/// Tensors of one call, with strides that leave gaps (filled with NaN, which nobody may read into
/// a result).
struct Call {
  Call(const Shape& shape, Storage storage, uint64_t seed)
      : q(storage, shape.heads * (shape.queries * (shape.head_size + 3) + 5)),
        k(storage, shape.key_heads * (shape.keys * (shape.head_size + 1) + 7)),
        v(storage, shape.key_heads * (shape.keys * (shape.head_size + 2) + 1)),
        out(storage, shape.queries * (shape.heads * (shape.head_size + 1) + 2)) {
    args.storage = storage;
    args.queries = shape.queries;
    args.keys = shape.keys;
    args.heads = shape.heads;
    args.key_heads = shape.key_heads;
    args.head_size = shape.head_size;
    args.q_row_stride = shape.head_size + 3;
    args.q_head_stride = shape.queries * args.q_row_stride + 5;
    args.k_row_stride = shape.head_size + 1;
    args.k_head_stride = shape.keys * args.k_row_stride + 7;
    args.v_row_stride = shape.head_size + 2;
    args.v_head_stride = shape.keys * args.v_row_stride + 1;
    args.out_head_stride = shape.head_size + 1;
    args.out_row_stride = shape.heads * args.out_head_stride + 2;
    args.scale = 1 / std::sqrt(static_cast<float>(shape.head_size));
    args.softcap = shape.softcap;
    args.q = q.data();
    args.k = k.data();
    args.v = v.data();
    args.out = out.data();
    Numbers numbers(seed);
    Fill(q, shape.heads, shape.queries, args.q_head_stride, args.q_row_stride, shape.size, numbers);
    Fill(k, shape.key_heads, shape.keys, args.k_head_stride, args.k_row_stride, 1, numbers);
    Fill(v, shape.key_heads, shape.keys, args.v_head_stride, args.v_row_stride, 1, numbers);
  }

  void Fill(Array& array, int64_t heads, int64_t rows, int64_t head_stride, int64_t row_stride,
            float size, Numbers& numbers) {
    for (int64_t i = 0; i < heads * head_stride; ++i) array.Set(i, std::nan(""));
    for (int64_t head = 0; head < heads; ++head)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t d = 0; d < args.head_size; ++d)
          array.Set(head * head_stride + row * row_stride + d, size * numbers.Next());
  }

  void Ranges(std::vector<int32_t> begin, std::vector<int32_t> end) {
    begins = std::move(begin);
    ends = std::move(end);
    args.begin = begins.empty() ? nullptr : begins.data();
    args.end = ends.empty() ? nullptr : ends.data();
  }

  Array Run(Isa isa) {
    for (int64_t i = 0; i < args.queries * args.out_row_stride; ++i) out.Set(i, 777);
    Attention(args, 0, AttentionTasks(args), isa);
    return out;
  }

  double At(const Array& result, int64_t head, int64_t query, int64_t d) const {
    return result[query * args.out_row_stride + head * args.out_head_stride + d];
  }

  AttentionArgs args;
  Array q, k, v, out;
  std::vector<int32_t> begins, ends;
};

/// The largest difference to the oracle, where the outputs are of size 1.
double Difference(Call& call, Isa isa) {
  const Array expected = call.Run(Isa::kScalar), found = call.Run(isa);
  double worst = 0;
  for (int64_t query = 0; query < call.args.queries; ++query)
    for (int64_t head = 0; head < call.args.heads; ++head)
      for (int64_t d = 0; d < call.args.head_size; ++d) {
        const double difference =
            std::abs(call.At(found, head, query, d) - call.At(expected, head, query, d));
        worst = difference <= worst ? worst : difference;  // A NaN counts as the worst.
        if (difference != difference) return difference;
      }
  return worst;
}

/// float32: sums and the exponential leave a few 1e-7 of a logit's size in a weight. bfloat16: the
/// weights and the result are rounded to 2^-9 each; entries of v reach 3.
double Tolerance(Storage storage, double logit) {
  return storage == Storage::kF32 ? 1e-6 * (2 + logit) : 3 * 2.5 * 0x1p-9 + 1e-6 * logit;
}

void ExpectOracle(const Shape& shape, const std::vector<int32_t>& begin = {},
                  const std::vector<int32_t>& end = {}) {
  for (const Storage storage : {Storage::kF32, Storage::kBF16}) {
    Call call(shape, storage, 7);
    call.Ranges(begin, end);
    for (const Isa isa : FastIsas())
      EXPECT_LE(Difference(call, isa), Tolerance(storage, 4 * shape.size))
          << Text(shape) << ", " << IsaName(isa);
  }
}

TEST(Attention, AgreesWithTheOracleForEveryHeadSize) {
  for (const int64_t head_size : {2, 3, 8, 16, 31, 64, 72, 80, 128, 256}) {
    ExpectOracle({11, 37, 2, 2, head_size});
    ExpectOracle({2, 37, 2, 2, head_size, 50});
  }
}

TEST(Attention, AgreesWithTheOracleForEveryNumberOfKeys) {
  for (const int64_t keys : {1, 2, 15, 16, 17, 63, 64, 65, 127, 128, 129, 255, 256, 257, 600}) {
    ExpectOracle({9, keys, 1, 1, 16, 5});
    ExpectOracle({1, keys, 1, 1, 16, 5});
  }
  ExpectOracle({9, 2999, 1, 1, 8});
  ExpectOracle({1, 2999, 1, 1, 8});
}

TEST(Attention, AgreesWithTheOracleForEveryNumberOfQueries) {
  for (const int64_t queries : {1, 2, 5, 6, 7, 8, 9, 12, 13, 127, 128, 129, 200})
    ExpectOracle({queries, 40, 1, 1, 16});
}

TEST(Attention, SharesKeysBetweenTheHeadsOfAGroup) {
  for (const int64_t group : {1, 2, 3, 4, 8, 20}) {
    ExpectOracle({9, 50, 2 * group, 2, 16, 50});
    ExpectOracle({1, 50, 2 * group, 2, 16, 50});
  }
}

TEST(Attention, CapsLargeLogits) {
  for (const float softcap : {0.0f, 5.0f, 50.0f})
    for (const float size : {0.01f, 1.0f, 30.0f, 200.0f}) {
      ExpectOracle({17, 70, 2, 1, 64, softcap, size});
      ExpectOracle({1, 70, 2, 1, 64, softcap, size});
    }
}

TEST(Attention, SeesOnlyTheKeysOfARange) {
  ExpectOracle({9, 600, 2, 1, 16, 50}, {0, 0, 5, 100, 300, 599, 256, 128, 17},
               {600, 1, 6, 400, 300, 600, 257, 256, 16});
  ExpectOracle({4, 600, 2, 1, 16, 50}, {3, 300, 5, 700}, {600, 555, 5, 900});
  ExpectOracle({9, 20, 1, 1, 16}, {}, {1, 2, 3, 4, 5, 6, 7, 8, 9});
  ExpectOracle({3, 20, 1, 1, 16}, {-4, 2, 5}, {});
}

TEST(Attention, GivesZerosToAQueryThatSeesNothing) {
  for (const int64_t queries : {3, 40})
    for (const Storage storage : {Storage::kF32, Storage::kBF16})
      for (Isa isa : {Isa::kScalar, Isa::kAvx2, Isa::kAvx512, Isa::kAvx512Bf16}) {
        Call call({queries, 20, 2, 1, 24}, storage, 3);
        call.Ranges(std::vector<int32_t>(queries, 4), std::vector<int32_t>(queries, 4));
        const Array out = call.Run(isa);
        for (int64_t query = 0; query < queries; ++query)
          for (int64_t d = 0; d < 24; ++d) ASSERT_EQ(call.At(out, 1, query, d), 0);
      }
}

TEST(Attention, WritesNothingBetweenTheRows) {
  for (const int64_t queries : {3, 40})
    for (const Isa isa : FastIsas()) {
      Call call({queries, 20, 2, 1, 21}, Storage::kBF16, 3);
      const Array out = call.Run(isa);
      for (int64_t query = 0; query < queries; ++query)
        for (int64_t head = 0; head < 2; ++head) ASSERT_EQ(call.At(out, head, query, 21), 776);
    }
}

TEST(Attention, HasTheSameBitsForAnyPartition) {
  for (const Storage storage : {Storage::kF32, Storage::kBF16})
    for (const Isa isa : FastIsas())
      for (const int64_t queries : {1, 300}) {
        Call call({queries, 90, 6, 3, 24, 50}, storage, 5);
        const Array together = call.Run(isa);
        const int64_t tasks = AttentionTasks(call.args);
        ASSERT_GE(tasks, 3);
        for (int64_t i = 0; i < queries * call.args.out_row_stride; ++i) call.out.Set(i, 777);
        for (int64_t task = tasks; task-- > 0;) Attention(call.args, task, task + 1, isa);
        EXPECT_TRUE(call.out == together) << IsaName(isa);
      }
}

TEST(Attention, HasTheSameBitsWhateverTheOtherQueriesAre) {
  for (const Storage storage : {Storage::kF32, Storage::kBF16})
    for (const Isa isa : FastIsas())
      for (const int64_t queries : {4, 60}) {
        const Shape shape{queries, 700, 2, 1, 24, 50};
        Call call(shape, storage, 5);
        std::vector<int32_t> begin(queries, 290), end(queries, 400);
        call.Ranges(begin, end);
        const Array alone = call.Run(isa);
        for (int64_t query = 1; query < queries; ++query) {
          begin[query] = static_cast<int32_t>(query);
          end[query] = 700;
          for (int64_t d = 0; d < 24; ++d) call.q.Set(query * call.args.q_row_stride + d, 1e3);
        }
        call.Ranges(begin, end);
        const Array among = call.Run(isa);
        for (int64_t head = 0; head < 2; ++head)
          for (int64_t d = 0; d < 24; ++d)
            ASSERT_EQ(call.At(alone, head, 0, d), call.At(among, head, 0, d)) << IsaName(isa);
      }
}

TEST(Attention, ReadsNoKeyThatNoQuerySees) {
  for (const Storage storage : {Storage::kF32, Storage::kBF16})
    for (const Isa isa : FastIsas())
      for (const int64_t queries : {4, 60}) {
        Call call({queries, 300, 1, 1, 24}, storage, 5);
        call.Ranges(std::vector<int32_t>(queries, 3), std::vector<int32_t>(queries, 261));
        const Array before = call.Run(isa);
        for (const int64_t key : {0, 1, 2, 261, 262, 299})
          for (int64_t d = 0; d < 24; ++d) {
            call.k.Set(key * call.args.k_row_stride + d, std::nan(""));
            call.v.Set(key * call.args.v_row_stride + d, std::nan(""));
          }
        EXPECT_TRUE(call.Run(isa) == before) << IsaName(isa);
      }
}

TEST(Attention, KeepsANaNInItsRowAndOutOfTheOthers) {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double bad : {std::nan(""), infinity, -infinity})
    for (const Storage storage : {Storage::kF32, Storage::kBF16})
      for (const Isa isa : FastIsas())
        for (const int64_t queries : {3, 40}) {
          Call call({queries, 300, 2, 1, 24}, storage, 5);
          const Array before = call.Run(isa);
          call.q.Set(1 * call.args.q_row_stride + 7, bad);
          const Array after = call.Run(isa);
          for (int64_t d = 0; d < 24; ++d)
            ASSERT_TRUE(std::isnan(call.At(after, 0, 1, d))) << IsaName(isa) << " " << bad;
          for (int64_t query = 0; query < queries; ++query)
            for (int64_t head = 0; head < 2; ++head)
              if (head != 0 || query != 1) {
                for (int64_t d = 0; d < 24; ++d)
                  ASSERT_EQ(call.At(after, head, query, d), call.At(before, head, query, d));
              }
        }
}

/// A head of size 1 whose keys are 0 and x: the weights say what the cap made of x.
TEST(Attention, KeepsSmallScoresThroughTheCap) {
  for (const Isa isa : FastIsas())
    for (const int64_t queries : {1, 20}) {
      // v = [1, -1] and scores [c, -c] give tanh(c), where c = cap * tanh(x / cap).
      for (const float x : {1e-30f, 1e-6f, 1e-3f, 0.1f, 1.0f, 3.0f}) {
        std::vector<float> q(queries, 1.0f), k{x, -x}, v{1, -1}, out(queries);
        AttentionArgs args;
        args.q = q.data();
        args.k = k.data();
        args.v = v.data();
        args.out = out.data();
        args.queries = queries;
        args.keys = 2;
        args.heads = args.key_heads = args.head_size = 1;
        args.q_row_stride = args.k_row_stride = args.v_row_stride = args.out_row_stride = 1;
        args.softcap = 50;
        Attention(args, 0, 1, isa);
        const double expected = std::tanh(50 * std::tanh(x / 50.0));
        EXPECT_NEAR(out[0], expected, 2e-7) << x << " " << IsaName(isa);
      }
    }
}

TEST(Attention, HasNoTasksWithoutQueries) {
  AttentionArgs args;
  args.heads = args.key_heads = 4;
  EXPECT_EQ(AttentionTasks(args), 0);
  for (const Isa isa : FastIsas()) Attention(args, 0, 0, isa);
}

}  // namespace
}  // namespace occvla::kernels

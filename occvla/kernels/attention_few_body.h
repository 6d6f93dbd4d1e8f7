#pragma once
#include "occvla/kernels/softmax_body.h"

/// Attention of few rows (query x head of the group): decoding. Nothing is packed: keys and values
/// are read once, in order, at the speed of memory. Internal linkage throughout.
namespace occvla::kernels {
namespace {

constexpr int64_t kFewRows = 8;
constexpr int64_t kFewKeys = 256;  // Scores held at a time.
constexpr int64_t kFewAhead = 8;   // Rows fetched ahead of their use.

inline bool IsFew(const AttentionArgs& args) {
  return args.heads / args.key_heads * args.queries <= kFewRows && args.shared == 0 &&
         args.logsumexp == nullptr;
}

/// scores[r] = q[r] . k for kRows rows `stride` apart.
template <int kRows, typename Number>
inline void DotRows(const float* q, int64_t q_stride, const Number* k, int64_t size, float* scores,
                    int64_t stride) {
  Vector sums[kRows];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) sums[r] = Zero();
  int64_t d = 0;
  for (; d + kWidth <= size; d += kWidth) {
    const Vector key = Load(k + d);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) sums[r] = MultiplyAdd(key, Load(q + r * q_stride + d), sums[r]);
  }
  if (d < size) {
    const Vector key = Load(k + d, size - d);
    for (int r = 0; r < kRows; ++r) sums[r] = MultiplyAdd(key, Load(q + r * q_stride + d), sums[r]);
  }
  for (int r = 0; r < kRows; ++r) scores[r * stride] = Sum(sums[r]);
}

/// sums[d] += weights . v over the keys [skip, count) of a group of eight. The others are not read:
/// memory that no query sees may hold anything.
template <typename Number>
inline void AddValues(const float* weights, int64_t stride, int64_t rows, const Number* v,
                      int64_t v_stride, int64_t skip, int64_t count, float* sums,
                      int64_t sums_stride, int64_t size) {
  for (int64_t d = 0; d < size; d += kWidth) {
    const int64_t lanes = Smaller(size - d, kWidth);
    Vector values[8];
    if (skip <= 0 && count == 8 && lanes == kWidth) {
#pragma GCC unroll 8
      for (int key = 0; key < 8; ++key) values[key] = Load(v + key * v_stride + d);
    } else {
      for (int key = 0; key < 8; ++key)
        values[key] = key >= skip && key < count ? Load(v + key * v_stride + d, lanes) : Zero();
    }
    for (int64_t r = 0; r < rows; ++r) {
      Vector sum = Load(sums + r * sums_stride + d);
#pragma GCC unroll 8
      for (int key = 0; key < 8; ++key)
        sum = MultiplyAdd(Fill(weights[r * stride + key]), values[key], sum);
      Store(sums + r * sums_stride + d, sum);
    }
  }
}

template <typename Number>
void FewTask(const AttentionArgs& args, int64_t key_head, Scratch& scratch) {
  const int64_t group = args.heads / args.key_heads;
  const int64_t rows = group * args.queries;  // Row g * T + t.
  const int64_t padded = RoundUp(args.head_size, kWidth);
  float* q = scratch.Take(kFewRows * padded);
  float* sums = scratch.Take(kFewRows * padded);
  float* scores = scratch.Take(kFewRows * kFewKeys);
  RowState states[kFewRows];
  Range all{args.keys, 0};
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t head = key_head * group + r / args.queries, query = r % args.queries;
    const Number* from =
        static_cast<const Number*>(args.q) + head * args.q_head_stride + query * args.q_row_stride;
    for (int64_t d = 0; d < padded; d += kWidth) {
      Store(q + r * padded + d, Load(from + d, Smaller(args.head_size - d, kWidth)));
      Store(sums + r * padded + d, Zero());
    }
    const Range visible = Visible(args, query);
    if (visible.begin >= visible.end) continue;
    all = {Smaller(all.begin, visible.begin), Larger(all.end, visible.end)};
  }
  const Number* k = static_cast<const Number*>(args.k) + key_head * args.k_head_stride;
  const Number* v = static_cast<const Number*>(args.v) + key_head * args.v_head_stride;
  using Dot = void (*)(const float*, int64_t, const Number*, int64_t, float*, int64_t);
  static constexpr Dot kDots[] = {DotRows<1, Number>, DotRows<2, Number>, DotRows<3, Number>,
                                  DotRows<4, Number>, DotRows<5, Number>, DotRows<6, Number>,
                                  DotRows<7, Number>, DotRows<8, Number>};
  const Dot dot = kDots[rows - 1];
  const int64_t row_bytes = args.head_size * static_cast<int64_t>(sizeof(Number));
  for (int64_t start = all.begin / kFewKeys * kFewKeys; start < all.end; start += kFewKeys) {
    const int64_t from = Larger(all.begin - start, 0), to = Smaller(all.end - start, kFewKeys);
    const int64_t count = RoundUp(to, kWidth);
    for (int64_t key = from; key < to; ++key) {
      const Number* row = k + (start + key) * args.k_row_stride;
      Prefetch(row + kFewAhead * args.k_row_stride, row_bytes);
      dot(q, padded, row, args.head_size, scores + key, kFewKeys);
    }
    for (int64_t r = 0; r < rows; ++r) {
      const Range visible = Visible(args, r % args.queries);
      const float factor = Weigh(args, scores + r * kFewKeys, count, visible.begin - start,
                                 Smaller(visible.end - start, count), states[r]);
      if (factor != 1) Scale(sums + r * padded, padded, factor);
    }
    // Groups of eight keys sit at multiples of eight, whatever the ranges, so that a row's bits do
    // not depend on the other rows.
    for (int64_t key = from / 8 * 8; key < to; key += 8) {
      const Number* row = v + (start + key) * args.v_row_stride;
      for (int64_t i = 0; i < 8; ++i)
        Prefetch(row + (kFewAhead + i) * args.v_row_stride, row_bytes);
      AddValues(scores + key, kFewKeys, rows, row, args.v_row_stride, from - key,
                Smaller(to - key, 8), sums, padded, args.head_size);
    }
  }
  for (int64_t r = 0; r < rows; ++r) {
    const int64_t head = key_head * group + r / args.queries, query = r % args.queries;
    const Range visible = Visible(args, query);
    Finish(
        sums + r * padded, states[r].total, visible.begin < visible.end,
        static_cast<Number*>(args.out) + head * args.out_head_stride + query * args.out_row_stride,
        args.head_size);
  }
}

template <typename Number>
void FewBody(const AttentionArgs& args, int64_t first, int64_t last) {
  for (int64_t task = first; task < last; ++task) {
    Scratch scratch(kFewRows * (2 * RoundUp(args.head_size, kWidth) + kFewKeys) + 64);
    FewTask<Number>(args, task, scratch);
  }
}

}  // namespace
}  // namespace occvla::kernels

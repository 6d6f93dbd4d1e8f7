#pragma once
#include "occvla/kernels/math_body.h"
#include "occvla/kernels/memory.h"
#include "occvla/kernels/variants.h"

/// What both attention bodies share: the softmax over one block of keys after another. Internal
/// linkage throughout.
namespace occvla::kernels {
namespace {

constexpr float kInfinity = __builtin_inff();

inline int64_t Smaller(int64_t a, int64_t b) { return a < b ? a : b; }
inline int64_t Larger(int64_t a, int64_t b) { return a > b ? a : b; }
inline int64_t RoundUp(int64_t a, int64_t step) { return (a + step - 1) / step * step; }

struct Range {
  int64_t begin, end;
};
/// A query's own keys.
inline Range Visible(const AttentionArgs& args, int64_t query) {
  return {Larger(args.begin ? args.begin[query] : 0, args.shared),
          args.end ? Smaller(args.end[query], args.keys) : args.keys};
}
/// What it sees of the shared keys.
inline Range VisibleShared(const AttentionArgs& args, int64_t query) {
  return {args.shared_begin ? Larger(args.shared_begin[query], 0) : 0,
          Smaller(args.shared, args.keys)};
}
/// Keys are walked through in two passes, the shared ones and the queries' own. A block of keys in
/// which one ends and the other begins is visited twice.
enum class Side { kShared, kOwn };
inline Range Visible(const AttentionArgs& args, int64_t query, Side side) {
  return side == Side::kOwn ? Visible(args, query) : VisibleShared(args, query);
}
inline bool SeesAny(const AttentionArgs& args, int64_t query) {
  const Range own = Visible(args, query), shared = VisibleShared(args, query);
  return own.begin < own.end || shared.begin < shared.end;
}
/// From the first to behind the last key that one of `queries` sees.
inline Range Hull(const AttentionArgs& args, int64_t first_query, int64_t queries, Side side) {
  Range all{args.keys, 0};
  for (int64_t t = 0; t < queries; ++t) {
    const Range visible = Visible(args, first_query + t, side);
    if (visible.begin < visible.end)
      all = {Smaller(all.begin, visible.begin), Larger(all.end, visible.end)};
  }
  return all;
}

/// The softmax of one row so far: the largest score, and the sum of e^(score - largest).
struct RowState {
  float largest = -kInfinity;
  float total = 0;
};

/// Turns scores of the keys [from, to) of a block into weights e^(score - largest), in place; those
/// of [0, from) and [to, count) become 0. `count` is a multiple of kWidth. Returns the factor for
/// what was summed before. Vectors without a visible key are not computed, which changes no bit:
/// they would add zeros.
inline float Weigh(const AttentionArgs& args, float* scores, int64_t count, int64_t from,
                   int64_t to, RowState& state) {
  from = Larger(from, 0);
  to = Smaller(to, count);
  const int64_t first = from >= to ? count : from / kWidth * kWidth;
  const int64_t last = from >= to ? count : RoundUp(to, kWidth);
  for (int64_t i = 0; i < first; i += kWidth) Store(scores + i, Zero());
  for (int64_t i = last; i < count; i += kWidth) Store(scores + i, Zero());
  if (first == last) return 1;
  const Vector scale = Fill(args.scale), cap = Fill(args.softcap);
  const Vector inverse_cap = Fill(args.softcap > 0 ? 1.0f / args.softcap : 0.0f);
  const Vector nothing = Fill(-kInfinity);
  Vector most = nothing;
  for (int64_t i = first; i < last; i += kWidth) {
    Vector x = Multiply(Load(scores + i), scale);
    if (args.softcap > 0) x = SoftCap(x, cap, inverse_cap);
    if (i < from || i + kWidth > to) x = Select(Lanes(from - i, to - i), x, nothing);
    Store(scores + i, x);
    most = Max(x, most);  // A NaN is passed over here and comes back in the exponential.
  }
  const float before = state.largest;
  const float block = Largest(most);
  if (block > before) state.largest = block;
  // While every score is -infinity, so is the largest; its difference to itself would be NaN.
  const Vector largest = Fill(state.largest == -kInfinity ? 0.0f : state.largest);
  Vector sums = Zero();
  for (int64_t i = first; i < last; i += kWidth) {
    const Vector weight = Exp(Subtract(Load(scores + i), largest));
    sums = Add(sums, weight);
    Store(scores + i, weight);
  }
  float factor = 1;
  if (state.largest != before) {
    alignas(64) float lanes[kWidth];
    Store(lanes, Exp(Fill(before - state.largest)));
    factor = lanes[0];
  }
  state.total = state.total * factor + Sum(sums);
  return factor;
}

inline void Scale(float* data, int64_t count, float factor) {
  for (int64_t i = 0; i < count; i += kWidth)
    Store(data + i, Multiply(Load(data + i), Fill(factor)));
}

/// out[0, size) = sums / total; zeros for a query that sees nothing.
template <typename Number>
void Finish(const float* sums, float total, bool sees, Number* out, int64_t size) {
  for (int64_t i = 0; i < size; i += kWidth) {
    const Vector value = sees ? Divide(Load(sums + i), Fill(total)) : Zero();
    Store(out + i, value, Smaller(size - i, kWidth));
  }
}

}  // namespace
}  // namespace occvla::kernels

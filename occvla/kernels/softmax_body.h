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
inline Range Visible(const AttentionArgs& args, int64_t query) {
  return {args.begin ? Larger(args.begin[query], 0) : 0,
          args.end ? Smaller(args.end[query], args.keys) : args.keys};
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

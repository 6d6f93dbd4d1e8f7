#pragma once
#include <type_traits>

#include "occvla/kernels/attention_float_body.h"

/// The gradients of attention in tiles of rows (query x head of the group) x keys, five products a
/// tile. Internal linkage throughout.
namespace occvla::kernels {
namespace {

/// One row of a tile: scores q.k become weights p, and `slopes`, which come in as dout.v, the
/// gradients of q.k. Keys outside [from, to) get zeros in both; `count` is a multiple of kWidth.
inline void Slopes(const AttentionArgs& args, float* scores, float* slopes, int64_t count,
                   int64_t from, int64_t to, float logsumexp, float delta) {
  from = Larger(from, 0);
  to = Smaller(to, count);
  const int64_t first = from >= to ? count : from / kWidth * kWidth;
  const int64_t last = from >= to ? count : RoundUp(to, kWidth);
  const auto clear = [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i += kWidth) {
      Store(scores + i, Zero());
      Store(slopes + i, Zero());
    }
  };
  clear(0, first);
  clear(last, count);
  const bool capped = args.softcap > 0;
  const Vector scale = Fill(args.scale), cap = Fill(args.softcap);
  const Vector inverse_cap = Fill(capped ? 1.0f / args.softcap : 0.0f);
  const Vector one = Fill(1.0f), total = Fill(logsumexp), mean = Fill(delta);
  for (int64_t i = first; i < last; i += kWidth) {
    Vector s = Multiply(Load(scores + i), scale);
    Vector slope = scale;
    if (capped) {
      s = SoftCap(s, cap, inverse_cap);
      const Vector tanh = Multiply(s, inverse_cap);
      slope = Multiply(slope, MultiplySubtractFrom(tanh, tanh, one));
    }
    Vector p = Exp(Subtract(s, total));
    slope = Multiply(slope, Multiply(p, Subtract(Load(slopes + i), mean)));
    if (i < from || i + kWidth > to) {
      const Mask seen = Lanes(from - i, to - i);
      p = Select(seen, p, Zero());
      slope = Select(seen, slope, Zero());
    }
    Store(scores + i, p);
    Store(slopes + i, slope);
  }
}

template <typename Number>
class BackwardTask {
 public:
  BackwardTask(const AttentionBackwardArgs& args, int64_t parts)
      : all_(args),
        args_(args.of),
        parts_(parts),
        group_(args_.heads / args_.key_heads),
        block_(QueriesPerTask(args_)),
        size_(args_.head_size),
        columns_(RoundUp(size_, kWidth)),
        padded_(PaddedHead(args_)),
        scratch_(Floats()) {
    const int64_t most = group_ * Smaller(block_, args_.queries);
    for (float** tile : {&q_, &dout_, &q_panels_, &dout_panels_, &dq_})
      *tile = scratch_.Take(most * columns_);
    for (float** tile : {&k_, &v_, &k_panels_}) *tile = scratch_.Take(kRoundKeys * columns_);
    scores_ = scratch_.Take(most * kStride);
    slopes_ = scratch_.Take(most * kStride);
    logsumexp_ = scratch_.Take(most);
    delta_ = scratch_.Take(most);
  }

  void Run(int64_t task) {
    key_head_ = task / parts_;
    const int64_t part = task % parts_;
    const int64_t start = (part * args_.key_heads + key_head_) * args_.keys * padded_;
    dk_ = all_.dk + start;
    dv_ = all_.dv + start;
    for (int64_t i = 0; i < args_.keys * padded_; i += kWidth) {
      Store(dk_ + i, Zero());
      Store(dv_ + i, Zero());
    }
    const BlockRange blocks = BlocksOfPart(args_, part, parts_);
    for (int64_t block = blocks.first; block < blocks.last; ++block) Queries(block * block_);
  }

 private:
  using Format = FloatFormat;
  static constexpr int64_t kKeys = Format::kKeys;
  static constexpr int64_t kRoundKeys = (kKeys + kPanel - 1) / kPanel * kPanel;
  static constexpr int64_t kStride = kRoundKeys + 16;  // Neighbouring rows in other cache sets.

  int64_t Floats() const {
    const int64_t most = group_ * Smaller(block_, args_.queries);
    return most * (5 * columns_ + 2 * kStride + 2) + 3 * kRoundKeys * columns_ + 12 * 16;
  }

  /// Row r = g * queries + t: head g of the group, query t of the block.
  template <typename Pointer>
  auto* Row(Pointer* data, int64_t head_stride, int64_t row_stride, int64_t r) const {
    using Element = std::conditional_t<std::is_const_v<Pointer>, const Number, Number>;
    return static_cast<Element*>(data) + (key_head_ * group_ + r / queries_) * head_stride +
           (first_query_ + r % queries_) * row_stride;
  }

  void Queries(int64_t first_query) {
    first_query_ = first_query;
    queries_ = Smaller(block_, args_.queries - first_query_);
    rows_ = group_ * queries_;
    for (int64_t r = 0; r < rows_; ++r) PackRow(r);
    Panels(args_.q, args_.q_head_stride, args_.q_row_stride, q_panels_);
    Panels(all_.dout, all_.dout_head_stride, all_.dout_row_stride, dout_panels_);
    if (args_.shared > 0) Walk(Side::kShared);
    Walk(Side::kOwn);
    for (int64_t r = 0; r < rows_; ++r) {
      Number* to = Row(all_.dq, all_.dq_head_stride, all_.dq_row_stride, r);
      for (int64_t d = 0; d < size_; d += kWidth)
        Store(to + d, Load(dq_ + r * columns_ + d), Smaller(size_ - d, kWidth));
    }
  }

  void PackRow(int64_t r) {
    const Number* dout = Row(all_.dout, all_.dout_head_stride, all_.dout_row_stride, r);
    const Number* out =
        Row(const_cast<const void*>(args_.out), args_.out_head_stride, args_.out_row_stride, r);
    Format::PackRow(Row(args_.q, args_.q_head_stride, args_.q_row_stride, r), size_,
                    q_ + r * columns_);
    Format::PackRow(dout, size_, dout_ + r * columns_);
    Vector delta = Zero();
    for (int64_t d = 0; d < size_; d += kWidth) {
      const int64_t count = Smaller(size_ - d, kWidth);
      delta = MultiplyAdd(Load(dout + d, count), Load(out + d, count), delta);
      Store(dq_ + r * columns_ + d, Zero());
    }
    delta_[r] = Sum(delta);
    logsumexp_[r] = args_.logsumexp[(key_head_ * group_ + r / queries_) * args_.queries +
                                    first_query_ + r % queries_];
  }

  /// The rows as the right side of a product.
  void Panels(const void* data, int64_t head_stride, int64_t row_stride, float* to) const {
    for (int64_t column = 0; column < columns_; column += kPanel) {
      const int64_t width = Smaller(columns_ - column, kPanel);
      for (int64_t r = 0; r < rows_; r += queries_)
        Format::PackValues(Row(data, head_stride, row_stride, r), row_stride, 0, queries_, queries_,
                           column, width, size_, to + column * rows_ + r * width);
    }
  }

  void Walk(Side side) {
    const Range all = Hull(args_, first_query_, queries_, side);
    for (int64_t start = all.begin / kKeys * kKeys; start < all.end; start += kKeys)
      Block(side, start, Larger(all.begin - start, 0), Smaller(all.end - start, kKeys));
  }

  /// Keys [start + from, start + to).
  void Block(Side side, int64_t start, int64_t from, int64_t to) {
    const Number* k = static_cast<const Number*>(args_.k) + key_head_ * args_.k_head_stride +
                      start * args_.k_row_stride;
    const Number* v = static_cast<const Number*>(args_.v) + key_head_ * args_.v_head_stride +
                      start * args_.v_row_stride;
    const int64_t count = RoundUp(to, kPanel);
    for (int64_t key = 0; key < count; key += kWidth) {
      const int64_t place = key / kPanel * kPanel * size_ + key % kPanel;
      Format::PackKeys(k, args_.k_row_stride, key, from, to, size_, k_ + place, kPanel);
      Format::PackKeys(v, args_.v_row_stride, key, from, to, size_, v_ + place, kPanel);
    }
    for (int64_t column = 0; column < columns_; column += kPanel)
      Format::PackValues(k, args_.k_row_stride, from, to, count, column,
                         Smaller(columns_ - column, kPanel), size_, k_panels_ + column * count);
    Product<Format>(q_, columns_, k_, size_, scores_, kStride, rows_, count, false);
    Product<Format>(dout_, columns_, v_, size_, slopes_, kStride, rows_, count, false);
    for (int64_t r = 0; r < rows_; ++r) {
      const Range visible = Visible(args_, first_query_ + r % queries_, side);
      Slopes(args_, scores_ + r * kStride, slopes_ + r * kStride, count, visible.begin - start,
             visible.end - start, logsumexp_[r], delta_[r]);
    }
    Product<Format>(slopes_, kStride, k_panels_, count, dq_, columns_, rows_, columns_, true);
    const int64_t place = (start + from) * padded_;
    Product<Format, /*kTransposed=*/true>(scores_ + from, kStride, dout_panels_, rows_, dv_ + place,
                                          padded_, to - from, columns_, true);
    Product<Format, /*kTransposed=*/true>(slopes_ + from, kStride, q_panels_, rows_, dk_ + place,
                                          padded_, to - from, columns_, true);
  }

  const AttentionBackwardArgs& all_;  // Outlives the task.
  const AttentionArgs& args_;
  const int64_t parts_, group_, block_, size_, columns_, padded_;
  Scratch scratch_;
  float *q_, *dout_, *q_panels_, *dout_panels_, *dq_, *k_, *v_, *k_panels_, *scores_, *slopes_,
      *logsumexp_, *delta_;
  float *dk_ = nullptr, *dv_ = nullptr;
  int64_t key_head_ = 0, first_query_ = 0, queries_ = 0, rows_ = 0;
};

template <typename Number>
void BackwardOf(const AttentionBackwardArgs& args, int64_t first, int64_t last) {
  if (first >= last) return;
  BackwardTask<Number> task(args, AttentionBackwardParts(args.of));
  for (int64_t i = first; i < last; ++i) task.Run(i);
}

inline void BackwardBody(const AttentionBackwardArgs& args, int64_t first, int64_t last) {
  if (args.of.storage == Storage::kF32)
    BackwardOf<float>(args, first, last);
  else
    BackwardOf<uint16_t>(args, first, last);
}

}  // namespace
}  // namespace occvla::kernels

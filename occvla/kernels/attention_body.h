#pragma once
#include "occvla/kernels/attention_few_body.h"

/// Attention over blocks of keys, packed once for the rows (query x head of the group) of a task.
/// Internal linkage throughout. The including file gives the Vector and, as `Format`, how two
/// numbers are multiplied:
///
///   Number    what q, k, v and the weights are packed as
///   kPerUnit  how many of them a 32-bit unit holds: the unit is what a lane multiplies at a time
///   Dot(a, b, sum)         sum + a . b per lane, over the units' bits
///   PackKeys, PackValues, PackRow, PackWeights: see attention_avx512bf16.cc
///
/// Matrices are packed in panels of kPanel columns: [unit][column], one unit of every column side
/// by side. Blocks start at multiples of kKeys whatever the ranges, and what a query does not see
/// adds exact zeros, so a query's bits depend on no other query and on no partition.
namespace occvla::kernels {
namespace {

constexpr int64_t kPanel = kTileColumns * kWidth;

/// c[r][column] (+)= sum over units of a[r][unit] . b[unit][column], for kRows x kColumns * kWidth.
/// Transposed, a is [unit][r].
template <typename Format, int kRows, int kColumns, bool kTransposed>
void Tile(const float* a, int64_t a_stride, const float* b, int64_t units, float* c,
          int64_t c_stride, bool add) {
  Vector sums[kRows][kColumns];
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int column = 0; column < kColumns; ++column)
      sums[r][column] = add ? Load(c + r * c_stride + column * kWidth) : Zero();
  for (int64_t unit = 0; unit < units; ++unit) {
    Vector columns[kColumns];
#pragma GCC unroll 8
    for (int column = 0; column < kColumns; ++column)
      columns[column] = Load(b + (unit * kColumns + column) * kWidth);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const Vector row = Fill(a[kTransposed ? unit * a_stride + r : r * a_stride + unit]);
#pragma GCC unroll 8
      for (int column = 0; column < kColumns; ++column)
        sums[r][column] = Format::Dot(row, columns[column], sums[r][column]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 8
    for (int column = 0; column < kColumns; ++column)
      Store(c + r * c_stride + column * kWidth, sums[r][column]);
}

/// The same for any number of rows and at most kPanel columns (a multiple of kWidth).
template <typename Format, int kColumns, bool kTransposed>
void Strip(const float* a, int64_t a_stride, const float* b, int64_t units, float* c,
           int64_t c_stride, int64_t rows, bool add) {
  using Function = void (*)(const float*, int64_t, const float*, int64_t, float*, int64_t, bool);
  static constexpr Function kTiles[] = {
      Tile<Format, 1, kColumns, kTransposed>, Tile<Format, 2, kColumns, kTransposed>,
      Tile<Format, 3, kColumns, kTransposed>, Tile<Format, 4, kColumns, kTransposed>,
      Tile<Format, 5, kColumns, kTransposed>, Tile<Format, 6, kColumns, kTransposed>};
  static_assert(kTileRows == 6);
  for (int64_t r = 0; r < rows; r += kTileRows)
    kTiles[Smaller(rows - r, kTileRows) - 1](a + (kTransposed ? r : r * a_stride), a_stride, b,
                                             units, c + r * c_stride, c_stride, add);
}
template <typename Format, bool kTransposed = false>
void Product(const float* a, int64_t a_stride, const float* b, int64_t units, float* c,
             int64_t c_stride, int64_t rows, int64_t columns, bool add) {
  using Function =
      void (*)(const float*, int64_t, const float*, int64_t, float*, int64_t, int64_t, bool);
  constexpr int kThree = kTileColumns < 3 ? kTileColumns : 3;
  static constexpr Function kStrips[] = {
      Strip<Format, 1, kTransposed>, Strip<Format, 2, kTransposed>,
      Strip<Format, kThree, kTransposed>, Strip<Format, kTileColumns, kTransposed>};
  for (int64_t column = 0; column < columns; column += kPanel) {
    const int64_t vectors = Smaller(columns - column, kPanel) / kWidth;
    kStrips[vectors - 1](a, a_stride, b + column * units, units, c + column, c_stride, rows, add);
  }
}

template <typename Format, typename Number>
class BlockTask {
 public:
  explicit BlockTask(const AttentionArgs& args)
      : args_(args),
        group_(args.heads / args.key_heads),
        block_(QueriesPerTask(args)),
        units_((args.head_size + Format::kPerUnit - 1) / Format::kPerUnit),
        columns_(RoundUp(args.head_size, kWidth)),
        scratch_(Floats()) {
    const int64_t most = group_ * Smaller(block_, args.queries);
    q_ = scratch_.Take(most * units_);
    k_ = scratch_.Take(RoundUp(kKeys, kPanel) * units_);
    v_ = scratch_.Take(kKeyUnits * columns_);
    scores_ = scratch_.Take(most * kKeys);
    sums_ = scratch_.Take(most * columns_);
    states_ = reinterpret_cast<RowState*>(scratch_.Take(most * 2));
  }

  void Run(int64_t task) {
    const int64_t blocks = (args_.queries + block_ - 1) / block_;
    key_head_ = task / blocks;
    first_query_ = task % blocks * block_;
    queries_ = Smaller(block_, args_.queries - first_query_);
    rows_ = group_ * queries_;
    for (int64_t r = 0; r < rows_; ++r) {
      Format::PackRow(Row(args_.q, args_.q_head_stride, args_.q_row_stride, r), args_.head_size,
                      q_ + r * units_);
      states_[r] = RowState();
      Scale(sums_ + r * columns_);
    }
    if (args_.shared > 0) Walk(Side::kShared);
    Walk(Side::kOwn);
    for (int64_t r = 0; r < rows_; ++r) {
      const int64_t query = first_query_ + r % queries_;
      const bool sees = SeesAny(args_, query);
      if (args_.logsumexp)
        args_.logsumexp[(key_head_ * group_ + r / queries_) * args_.queries + query] =
            sees ? states_[r].largest + __builtin_logf(states_[r].total) : 0.0f;
      Finish(sums_ + r * columns_, states_[r].total, sees,
             const_cast<Number*>(Row(args_.out, args_.out_head_stride, args_.out_row_stride, r)),
             args_.head_size);
    }
  }

 private:
  static constexpr int64_t kKeys = Format::kKeys;
  static constexpr int64_t kKeyUnits = kKeys / Format::kPerUnit;

  int64_t Floats() const {
    const int64_t most = group_ * Smaller(block_, args_.queries);
    return most * units_ + RoundUp(kKeys, kPanel) * units_ + kKeyUnits * columns_ + most * kKeys +
           most * columns_ + most * 2 + 6 * 16;
  }

  void Scale(float* sums) const {
    for (int64_t d = 0; d < columns_; d += kWidth) Store(sums + d, Zero());
  }

  /// Row r = g * queries + t: head g of the group, query t of the block.
  const Number* Row(const void* data, int64_t head_stride, int64_t row_stride, int64_t r) const {
    return static_cast<const Number*>(data) + (key_head_ * group_ + r / queries_) * head_stride +
           (first_query_ + r % queries_) * row_stride;
  }

  void Walk(Side side) {
    const Range all = Hull(args_, first_query_, queries_, side);
    for (int64_t start = all.begin / kKeys * kKeys; start < all.end; start += kKeys)
      Block(side, start, Larger(all.begin - start, 0), Smaller(all.end - start, kKeys));
  }

  /// Keys [start + from, start + to): the rest of the block is seen by no query and never read.
  void Block(Side side, int64_t start, int64_t from, int64_t to) {
    const Number* k = static_cast<const Number*>(args_.k) + key_head_ * args_.k_head_stride +
                      start * args_.k_row_stride;
    const Number* v = static_cast<const Number*>(args_.v) + key_head_ * args_.v_head_stride +
                      start * args_.v_row_stride;
    const int64_t count = RoundUp(to, kPanel);
    for (int64_t key = 0; key < count; key += kWidth)
      Format::PackKeys(k, args_.k_row_stride, key, from, to, args_.head_size,
                       k_ + key / kPanel * kPanel * units_ + key % kPanel, kPanel);
    Product<Format>(q_, units_, k_, units_, scores_, kKeys, rows_, count, false);
    for (int64_t r = 0; r < rows_; ++r) {
      const Range visible = Visible(args_, first_query_ + r % queries_, side);
      float* scores = scores_ + r * kKeys;
      const float factor =
          Weigh(args_, scores, count, visible.begin - start, visible.end - start, states_[r]);
      if (factor != 1) kernels::Scale(sums_ + r * columns_, columns_, factor);
      Format::PackWeights(scores, count);
    }
    const int64_t key_units = count / Format::kPerUnit;
    for (int64_t column = 0; column < columns_; column += kPanel)
      Format::PackValues(v, args_.v_row_stride, from, to, count, column,
                         Smaller(columns_ - column, kPanel), args_.head_size,
                         v_ + column * key_units);
    Product<Format>(scores_, kKeys, v_, key_units, sums_, columns_, rows_, columns_, true);
  }

  const AttentionArgs& args_;  // Outlives the task.
  const int64_t group_, block_, units_, columns_;
  Scratch scratch_;
  float *q_, *k_, *v_, *scores_, *sums_;
  RowState* states_;
  int64_t key_head_ = 0, first_query_ = 0, queries_ = 0, rows_ = 0;
};

template <typename Format, typename Number>
void AttentionOf(const AttentionArgs& args, int64_t first, int64_t last) {
  if (first >= last) return;
  if (IsFew(args)) return FewBody<Number>(args, first, last);
  BlockTask<Format, Number> block(args);
  for (int64_t task = first; task < last; ++task) block.Run(task);
}

}  // namespace
}  // namespace occvla::kernels

#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "occvla/data/nuscenes/tables.h"

namespace occvla::data::nuscenes {

/// The place of a token in the order of an index: a mix of its bits, so that tokens which count
/// upwards spread as well as random ones do.
uint64_t OrderOf(Token token);

/// Finds rows by token: row numbers in the order of (OrderOf(token), token, row), with a table of
/// where each prefix of the order begins. One look-up costs a few cache misses for random tokens,
/// and a binary search however the tokens were chosen.
class TokenIndex {
 public:
  TokenIndex() = default;
  /// Of the tokens by row. Rows without one (all zero: unreadable ones) are left out.
  TokenIndex(std::vector<Token> tokens, size_t threads);

  Row Find(Token token) const;  ///< kNoRow when absent.
  /// Resolves many at once. Quick where they name the same row as the one before, or the row behind
  /// it, as the tables mostly do; elsewhere the cache misses overlap. Zero tokens give kNoRow.
  void Find(std::span<const Token> tokens, std::span<Row> rows) const;
  /// Pairs (first row, later row) of equal tokens, by later row.
  std::vector<std::pair<Row, Row>> Duplicates() const;
  std::span<const Token> tokens() const { return tokens_; }
  std::span<const Row> sorted_rows() const { return rows_; }

 private:
  bool IsBefore(Row a, Row b) const;

  std::vector<Token> tokens_;
  std::vector<Row> rows_;
  std::vector<uint32_t> begins_;  // Per prefix of the order, where its rows begin; one more.
  int shift_ = 63;
  bool has_duplicates_ = false;
};

/// Looks a token up in the rows of an index, `sorted_rows`, by binary search.
template <typename RowType>
std::optional<Row> FindToken(std::span<const RowType> rows, std::span<const Row> sorted_rows,
                             Token token) {
  const uint64_t order = OrderOf(token);
  size_t low = 0, high = sorted_rows.size();
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const Token other = rows[sorted_rows[middle]].token;
    const uint64_t other_order = OrderOf(other);
    if (other_order < order || (other_order == order && other < token)) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == sorted_rows.size() || rows[sorted_rows[low]].token != token) return std::nullopt;
  return sorted_rows[low];
}

}  // namespace occvla::data::nuscenes

#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "occvla/data/text/vocabulary.h"

namespace occvla::data {

/// Byte-pair merges: repeatedly joins the two neighbours whose merge comes first in the list, the
/// leftmost of equals. n pieces take O(n log n), whatever they are.
class Merger {
 public:
  explicit Merger(std::span<const Vocabulary::Merge> merges);

  /// Buffers of one caller, kept between calls.
  struct Scratch {
    struct Symbol {
      int32_t id, previous, next;
    };
    std::vector<Symbol> symbols;
    std::vector<uint64_t> first, later;  // Rank and position of pairs that may merge.
  };
  /// Appends to `out` what is left of `ids` when no two neighbours merge any more.
  void Merge(std::span<const int32_t> ids, Scratch& scratch, std::vector<int64_t>& out) const;

 private:
  struct Rule {
    uint64_t pair;
    int32_t rank, result;
  };
  const Rule* Find(int32_t left, int32_t right) const;

  std::vector<Rule> table_;  // Open addressing; a power of two, at most half full.
  int shift_ = 0;
};

}  // namespace occvla::data

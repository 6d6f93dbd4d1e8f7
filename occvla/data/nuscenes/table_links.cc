#include "occvla/data/nuscenes/table_links.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "occvla/data/nuscenes/parallel.h"

namespace occvla::data::nuscenes {
namespace {

constexpr size_t kShare = 1 << 14;

std::string Text(Token token) { return token == Token{} ? "\"\"" : '"' + token.ToString() + '"'; }

class Chains {
 public:
  Chains(const ChainTokens& tokens, const TokenIndex& index, const TableState& state,
         const std::string& table, Complaints& complaints)
      : tokens_(tokens),
        index_(index),
        state_(state),
        table_(table),
        complaints_(complaints),
        count_(static_cast<Row>(tokens.next.size())) {}

  ChainRows Resolve(size_t threads) {
    rows_.next.resize(count_);
    rows_.previous.assign(count_, kNoRow);
    told_.assign(count_, false);
    ForEachShare(threads, [&](size_t begin, size_t end) {
      index_.Find(std::span(tokens_.next).subspan(begin, end - begin),
                  std::span(rows_.next).subspan(begin, end - begin));
    });
    const std::vector<Row> unanswered = Claim(threads);
    const uint64_t before = complaints_.count();
    // Dangling ones first: what follows from them is not told again.
    for (Row row = 0; row < count_; ++row) {
      if (tokens_.next[row] != Token{} && rows_.next[row] == kNoRow)
        Tell(row, "next", "is " + DanglingText(tokens_.next[row], table_));
    }
    for (const Row row : unanswered) CheckUnanswered(row);
    for (Row row = 0; row < count_; ++row) CheckUnclaimed(row);
    if (complaints_.count() == before) FindRings(threads);
    rows_.sound = complaints_.count() == before && state_.damaged.empty();
    return std::move(rows_);
  }

 private:
  void Tell(Row row, const char* field, const std::string& problem) {
    told_[row] = true;
    if (!state_.IsDamaged(row)) complaints_.Add(FieldPlace(table_, row, field) + " " + problem);
  }

  template <typename Work>
  void ForEachShare(size_t threads, const Work& work) const {
    ForEachIndex((count_ + kShare - 1) / kShare, threads, [&](size_t, size_t share) {
      work(share * kShare, std::min<size_t>(count_, (share + 1) * kShare));
    });
  }

  // The row that `next` names must name this one as `prev`. Rows of which that is not so.
  std::vector<Row> Claim(size_t threads) {
    constexpr size_t kAhead = 16;
    std::vector<Row> unanswered;
    std::mutex mutex;
    ForEachShare(threads, [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) {
        if (row + kAhead < end && rows_.next[row + kAhead] != kNoRow)
          __builtin_prefetch(&tokens_.previous[rows_.next[row + kAhead]]);
        const Row next = rows_.next[row];
        if (next == kNoRow) continue;
        // Tokens differ, so that only one row can be the one that `prev` names.
        if (tokens_.previous[next] == index_.tokens()[row]) {
          rows_.previous[next] = static_cast<Row>(row);
        } else {
          const std::lock_guard lock(mutex);
          unanswered.push_back(static_cast<Row>(row));
        }
      }
    });
    std::sort(unanswered.begin(), unanswered.end());
    return unanswered;
  }

  void CheckUnanswered(Row row) {
    const Row next = rows_.next[row];
    rows_.next[row] = kNoRow;
    if (state_.IsDamaged(next) || told_[next]) {
      told_[row] = true;
      return;
    }
    const Token back = tokens_.previous[next];
    if (back != Token{} && index_.Find(back) == kNoRow) {
      Tell(next, "prev", "is " + DanglingText(back, table_));
      told_[row] = true;
      return;
    }
    Tell(row, "next",
         fmt::format("is {} (record {}), but \"prev\" there is {}", Text(tokens_.next[row]), next,
                     Text(back)));
    told_[next] = true;
  }

  // A `prev` that no `next` answers.
  void CheckUnclaimed(Row row) {
    const Token back = tokens_.previous[row];
    if (back == Token{} || rows_.previous[row] != kNoRow || told_[row]) return;
    const Row previous = index_.Find(back);
    if (previous == kNoRow) {
      Tell(row, "prev", "is " + DanglingText(back, table_));
    } else if (!told_[previous] && !state_.IsDamaged(previous)) {
      Tell(row, "prev",
           fmt::format("is {} (record {}), but \"next\" there is {}", Text(back), previous,
                       Text(tokens_.next[previous])));
    }
  }

  void FindRings(size_t threads) {
    std::vector<unsigned char> seen(count_);  // Bytes: lists share none, threads may write them.
    ForEachShare(threads, [&](size_t begin, size_t end) {
      for (size_t row = begin; row < end; ++row) {
        if (rows_.previous[row] != kNoRow) continue;
        for (Row at = static_cast<Row>(row); at != kNoRow; at = rows_.next[at]) seen[at] = 1;
      }
    });
    for (Row row = 0; row < count_; ++row) {
      if (seen[row]) continue;
      size_t length = 0;
      for (Row at = row; !seen[at]; at = rows_.next[at], ++length) seen[at] = 1;
      Tell(row, "next",
           length == 1 ? "is the record itself"
                       : fmt::format("leads back to this record after {} records: a ring", length));
    }
  }

  const ChainTokens& tokens_;
  const TokenIndex& index_;
  const TableState& state_;
  const std::string& table_;
  Complaints& complaints_;
  const Row count_;
  ChainRows rows_;
  std::vector<bool> told_;  // Rows of which a complaint stands, or follows from one that does.
};

}  // namespace

ChainRows ResolveChains(const ChainTokens& tokens, const TokenIndex& index, const TableState& state,
                        const std::string& table, size_t threads, Complaints& complaints) {
  return Chains(tokens, index, state, table, complaints).Resolve(threads);
}

void ComplainOfDuplicates(const TokenIndex& index, const std::string& table,
                          Complaints& complaints) {
  for (const auto& [first, later] : index.Duplicates()) {
    complaints.Add(FieldPlace(table, later, "token") +
                   fmt::format(" is \"{}\", which record {} has already",
                               index.tokens()[later].ToString(), first));
  }
}

std::string DanglingText(Token token, const std::string& table) {
  return fmt::format("\"{}\", which no record of {} has", token.ToString(), table);
}

}  // namespace occvla::data::nuscenes

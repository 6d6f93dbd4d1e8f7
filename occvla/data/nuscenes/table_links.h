#pragma once
#include <span>
#include <string>
#include <vector>

#include "occvla/data/nuscenes/table_reader.h"
#include "occvla/data/nuscenes/token_index.h"

namespace occvla::data::nuscenes {

/// A table whose rows form lists by `next` and `prev`, as the file states them.
struct ChainTokens {
  std::vector<Token> next, previous;
};

/// The lists resolved: rows, or kNoRow at the ends.
struct ChainRows {
  std::vector<Row> next, previous;
  bool sound = false;  ///< No complaint: what the lists mean can be checked.
};

/// Resolves and checks lists: no reference may dangle, `prev` of `next` must be the row itself, and
/// no list may run in a ring. Adds complaints named after `table` ("v1.0-mini/sample").
ChainRows ResolveChains(const ChainTokens& tokens, const TokenIndex& index, const TableState& state,
                        const std::string& table, size_t threads, Complaints& complaints);

/// Complains of every token that two rows of a table share.
void ComplainOfDuplicates(const TokenIndex& index, const std::string& table,
                          Complaints& complaints);

/// `"<token>", which no record of v1.0-mini/sample.json has`.
std::string DanglingText(Token token, const std::string& table);

}  // namespace occvla::data::nuscenes

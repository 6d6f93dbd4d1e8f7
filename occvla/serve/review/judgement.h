#pragma once
#include <string>
#include <string_view>
#include <variant>

#include "occvla/serve/review/desk.h"

namespace occvla::serve::review {

/// What is wrong with a request, and which of its fields is at fault (empty = all of it).
struct Fault {
  std::string message, param;
};

/// More bytes than a judgement may have.
inline constexpr size_t kMostJudgementBytes = 16 << 10;

/// Reads {"verdict": "accept" | "change" | "comment" | "undo", "proposed": LABEL, "changed_to":
/// LABEL, "comment": TEXT, "who": TEXT}; `changed_to` and `comment` may be absent. Strict: unknown
/// fields, another type, another spelling are faults. What fields must be to each other is the
/// store's to say.
std::variant<Judgement, Fault> ParseJudgement(std::string_view body);

/// ?status=any|undecided|accepted|changed|commented&who=TEXT&offset=N&limit=N (1 to 5000). Empty
/// texts count as absent.
struct QueryTexts {
  std::string status, who, offset, limit;
};
std::variant<ItemQuery, Fault> ParseQuery(const QueryTexts& texts);

}  // namespace occvla::serve::review

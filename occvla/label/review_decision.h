#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/meta_action.h"

namespace occvla::label {

/// What a person said about a proposed meta action. A comment changes nothing; an undo takes back
/// the latest acceptance or change that still holds.
enum class Verdict { kAccept, kChange, kComment, kUndo };

/// One record of the review store. Records are only ever added.
struct Decision {
  std::string sample_token;   ///< 32 lower-case hex digits.
  data::MetaAction proposed;  ///< What the person was shown.
  Verdict verdict = Verdict::kAccept;
  std::optional<data::MetaAction> changed_to;  ///< With kChange only; differs from `proposed`.
  std::string comment;  ///< UTF-8, at most kMaxComment bytes; needed by kComment.
  std::string who;      ///< UTF-8 without control characters, 1 to kMaxWho bytes.
  int64_t when_ms = 0;  ///< Milliseconds since 1970, UTC; years 2000 to 9999.

  static constexpr size_t kMaxComment = 4096, kMaxWho = 100;
  friend bool operator==(const Decision&, const Decision&) = default;
};

/// What is wrong with a decision, one sentence part each without a full stop; empty = nothing.
std::vector<std::string> ProblemsOf(const Decision& decision);

/// "accept", "change", "comment", "undo".
std::string_view NameOf(Verdict verdict);

/// "2026-11-28T02:27:43.123Z" and back; nothing for any other spelling or a day that is not.
std::string UtcText(int64_t when_ms);
std::optional<int64_t> ParseUtc(std::string_view text);

/// One line of the exchange format, without its newline: {"sample_token", "proposed", "verdict",
/// "changed_to", "comment", "who", "when"}; `changed_to` stands with "change" only, `comment` only
/// where there is one. The same decision gives the same bytes.
std::string ToJsonLine(const Decision& decision);

/// Bounds on what is read from outside.
inline constexpr size_t kMaxDecisionLine = 32 << 10, kMaxDecisionBytes = size_t{256} << 20;

/// Reads JSON Lines as `ToJsonLine` writes them; empty text is no decision. Strict: unknown names,
/// labels in another spelling and every broken rule of Decision are complaints, all of which come
/// in one DataError that names file and line.
std::vector<Decision> ParseJsonLines(std::string_view text, const std::string& where);

/// What holds for a keyframe after its records were played in order of time.
struct ReviewState {
  /// The latest acceptance or change that was not taken back; nothing = undecided.
  std::optional<Decision> decision;
  size_t comments = 0;       ///< Records that carry a comment.
  std::string last_comment;  ///< The newest of them.

  /// The label that the person stands for.
  std::optional<data::MetaAction> label() const;
};

/// Plays the records of one keyframe, oldest first. An undo with nothing before it changes nothing.
ReviewState Play(std::span<const Decision> history);

}  // namespace occvla::label

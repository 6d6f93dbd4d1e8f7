#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/text/tokenizer.h"
#include "occvla/infer/engine.h"
#include "occvla/infer/sampling.h"

namespace occvla::infer {

/// Text on its way out that must not show a stop word: holds back what could still become one.
class StopFilter {
 public:
  explicit StopFilter(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  /// Adds text; returns what is safe to show now. After a stop word: what stood before it, then
  /// nothing more.
  std::string Push(std::string_view text);
  /// The rest, when the answer ended without a stop word.
  std::string Finish();
  bool stopped() const { return stopped_; }

 private:
  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

/// Grows one answer from logits: picks the next id (greedy, sampled, or among legal labels),
/// decodes it, ends at the end token, a stop word or the token limit. Knows nothing of the model.
class AnswerWriter {
 public:
  /// The tokenizer and the request outlive it.
  AnswerWriter(const data::Tokenizer& tokenizer, const Request& request);

  /// Takes the logits of the next position; false once the answer has ended.
  bool Advance(std::span<const float> logits);
  /// The token that `Advance` chose last, to be fed to the model.
  int64_t last_id() const { return ids_.back(); }
  /// Shows what is left and says how the answer ended: "" (end token or stop word) or
  /// "stopped_at_max_tokens".
  std::string Finish();

  const std::vector<int64_t>& ids() const { return ids_; }
  const std::string& text() const { return text_; }

 private:
  int64_t Pick(std::span<const float> logits);
  void UpdateConstraint();
  void Show(const std::string& text);

  const data::Tokenizer& tokenizer_;
  const Request& request_;
  data::StreamDecoder decoder_;
  StopFilter filter_;
  Rng rng_;
  std::vector<int64_t> ids_;
  std::string raw_, text_;  // raw_: all that was decoded; text_: what was shown.
  bool ended_ = false;
  // Constrained answers (Request::constrain_meta_action).
  std::vector<std::vector<int64_t>> labels_;
  std::vector<int64_t> forced_;  // Tokens of "Meta action:" still to be written, last one first.
  std::optional<LabelConstraint> constraint_;
  int64_t reserve_ = 0;  // Tokens that the header and the longest label need.
};

}  // namespace occvla::infer

#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/data/meta_action.h"
#include "occvla/data/text/tokenizer.h"

namespace occvla::data {

/// The chain-of-thought question (facts/model.md C18): "Past meta actions: <v>, <d>; ... Predict
/// the next meta action." Oldest first, the last `count` of `past`; without any: "Predict the next
/// meta action." Never ends in a newline.
std::string ChainOfThoughtPrompt(std::span<const MetaAction> past, size_t count = 4);

struct ChainOfThought {
  std::string scene;
  std::string intent;
  MetaAction meta_action;
};

/// "Scene: <text>\nIntent: <text>\nMeta action: <velocity>, <direction>". Throws DataError if scene
/// or intent hold a line break.
std::string FormatChainOfThought(const ChainOfThought& answer);

enum class MetaActionSource { kAnswer, kMostRecentPast, kDefault };

/// What an answer says; fields that are not there stay empty.
struct ParsedAnswer {
  std::string scene;
  std::string intent;
  MetaAction meta_action;
  /// kAnswer: from the last line that starts with "Meta action:"; kMostRecentPast: it had none, so
  /// the newest past action was taken; kDefault: no past either, "Maintain speed, Go Straight".
  MetaActionSource source = MetaActionSource::kAnswer;
};
ParsedAnswer ParseChainOfThought(std::string_view answer, std::span<const MetaAction> past);

/// How often answers could be parsed; printed by every report over frames.
struct FallbackCount {
  int64_t answers = 0, most_recent_past = 0, defaults = 0;
  void Add(MetaActionSource source);
  std::string ToString()
      const;  ///< "3 of 120 answers had no meta action (2 took the past, 1 the default)"
};

/// [BOS] prompt "\n": the prefix ids after the image tokens (facts A.6). The separator is tokenised
/// on its own. Throws DataError if the prompt ends in a newline.
std::vector<int64_t> PrefixIds(const Tokenizer& tokenizer, std::string_view prompt);
/// answer [EOS].
std::vector<int64_t> SuffixIds(const Tokenizer& tokenizer, std::string_view answer);

}  // namespace occvla::data

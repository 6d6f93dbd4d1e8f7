#include "occvla/data/text/prompt.h"

#include <algorithm>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::data {
namespace {

constexpr std::string_view kScene = "Scene:", kIntent = "Intent:", kMetaAction = "Meta action:";

void RefuseLineBreak(std::string_view field, const std::string& text) {
  const size_t at = text.find_first_of("\r\n");
  if (at == std::string::npos) return;
  throw DataError("chain of thought: " + std::string(field) + " has a line break at byte " +
                  std::to_string(at) + ": " + Quoted(text) +
                  ". The lines of an answer are its fields; write it on one line.");
}

// What follows `name` on its line; FormatChainOfThought puts one space between.
std::string_view Rest(std::string_view line, std::string_view name) {
  line.remove_prefix(name.size());
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

std::string ChainOfThoughtPrompt(std::span<const MetaAction> past, size_t count) {
  constexpr std::string_view kQuestion = "Predict the next meta action.";
  past = past.last(std::min(count, past.size()));
  if (past.empty()) return std::string(kQuestion);
  std::string prompt = "Past meta actions: ";
  for (size_t i = 0; i < past.size(); ++i) {
    if (i > 0) prompt += "; ";
    prompt += ToString(past[i]);
  }
  prompt += ". ";
  prompt += kQuestion;
  return prompt;
}

std::string FormatChainOfThought(const ChainOfThought& answer) {
  RefuseLineBreak("the scene", answer.scene);
  RefuseLineBreak("the intent", answer.intent);
  std::string text;
  for (const auto& [name, value] :
       {std::pair(kScene, answer.scene), std::pair(kIntent, answer.intent),
        std::pair(kMetaAction, ToString(answer.meta_action))}) {
    if (!text.empty()) text += '\n';
    text += name;
    text += ' ';
    text += value;
  }
  return text;
}

ParsedAnswer ParseChainOfThought(std::string_view answer, std::span<const MetaAction> past) {
  std::optional<std::string_view> scene, intent, action;
  while (!answer.empty()) {
    const size_t end = std::min(answer.find('\n'), answer.size());
    const std::string_view line = answer.substr(0, end);
    if (line.starts_with(kScene) && !scene) scene = Rest(line, kScene);
    if (line.starts_with(kIntent) && !intent) intent = Rest(line, kIntent);
    if (line.starts_with(kMetaAction)) action = Rest(line, kMetaAction);  // The last one counts.
    answer.remove_prefix(std::min(end + 1, answer.size()));
  }
  ParsedAnswer parsed;
  parsed.scene = scene.value_or("");
  parsed.intent = intent.value_or("");
  if (const auto said = action ? ParseMetaAction(*action) : std::nullopt) {
    parsed.meta_action = *said;
  } else if (!past.empty()) {
    parsed.meta_action = past.back();
    parsed.source = MetaActionSource::kMostRecentPast;
  } else {
    parsed.source = MetaActionSource::kDefault;
  }
  return parsed;
}

void FallbackCount::Add(MetaActionSource source) {
  ++answers;
  if (source == MetaActionSource::kMostRecentPast) ++most_recent_past;
  if (source == MetaActionSource::kDefault) ++defaults;
}

std::string FallbackCount::ToString() const {
  return std::to_string(most_recent_past + defaults) + " of " + std::to_string(answers) +
         " answers had no meta action (" + std::to_string(most_recent_past) + " took the past, " +
         std::to_string(defaults) + " the default)";
}

std::vector<int64_t> PrefixIds(const Tokenizer& tokenizer, std::string_view prompt) {
  if (prompt.ends_with('\n')) {
    throw DataError("the prompt ends in a newline: " + Quoted(prompt) +
                    ". The newline that separates it from the answer is added here; leave yours "
                    "out.");
  }
  std::vector<int64_t> ids{tokenizer.bos()};
  for (const std::string_view part : {prompt, std::string_view("\n")}) {
    const auto encoded = tokenizer.Encode(part);
    ids.insert(ids.end(), encoded.begin(), encoded.end());
  }
  return ids;
}

std::vector<int64_t> SuffixIds(const Tokenizer& tokenizer, std::string_view answer) {
  std::vector<int64_t> ids = tokenizer.Encode(answer);
  ids.push_back(tokenizer.eos());
  return ids;
}

}  // namespace occvla::data

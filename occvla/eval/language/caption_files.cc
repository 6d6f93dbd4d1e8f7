#include <map>

#include "occvla/base/files.h"
#include "occvla/base/json.h"
#include "occvla/base/text.h"
#include "occvla/data/complaints.h"
#include "occvla/data/json_walk.h"
#include "occvla/eval/language/caption_score.h"
#include "occvla/eval/language/words.h"

namespace occvla::eval {
namespace {

constexpr size_t kMostTexts = 2'000'000;
constexpr size_t kMostRecordBytes = 1 << 20;
// ROUGE-L takes time by the product of two lengths.
constexpr size_t kMostWords = 10'000;
constexpr size_t kMostReferences = 100;

// Texts by id; a record is one text or, with `lists`, a list of them.
std::map<std::string, std::vector<Words>> ReadTexts(const std::filesystem::path& path, bool lists,
                                                    bool tokenised, data::Complaints& complaints) {
  std::map<std::string, std::vector<Words>> texts;
  const MappedFile file(path);
  data::JsonWalk walk(file.text(), path.string());
  if (walk.Peek() != '{') walk.Fail("expected an object of texts by id");
  const auto record = [&](const JsonNode& node, std::vector<Words>& out) {
    const auto one = [&](const JsonNode& text) {
      out.push_back(tokenised ? TokensOf(text.String()) : WordsOf(text.String()));
      if (out.back().size() > kMostWords)
        text.Fail("has more than " + std::to_string(kMostWords) + " words");
    };
    if (!lists || node.is_string()) return one(node);
    if (!node.is_array() || node.size() == 0 || node.size() > kMostReferences)
      node.Fail("must be a text or a list of 1 to " + std::to_string(kMostReferences) + " texts");
    for (size_t i = 0; i < node.size(); ++i) one(node.At(i));
  };
  walk.Object([&](std::string_view id) {
    if (texts.size() >= kMostTexts) walk.Fail("more than " + std::to_string(kMostTexts) + " texts");
    const std::string where = path.string() + ", " + Quoted(id);
    const std::string_view value = walk.Value(kMostRecordBytes);
    std::vector<Words>& out = texts[std::string(id)];
    try {
      const nlohmann::json document = ParseJson(value, where, {.max_bytes = kMostRecordBytes});
      record(JsonNode(document, where), out);
    } catch (const DataError& error) {
      complaints.AddWhole(error.what());
    }
  });
  walk.End();
  if (texts.empty()) complaints.Add(path.string(), "holds no text");
  return texts;
}

}  // namespace

std::vector<Caption> ReadCaptions(const std::filesystem::path& predictions,
                                  const std::filesystem::path& references, bool tokenised) {
  data::Complaints complaints;
  auto candidates = ReadTexts(predictions, false, tokenised, complaints);
  auto wanted = ReadTexts(references, true, tokenised, complaints);
  for (const auto& [id, texts] : wanted) {
    if (!candidates.contains(id))
      complaints.Add(predictions.string(), "has no text for " + Quoted(id));
  }
  for (const auto& [id, texts] : candidates) {
    if (!wanted.contains(id))
      complaints.Add(predictions.string(), Quoted(id) + " is not in the references");
  }
  complaints.Throw("The texts cannot be scored", "Write a text for every id, and for no other");
  std::vector<Caption> captions;
  for (auto& [id, texts] : wanted)
    captions.push_back({id, std::move(candidates.at(id).front()), std::move(texts)});
  return captions;
}

}  // namespace occvla::eval

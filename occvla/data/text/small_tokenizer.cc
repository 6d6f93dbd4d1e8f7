#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <queue>
#include <set>
#include <tuple>

#include "occvla/base/error.h"
#include "occvla/data/text/small_corpus.h"
#include "occvla/data/text/tokenizer.h"
#include "occvla/data/text/utf8.h"
#include "occvla/data/text/vocabulary.h"

namespace occvla::data {
namespace {

using Pair = std::pair<int32_t, int32_t>;

constexpr const char* kControls[] = {"<pad>",           "<eos>",         "<bos>",  "<unk>",
                                     "<start_of_turn>", "<end_of_turn>", "<image>"};
constexpr size_t kLongestNewlineRun = 8;

// Cuts a sentence where no piece may reach across, as Gemma's training does: at spaces (which
// belong to the word that follows), between letters and signs, around each digit and newline.
std::vector<std::string> Words(const std::string& sentence) {
  enum class Kind { kLetters, kSigns, kAlone };
  const auto kind_of = [](char c) {
    const auto u = static_cast<unsigned char>(c);
    return std::isalpha(u)                ? Kind::kLetters
           : std::isdigit(u) || c == '\n' ? Kind::kAlone
                                          : Kind::kSigns;
  };
  std::vector<std::string> words;
  bool blank = false;
  Kind last = Kind::kAlone;
  for (const char c : sentence) {
    if (c == ' ') {
      words.emplace_back(kBlank);
      blank = true;
      continue;
    }
    const Kind kind = kind_of(c);
    if (words.empty() || kind == Kind::kAlone || (!blank && kind != last)) words.emplace_back();
    words.back() += c;
    last = kind;
    blank = false;
  }
  return words;
}

// Learns merges: again and again the most frequent pair of neighbours becomes a piece.
class Trainer {
 public:
  explicit Trainer(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {
    std::map<std::string, int64_t> counts;
    for (const std::string& sentence : SmallCorpus())
      for (const std::string& word : Words(sentence)) ++counts[word];
    for (size_t id = 0; id < pieces_.size(); ++id) ids_[pieces_[id]] = static_cast<int32_t>(id);
    for (const auto& [text, count] : counts) {
      Word word{{}, count};
      for (size_t at = 0; at < text.size();) {
        const size_t length = NextUtf8(std::string_view(text).substr(at)).length;
        word.symbols.push_back(ids_.at(text.substr(at, length)));
        at += length;
      }
      words_.push_back(std::move(word));
    }
    for (size_t index = 0; index < words_.size(); ++index) Count(index, 1);
  }

  void Learn(size_t vocabulary_size) {
    while (pieces_.size() < vocabulary_size && !queue_.empty()) {
      const auto [count, left, right] = queue_.top();
      queue_.pop();
      const Pair pair{-left, -right};
      Statistics& statistics = pairs_[pair];
      if (statistics.count != count) continue;  // Newer counts are in the queue as well.
      merges_.push_back(pair);
      // "ab" + "c" may come after "a" + "bc".
      const auto [joined, added] = ids_.emplace(Piece(pair.first) + Piece(pair.second),
                                                static_cast<int32_t>(pieces_.size()));
      if (added) pieces_.push_back(joined->first);
      const std::set<size_t> words = std::move(statistics.words);
      for (const size_t index : words) {
        Count(index, -1);
        Join(words_[index].symbols, pair, joined->second);
        Count(index, 1);
      }
    }
  }

  const std::vector<std::string>& pieces() const { return pieces_; }
  const std::vector<Pair>& merges() const { return merges_; }
  const std::string& Piece(int32_t id) const { return pieces_[static_cast<size_t>(id)]; }

 private:
  struct Word {
    std::vector<int32_t> symbols;
    int64_t count = 0;
  };
  struct Statistics {
    int64_t count = 0;
    std::set<size_t> words;
  };

  void Count(size_t index, int64_t sign) {
    const Word& word = words_[index];
    for (size_t i = 0; i + 1 < word.symbols.size(); ++i) {
      const Pair pair{word.symbols[i], word.symbols[i + 1]};
      Statistics& statistics = pairs_[pair];
      statistics.count += sign * word.count;
      if (sign > 0) statistics.words.insert(index);
      // Of equally frequent pairs, the one of older pieces goes first.
      if (statistics.count > 0) queue_.emplace(statistics.count, -pair.first, -pair.second);
    }
  }

  static void Join(std::vector<int32_t>& symbols, Pair pair, int32_t joined) {
    size_t kept = 0;
    for (size_t i = 0; i < symbols.size(); ++i) {
      const bool matches =
          i + 1 < symbols.size() && symbols[i] == pair.first && symbols[i + 1] == pair.second;
      symbols[kept++] = matches ? joined : symbols[i];
      if (matches) ++i;
    }
    symbols.resize(kept);
  }

  std::vector<std::string> pieces_;
  std::map<std::string, int32_t> ids_;
  std::vector<Pair> merges_;
  std::vector<Word> words_;
  std::map<Pair, Statistics> pairs_;
  std::priority_queue<std::tuple<int64_t, int32_t, int32_t>> queue_;
};

}  // namespace

std::string SmallTokenizerJson(int64_t vocabulary_size) {
  using Json = nlohmann::ordered_json;
  std::vector<std::string> pieces(std::begin(kControls), std::end(kControls));
  for (size_t run = 1; run <= kLongestNewlineRun; ++run) pieces.emplace_back(run, '\n');
  const size_t words = pieces.size();
  for (int byte = 0; byte < 256; ++byte) pieces.push_back(PieceOfByte(static_cast<uint8_t>(byte)));
  pieces.emplace_back(kBlank);
  for (char c = '!'; c <= '~'; ++c) pieces.emplace_back(1, c);
  if (vocabulary_size < static_cast<int64_t>(pieces.size()) ||
      vocabulary_size > static_cast<int64_t>(kMostPieces)) {
    throw ConfigError("a small tokenizer has from " + std::to_string(pieces.size()) + " to " +
                      std::to_string(kMostPieces) + " pieces; vocabulary_size is " +
                      std::to_string(vocabulary_size) + ".");
  }

  Json added = Json::array();
  for (size_t id = 0; id < words; ++id) {
    added.push_back({{"id", id},
                     {"content", pieces[id]},
                     {"single_word", false},
                     {"lstrip", false},
                     {"rstrip", false},
                     {"normalized", false},
                     {"special", id < std::size(kControls)}});
  }
  Trainer trainer(std::move(pieces));
  trainer.Learn(static_cast<size_t>(vocabulary_size));
  Json vocab = Json::object(), merges = Json::array();
  for (size_t id = 0; id < trainer.pieces().size(); ++id) vocab[trainer.pieces()[id]] = id;
  for (const auto& [left, right] : trainer.merges())
    merges.push_back(Json::array({trainer.Piece(left), trainer.Piece(right)}));

  const auto replace = [](std::string_view from, std::string_view to) {
    return Json{{"type", "Replace"}, {"pattern", {{"String", from}}}, {"content", to}};
  };
  const Json document{
      {"version", "1.0"},
      {"truncation", nullptr},
      {"padding", nullptr},
      {"added_tokens", added},
      {"normalizer", replace(" ", kBlank)},
      {"pre_tokenizer",
       {{"type", "Split"},
        {"pattern", {{"String", " "}}},
        {"behavior", "MergedWithPrevious"},
        {"invert", false}}},
      {"post_processor", nullptr},
      {"decoder",
       {{"type", "Sequence"},
        {"decoders",
         Json::array({replace(kBlank, " "), {{"type", "ByteFallback"}}, {{"type", "Fuse"}}})}}},
      {"model",
       {{"type", "BPE"},
        {"dropout", nullptr},
        {"unk_token", "<unk>"},
        {"continuing_subword_prefix", nullptr},
        {"end_of_word_suffix", nullptr},
        {"fuse_unk", true},
        {"byte_fallback", true},
        {"ignore_merges", false},
        {"vocab", vocab},
        {"merges", merges}}}};
  return document.dump() + "\n";
}

}  // namespace occvla::data

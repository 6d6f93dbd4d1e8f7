#include "occvla/data/text/tokenizer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/text.h"
#include "occvla/data/text/merger.h"
#include "occvla/data/text/utf8.h"
#include "occvla/data/text/vocabulary.h"
#include "occvla/data/text/word_matcher.h"

namespace occvla::data {
namespace {

constexpr size_t kMostJsonBytes = size_t{256} << 20;  // Gemma 3's: 33 MB.
constexpr size_t kMostModelBytes = size_t{32} << 20;  // Gemma 3's: 4.7 MB.
constexpr size_t kMostTextBytes = size_t{1} << 30;    // Positions are 32-bit.

// What decoding makes of a piece; 0 to 255 is a byte token's byte.
constexpr int16_t kPlain = -1, kControl = -2;

std::string WithBlanks(std::string_view text) {
  std::string normalized;
  normalized.reserve(text.size());
  for (const char c : text) {
    if (c == ' ') {
      normalized += kBlank;
    } else {
      normalized += c;
    }
  }
  return normalized;
}

}  // namespace

struct Tokenizer::Impl {
  Impl(Vocabulary vocabulary, const std::string& where);

  int32_t RequireId(std::string_view piece, const std::string& where) const;
  void IndexCharacters(const std::string& where);
  // Calls `on_word(id)` and `on_rest(text between words)` in order.
  template <typename OnWord, typename OnRest>
  static void Split(const WordMatcher& matcher, std::string_view text, OnWord&& on_word,
                    OnRest&& on_rest);
  void AppendCharacters(std::string_view normalized, std::vector<int32_t>& ids) const;
  void AppendBytes(int64_t id, std::string& bytes) const;

  PieceTable pieces;
  std::vector<int16_t> kinds;
  std::vector<int32_t> characters;  // By code point; -1: spelled as bytes.
  std::array<int32_t, 256> bytes{};
  // [words][normalized]: what is found before and after spaces became U+2581.
  std::vector<WordMatcher> matchers[2];
  std::optional<Merger> merger;
  int64_t bos = 0, eos = 0, pad = 0;
};

Tokenizer::Impl::Impl(Vocabulary vocabulary, const std::string& where)
    : pieces(std::move(vocabulary.pieces)), kinds(pieces.size(), kPlain) {
  for (size_t id = 0; id < pieces.size(); ++id)
    if (const auto byte = ByteOfPiece(pieces[static_cast<int64_t>(id)])) kinds[id] = *byte;
  std::vector<WordMatcher::Word> words[2][2];
  for (const auto& word : vocabulary.words) {
    const std::string& piece = pieces[word.id];
    if (word.control) kinds[static_cast<size_t>(word.id)] = kControl;
    for (const auto mode : {ControlWords::kText, ControlWords::kParse})
      if (!word.control || mode == ControlWords::kParse)
        words[static_cast<int>(mode)][word.normalized].push_back(
            {word.normalized ? WithBlanks(piece) : piece, word.id});
  }
  for (int mode = 0; mode < 2; ++mode)
    for (auto& list : words[mode]) matchers[mode].emplace_back(std::move(list));

  bos = RequireId("<bos>", where);
  eos = RequireId("<eos>", where);
  pad = RequireId("<pad>", where);
  RequireId(kBlank, where);
  for (const auto id : {bos, eos, pad}) kinds[static_cast<size_t>(id)] = kControl;
  IndexCharacters(where);

  // Text never becomes a control or a byte token by merging: sentencepiece keeps them apart, and
  // user text that spells "<eos>" must stay text.
  std::erase_if(vocabulary.merges, [&](const Vocabulary::Merge& merge) {
    return kinds[static_cast<size_t>(merge.result)] != kPlain;
  });
  merger.emplace(vocabulary.merges);
}

int32_t Tokenizer::Impl::RequireId(std::string_view piece, const std::string& where) const {
  const int32_t id = pieces.Find(piece);
  if (id >= 0) return id;
  throw CheckpointError(where + ": has no piece " + Quoted(piece) +
                        ", which every Gemma tokenizer has. Take the tokenizer that belongs to the "
                        "weights.");
}

void Tokenizer::Impl::IndexCharacters(const std::string& where) {
  for (size_t id = 0; id < pieces.size(); ++id) {
    if (kinds[id] != kPlain) continue;
    const std::string& piece = pieces[static_cast<int64_t>(id)];
    const Utf8Step step = NextUtf8(piece);
    if (step.length != piece.size()) continue;
    if (characters.size() <= step.code_point) characters.resize(step.code_point + size_t{1}, -1);
    characters[step.code_point] = static_cast<int32_t>(id);
  }
  for (size_t byte = 0; byte < bytes.size(); ++byte) {
    const std::string piece = PieceOfByte(static_cast<uint8_t>(byte));
    bytes[byte] = pieces.Find(piece);
    // Old Gemma files have "\t" in the place of <0x09>.
    if (bytes[byte] < 0 && byte < 0x80 && byte < characters.size()) bytes[byte] = characters[byte];
    if (bytes[byte] < 0) {
      throw CheckpointError(where + ": has no byte token " + piece +
                            ", so that some text has no ids. Take the tokenizer that belongs to "
                            "the weights.");
    }
  }
}

template <typename OnWord, typename OnRest>
void Tokenizer::Impl::Split(const WordMatcher& matcher, std::string_view text, OnWord&& on_word,
                            OnRest&& on_rest) {
  size_t at = 0;
  while (const auto match = matcher.Next(text, at)) {
    if (match->begin > at) on_rest(text.substr(at, match->begin - at));
    on_word(match->id);
    at = match->end;
  }
  if (at < text.size()) on_rest(text.substr(at));
}

void Tokenizer::Impl::AppendCharacters(std::string_view normalized,
                                       std::vector<int32_t>& out) const {
  for (size_t at = 0; at < normalized.size();) {
    const Utf8Step step = NextUtf8(normalized.substr(at));
    const int32_t id =
        step.code_point < characters.size() ? characters[step.code_point] : int32_t{-1};
    if (id >= 0) {
      out.push_back(id);
    } else {
      for (size_t i = 0; i < step.length; ++i)
        out.push_back(bytes[static_cast<unsigned char>(normalized[at + i])]);
    }
    at += step.length;
  }
}

void Tokenizer::Impl::AppendBytes(int64_t id, std::string& out) const {
  if (id < 0 || id >= static_cast<int64_t>(pieces.size())) return;
  const int16_t kind = kinds[static_cast<size_t>(id)];
  if (kind == kControl) return;
  if (kind != kPlain) {
    out += static_cast<char>(kind);
    return;
  }
  std::string_view piece = pieces[id];
  for (size_t blank; (blank = piece.find(kBlank)) != std::string_view::npos;) {
    out += piece.substr(0, blank);
    out += ' ';
    piece.remove_prefix(blank + kBlank.size());
  }
  out += piece;
}

Tokenizer::Tokenizer(std::unique_ptr<const Impl> impl) : impl_(std::move(impl)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::Load(const std::filesystem::path& folder) {
  std::error_code ignored;
  if (std::filesystem::exists(folder / "tokenizer.json", ignored))
    return FromJsonFile(folder / "tokenizer.json");
  if (std::filesystem::exists(folder / "tokenizer.model", ignored))
    return FromModelFile(folder / "tokenizer.model");
  throw CheckpointError(folder.string() +
                        ": has neither tokenizer.json nor tokenizer.model. Copy one of them from "
                        "the folder that the weights came from.");
}

Tokenizer Tokenizer::FromJsonFile(const std::filesystem::path& path) {
  return FromJson(ReadTextFile(path, kMostJsonBytes, ErrorKind::kCheckpoint), path.string());
}

Tokenizer Tokenizer::FromModelFile(const std::filesystem::path& path) {
  return FromModel(ReadTextFile(path, kMostModelBytes, ErrorKind::kCheckpoint), path.string());
}

Tokenizer Tokenizer::FromJson(std::string_view json, const std::string& where) {
  return Tokenizer(std::make_unique<const Impl>(ReadTokenizerJson(json, where), where));
}

Tokenizer Tokenizer::FromModel(std::string_view bytes, const std::string& where) {
  return Tokenizer(std::make_unique<const Impl>(ReadTokenizerModel(bytes, where), where));
}

std::vector<int64_t> Tokenizer::Encode(std::string_view text, ControlWords words) const {
  if (text.size() > kMostTextBytes) {
    throw DataError("text of " + std::to_string(text.size()) + " bytes: at most " +
                    std::to_string(kMostTextBytes) + " are tokenised at once. Split it.");
  }
  if (const size_t bad = FirstIllFormedUtf8(text); bad != std::string_view::npos) {
    throw DataError("text is not UTF-8 at byte " + std::to_string(bad) + ": " +
                    Quoted(text.substr(bad, 4)) + ". Convert it to UTF-8.");
  }
  std::vector<int64_t> out;
  std::vector<int32_t> segment;
  Merger::Scratch scratch;
  const auto& matchers = impl_->matchers[static_cast<int>(words)];
  const auto on_word = [&](int32_t id) { out.push_back(id); };
  Impl::Split(matchers[false], text, on_word, [&](std::string_view raw) {
    const std::string normalized = WithBlanks(raw);
    Impl::Split(matchers[true], normalized, on_word, [&](std::string_view rest) {
      // Spaces are gone, so the file's splitting at spaces does nothing: the rest is one word.
      segment.clear();
      impl_->AppendCharacters(rest, segment);
      impl_->merger->Merge(segment, scratch, out);
    });
  });
  return out;
}

std::string Tokenizer::Decode(std::span<const int64_t> ids) const {
  std::string bytes, text;
  for (const int64_t id : ids) impl_->AppendBytes(id, bytes);
  text.reserve(bytes.size());
  if (AppendUtf8(bytes, text) < bytes.size()) text += kReplacement;
  return text;
}

std::optional<int64_t> Tokenizer::Id(std::string_view piece) const {
  const int32_t id = impl_->pieces.Find(piece);
  if (id < 0) return std::nullopt;
  return id;
}

std::string_view Tokenizer::Piece(int64_t id) const {
  if (id < 0 || id >= vocabulary_size()) {
    throw DataError("token id " + std::to_string(id) +
                    " is outside the tokenizer's vocabulary of " +
                    std::to_string(vocabulary_size()) + " pieces.");
  }
  return impl_->pieces[id];
}

int64_t Tokenizer::vocabulary_size() const { return static_cast<int64_t>(impl_->pieces.size()); }
int64_t Tokenizer::bos() const { return impl_->bos; }
int64_t Tokenizer::eos() const { return impl_->eos; }
int64_t Tokenizer::pad() const { return impl_->pad; }

std::string StreamDecoder::Push(int64_t id) {
  tokenizer_.impl_->AppendBytes(id, pending_);
  std::string text;
  pending_.erase(0, AppendUtf8(pending_, text));
  return text;
}

std::string StreamDecoder::Finish() {
  const bool cut_off = !pending_.empty();
  pending_.clear();
  return cut_off ? std::string(kReplacement) : std::string();
}

}  // namespace occvla::data

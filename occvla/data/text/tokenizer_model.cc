#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/data/text/utf8.h"
#include "occvla/data/text/vocabulary.h"

// Reads sentencepiece's ModelProto by itself. The library's interface does not say which pieces are
// user-defined, and it looks for those after spaces have become U+2581, where Hugging Face's
// conversion looks before: runs of spaces then get other ids than from the tokenizer.json.
namespace occvla::data {
namespace {

// sentencepiece_model.proto's names for the types of a piece.
enum PieceType : uint64_t { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

constexpr uint64_t kByteFallbackField = 35, kBpe = 2;

class Reader {
 public:
  Reader(std::string_view file, std::string where) : file_(file), where_(std::move(where)) {}

  Vocabulary Read() {
    ForEachField(file_, [&](uint64_t field, uint64_t, std::string_view bytes) {
      if (field == 1) ReadPiece(bytes);
      if (field == 2) ReadTrainer(bytes);
      if (field == 3) ReadNormalizer(bytes, "normalizer_spec", /*forward=*/true);
      if (field == 5) ReadNormalizer(bytes, "denormalizer_spec", /*forward=*/false);
    });
    if (model_type_ != kBpe) {
      Fail("trainer_spec.model_type must be BPE (2), but is " + std::to_string(model_type_));
    }
    if (!byte_fallback_) Fail("trainer_spec.byte_fallback must be true, but is false");
    if (whitespace_as_suffix_)
      Fail("trainer_spec.treat_whitespace_as_suffix must be false, but is true");
    if (!has_normalizer_) Fail("normalizer_spec is missing");
    BuildPieces();
    BuildMerges();
    return std::move(vocabulary_);
  }

 private:
  [[noreturn]] void Fail(const std::string& problem) const {
    throw CheckpointError(where_ + ": " + problem +
                          ". Only Gemma's kind of sentencepiece model is read here; take the file "
                          "that belongs to the weights.");
  }
  [[noreturn]] void FailAt(std::string_view rest, const std::string& problem) const {
    throw CheckpointError(where_ + ": at byte " + std::to_string(rest.data() - file_.data()) +
                          ": " + problem +
                          ", so this is no sentencepiece model or a damaged one. Copy the file "
                          "again.");
  }

  uint64_t TakeVarint(std::string_view& rest) const {
    const std::string_view start = rest;
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (rest.empty()) FailAt(start, "a number passes the end");
      const auto byte = static_cast<unsigned char>(rest.front());
      rest.remove_prefix(1);
      value |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return value;
    }
    FailAt(start, "a number has more than ten bytes");
  }

  // Calls `take(field, number, bytes)` for each field of a message: `number` for varints and 32-bit
  // values (as their bits), `bytes` for strings and messages.
  template <typename Take>
  void ForEachField(std::string_view rest, Take&& take) const {
    while (!rest.empty()) {
      const std::string_view start = rest;
      const uint64_t tag = TakeVarint(rest);
      const uint64_t field = tag >> 3;
      if (field == 0) FailAt(start, "a field has the number 0");
      uint64_t size = 0, number = 0;
      switch (tag & 7) {
        case 0:
          number = TakeVarint(rest);
          break;
        case 1:
          size = 8;
          break;
        case 2:
          size = TakeVarint(rest);
          break;
        case 5:
          size = 4;
          break;
        default:
          FailAt(start, "wire type " + std::to_string(tag & 7) + " is not used by this format");
      }
      if (size > rest.size()) {
        FailAt(start, "a field of " + std::to_string(size) + " bytes, but only " +
                          std::to_string(rest.size()) + " are left");
      }
      const std::string_view bytes = rest.substr(0, size);
      if ((tag & 7) == 5) {
        for (size_t i = 4; i-- > 0;) number = number << 8 | static_cast<unsigned char>(bytes[i]);
      }
      take(field, number, bytes);
      rest.remove_prefix(size);
    }
  }

  void ReadPiece(std::string_view message) {
    const size_t id = pieces_.size();
    if (id == kMostPieces) Fail("has more than " + std::to_string(kMostPieces) + " pieces");
    std::string_view piece;
    float score = 0;
    uint64_t type = kNormal;
    ForEachField(message, [&](uint64_t field, uint64_t number, std::string_view bytes) {
      if (field == 1) piece = bytes;
      if (field == 2) score = std::bit_cast<float>(static_cast<uint32_t>(number));
      if (field == 3) type = number;
    });
    const std::string name = "piece " + std::to_string(id);
    if (piece.empty()) Fail(name + " is an empty string");
    if (piece.size() > kLongestPiece) {
      Fail(name + " has " + std::to_string(piece.size()) + " bytes, at most " +
           std::to_string(kLongestPiece) + " are accepted");
    }
    if (!IsValidUtf8(piece)) Fail(name + " is not UTF-8: " + Quoted(piece));
    if (!std::isfinite(score))
      Fail(name + ", " + Quoted(piece) + ", has a score that is no number");
    if (type < kNormal || type > kByte || type == kUnused)
      Fail(name + ", " + Quoted(piece) + ", has the type " + std::to_string(type));
    if ((type == kByte) != ByteOfPiece(piece).has_value()) {
      Fail(name + ", " + Quoted(piece) + ", has the type " + std::to_string(type) +
           (type == kByte ? ", a byte's, but not its spelling" : ", but the spelling of a byte"));
    }
    // Hugging Face makes the turn markers control tokens too.
    const bool turn = piece == "<start_of_turn>" || piece == "<end_of_turn>";
    if (type == kControl || type == kUserDefined || type == kUnknown)
      vocabulary_.words.push_back({static_cast<int32_t>(id), type != kUserDefined || turn, false});
    pieces_.emplace_back(piece);
    scores_.push_back(score);
  }

  void ReadTrainer(std::string_view message) {
    ForEachField(message, [&](uint64_t field, uint64_t number, std::string_view) {
      if (field == 3) model_type_ = number;
      if (field == 24) whitespace_as_suffix_ = number != 0;
      if (field == kByteFallbackField) byte_fallback_ = number != 0;
    });
  }

  void ReadNormalizer(std::string_view message, const std::string& name, bool forward) {
    uint64_t dummy_prefix = 1, extra_whitespaces = 1, escape = 1;  // The format's defaults.
    size_t table = 0;
    ForEachField(message, [&](uint64_t field, uint64_t number, std::string_view bytes) {
      if (field == 2) table = bytes.size();
      if (field == 3) dummy_prefix = number;
      if (field == 4) extra_whitespaces = number;
      if (field == 5) escape = number;
    });
    if (table != 0) {
      Fail(name + ".precompiled_charsmap must be empty (identity), but has " +
           std::to_string(table) + " bytes");
    }
    if (!forward) return;
    if (dummy_prefix) Fail(name + ".add_dummy_prefix must be false, but is true");
    if (extra_whitespaces) Fail(name + ".remove_extra_whitespaces must be false, but is true");
    if (!escape) Fail(name + ".escape_whitespaces must be true, but is false");
    has_normalizer_ = true;
  }

  void BuildPieces() {
    // Gemma 1 and 2 have no piece for the tab; Hugging Face gives it the place of its byte.
    const auto tab_byte = std::find(pieces_.begin(), pieces_.end(), "<0x09>");
    if (tab_byte != pieces_.end() &&
        std::find(pieces_.begin(), pieces_.end(), "\t") == pieces_.end()) {
      *tab_byte = "\t";
      scores_[static_cast<size_t>(tab_byte - pieces_.begin())] = 0;
    }
    vocabulary_.pieces = PieceTable(std::move(pieces_));
    if (const auto twins = vocabulary_.pieces.twins())
      Fail("pieces " + std::to_string(twins->first) + " and " + std::to_string(twins->second) +
           " are both " + Quoted(vocabulary_.pieces[twins->first]));
  }

  // The file scores pieces, not merges. As Hugging Face rebuilds them: every split of a piece into
  // two known ones; the higher score first, then the longer left half, then the longer right half
  // (in code points), then the order of ids.
  void BuildMerges() {
    struct Candidate {
      Vocabulary::Merge merge;
      float score;
      int32_t left_length, right_length;
    };
    std::vector<Candidate> candidates;
    std::vector<size_t> starts;
    for (size_t id = 0; id < vocabulary_.pieces.size(); ++id) {
      const std::string_view piece = vocabulary_.pieces[static_cast<int64_t>(id)];
      starts.clear();
      for (size_t at = 0; at < piece.size(); at += NextUtf8(piece.substr(at)).length)
        starts.push_back(at);
      const size_t first = candidates.size();
      for (size_t i = 1; i < starts.size(); ++i) {
        const int32_t left = vocabulary_.pieces.Find(piece.substr(0, starts[i]));
        if (left < 0) continue;
        const int32_t right = vocabulary_.pieces.Find(piece.substr(starts[i]));
        if (right < 0) continue;
        if (candidates.size() == kMostMerges)
          Fail("gives more than " + std::to_string(kMostMerges) + " merges");
        candidates.push_back({{left, right, static_cast<int32_t>(id)},
                              scores_[id],
                              static_cast<int32_t>(i),
                              static_cast<int32_t>(starts.size() - i)});
      }
      std::sort(candidates.begin() + static_cast<std::ptrdiff_t>(first), candidates.end(),
                [](const Candidate& a, const Candidate& b) {
                  return std::pair(a.merge.left, a.merge.right) <
                         std::pair(b.merge.left, b.merge.right);
                });
    }
    std::stable_sort(candidates.begin(), candidates.end(),
                     [](const Candidate& a, const Candidate& b) {
                       if (a.score != b.score) return a.score > b.score;
                       if (a.left_length != b.left_length) return a.left_length > b.left_length;
                       return a.right_length > b.right_length;
                     });
    vocabulary_.merges.reserve(candidates.size());
    for (const Candidate& candidate : candidates) vocabulary_.merges.push_back(candidate.merge);
  }

  std::string_view file_;
  std::string where_;
  uint64_t model_type_ = 1;  // The format's default, unigram.
  bool byte_fallback_ = false, whitespace_as_suffix_ = false, has_normalizer_ = false;
  Vocabulary vocabulary_;
  std::vector<std::string> pieces_;
  std::vector<float> scores_;  // By piece.
};

}  // namespace

Vocabulary ReadTokenizerModel(std::string_view bytes, const std::string& where) {
  return Reader(bytes, where).Read();
}

}  // namespace occvla::data

#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace occvla::data {

/// The pieces by id, and the ids by spelling. Gemma's file asks for an id two million times, so
/// this keeps the spellings together and a part of each hash beside the id.
class PieceTable {
 public:
  PieceTable() = default;
  explicit PieceTable(std::vector<std::string> pieces);
  /// -1 if there is none.
  int32_t Find(std::string_view piece) const;
  const std::string& operator[](int64_t id) const { return pieces_[static_cast<size_t>(id)]; }
  size_t size() const { return pieces_.size(); }
  /// Two ids of one spelling, if there are any.
  std::optional<std::pair<int32_t, int32_t>> twins() const { return twins_; }

 private:
  struct Slot {
    uint32_t hash = 0;
    int32_t id = -1;
  };
  std::vector<std::string> pieces_;
  std::vector<Slot> slots_;  // Open addressing; a power of two, at most half full.
  std::optional<std::pair<int32_t, int32_t>> twins_;
};

/// What a tokenizer file says, read and checked: the part that `tokenizer.json` and
/// `tokenizer.model` have in common. Facts: facts/model.md A.9.
struct Vocabulary {
  /// A piece that is found in the text before anything else and never merges with its neighbours.
  struct Word {
    int32_t id = 0;
    bool control = false;     ///< `<bos>` and the like; found only when the caller parses them.
    bool normalized = false;  ///< Looked for after spaces have become U+2581.
  };
  /// Two neighbours become one. Earlier merges go first.
  struct Merge {
    int32_t left = 0, right = 0, result = 0;
  };

  PieceTable pieces;  ///< Every id from 0 on has one; no twins.
  std::vector<Word> words;
  std::vector<Merge> merges;
};

/// Bounds on what a tokenizer file may say. Gemma's largest: 262145 pieces, 514906 merges, 93 bytes
/// a piece.
inline constexpr size_t kMostPieces = size_t{1} << 20;
inline constexpr size_t kMostMerges = size_t{1} << 22;
inline constexpr size_t kLongestPiece = 256;

/// The value of a byte token's spelling, `<0x00>` to `<0xFF>` with upper-case digits.
std::optional<uint8_t> ByteOfPiece(std::string_view piece);
std::string PieceOfByte(uint8_t byte);

/// Both throw CheckpointError; `where` (the path) opens the complaint.
Vocabulary ReadTokenizerJson(std::string_view json, const std::string& where);
Vocabulary ReadTokenizerModel(std::string_view bytes, const std::string& where);

}  // namespace occvla::data

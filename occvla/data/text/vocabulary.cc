#include "occvla/data/text/vocabulary.h"

#include <bit>
#include <cstdio>
#include <functional>

namespace occvla::data {
namespace {

// -1 if it is not an upper-case hexadecimal digit.
int DigitValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

PieceTable::PieceTable(std::vector<std::string> pieces) : pieces_(std::move(pieces)) {
  slots_.resize(std::bit_ceil(pieces_.size() * 2 + 2));
  for (size_t id = 0; id < pieces_.size(); ++id) {
    const size_t hash = std::hash<std::string_view>{}(pieces_[id]);
    size_t slot = hash & (slots_.size() - 1);
    for (; slots_[slot].id >= 0; slot = (slot + 1) & (slots_.size() - 1)) {
      const Slot& other = slots_[slot];
      if (!twins_ && other.hash == hash >> 32 && (*this)[other.id] == pieces_[id])
        twins_ = {other.id, static_cast<int32_t>(id)};
    }
    slots_[slot] = {static_cast<uint32_t>(hash >> 32), static_cast<int32_t>(id)};
  }
}

int32_t PieceTable::Find(std::string_view piece) const {
  if (slots_.empty()) return -1;
  const size_t hash = std::hash<std::string_view>{}(piece);
  for (size_t slot = hash & (slots_.size() - 1);; slot = (slot + 1) & (slots_.size() - 1)) {
    const Slot& found = slots_[slot];
    if (found.id < 0) return -1;
    if (found.hash == hash >> 32 && (*this)[found.id] == piece) return found.id;
  }
}

std::optional<uint8_t> ByteOfPiece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || !piece.ends_with('>')) return std::nullopt;
  const int high = DigitValue(piece[3]), low = DigitValue(piece[4]);
  if (high < 0 || low < 0) return std::nullopt;
  return static_cast<uint8_t>(high << 4 | low);
}

std::string PieceOfByte(uint8_t byte) {
  char piece[8];
  std::snprintf(piece, sizeof piece, "<0x%02X>", byte);
  return piece;
}

}  // namespace occvla::data

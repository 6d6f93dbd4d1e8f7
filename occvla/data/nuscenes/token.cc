#include <bit>
#include <cstring>

#include "occvla/data/nuscenes/tables.h"

namespace occvla::data::nuscenes {
namespace {

static_assert(std::endian::native == std::endian::little, "eight digits are read as one number");

constexpr uint64_t kEach = 0x0101010101010101u;

// Eight lower-case hex digits as a number, all at once in the bytes of one word; false for anything
// else.
bool ReadDigits(const char* text, uint32_t* digits) {
  uint64_t bytes;
  std::memcpy(&bytes, text, sizeof bytes);
  bytes = __builtin_bswap64(bytes);  // The first digit on top.
  // Bit 7 of a byte says "at least"; bytes above 0x7F spill over, and the last term refuses them.
  const uint64_t digit = (bytes + (0x80 - '0') * kEach) & ~(bytes + (0x80 - '9' - 1) * kEach);
  const uint64_t letter = (bytes + (0x80 - 'a') * kEach) & ~(bytes + (0x80 - 'f' - 1) * kEach);
  if (((digit | letter) & ~bytes & 0x80 * kEach) != 0x80 * kEach) return false;
  uint64_t nibbles = (bytes & 0x0F * kEach) + 9 * ((bytes >> 6) & kEach);
  nibbles = (nibbles | nibbles >> 4) & 0x00FF00FF00FF00FFu;
  nibbles = (nibbles | nibbles >> 8) & 0x0000FFFF0000FFFFu;
  *digits = static_cast<uint32_t>(nibbles | nibbles >> 16);
  return true;
}

}  // namespace

std::optional<Token> Token::Parse(std::string_view text) {
  if (text.size() != 32) return std::nullopt;
  uint32_t parts[4];
  for (size_t part = 0; part < 4; ++part)
    if (!ReadDigits(text.data() + 8 * part, &parts[part])) return std::nullopt;
  return Token{.high = uint64_t{parts[0]} << 32 | parts[1],
               .low = uint64_t{parts[2]} << 32 | parts[3]};
}

std::string Token::ToString() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text(32, '0');
  for (size_t i = 0; i < 16; ++i) {
    text[15 - i] = kDigits[high >> (4 * i) & 15];
    text[31 - i] = kDigits[low >> (4 * i) & 15];
  }
  return text;
}

}  // namespace occvla::data::nuscenes

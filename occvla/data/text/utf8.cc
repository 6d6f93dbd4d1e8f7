#include "occvla/data/text/utf8.h"

#include <algorithm>

namespace occvla::data {

Utf8Step NextUtf8(std::string_view text) {
  using Kind = Utf8Step::Kind;
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const uint32_t first = byte(0);
  if (first < 0x80) return {Kind::kCodePoint, 1, first};
  // Unicode 15, table 3-7: only the second byte's range depends on the first.
  if (first < 0xC2 || first > 0xF4) return {Kind::kIllFormed, 1, 0};
  const size_t length = first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
  uint32_t low = 0x80, high = 0xBF;
  if (first == 0xE0) low = 0xA0;
  if (first == 0xED) high = 0x9F;
  if (first == 0xF0) low = 0x90;
  if (first == 0xF4) high = 0x8F;
  uint32_t code_point = first & (0x7F >> length);
  for (size_t i = 1; i < length; ++i) {
    if (i == text.size()) return {Kind::kCutOff, i, 0};
    if (byte(i) < low || byte(i) > high) return {Kind::kIllFormed, i, 0};
    code_point = code_point << 6 | (byte(i) & 0x3Fu);
    low = 0x80;
    high = 0xBF;
  }
  return {Kind::kCodePoint, length, code_point};
}

size_t FirstIllFormedUtf8(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    const Utf8Step step = NextUtf8(text.substr(at));
    if (step.kind != Utf8Step::Kind::kCodePoint) return at;
    at += step.length;
  }
  return std::string_view::npos;
}

size_t AppendUtf8(std::string_view bytes, std::string& out) {
  size_t at = 0;
  while (at < bytes.size()) {
    const Utf8Step step = NextUtf8(bytes.substr(at));
    if (step.kind == Utf8Step::Kind::kCutOff) break;
    out += step.kind == Utf8Step::Kind::kCodePoint ? bytes.substr(at, step.length) : kReplacement;
    at += step.length;
  }
  return at;
}

}  // namespace occvla::data

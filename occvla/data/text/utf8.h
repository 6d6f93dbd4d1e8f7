#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace occvla::data {

/// What stands at the start of a text: a whole code point, a part that can never become one, or the
/// beginning of one that the text's end cuts off.
struct Utf8Step {
  enum class Kind { kCodePoint, kIllFormed, kCutOff };
  Kind kind = Kind::kCodePoint;
  size_t length = 0;  ///< Bytes it takes; at least 1. An ill-formed part is as long as Unicode's
                      ///< "maximal subpart", so that readers agree on how many there are.
  uint32_t code_point = 0;  ///< Of a kCodePoint.
};
/// `text` must not be empty.
Utf8Step NextUtf8(std::string_view text);

/// The offset of the first byte that does not belong to well-formed UTF-8, or npos.
size_t FirstIllFormedUtf8(std::string_view text);

/// Appends to `out` what `bytes` say for certain, U+FFFD for each ill-formed part, and returns how
/// many bytes that took: all but a cut-off code point at the end.
size_t AppendUtf8(std::string_view bytes, std::string& out);

inline constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  ///< U+FFFD.
inline constexpr std::string_view kBlank = "\xE2\x96\x81";        ///< U+2581: a space in a piece.

}  // namespace occvla::data

#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::view {

/// The text as it can be drawn on one line: bytes that are not UTF-8 become U+FFFD, control
/// characters become blanks.
std::string Printable(std::string_view text);

/// `text` cut behind at most `most` bytes, never inside a character.
std::string_view Shortened(std::string_view text, size_t most);

/// Breaks a text into at most `most_lines` lines no wider than `width` by `measure`: at line feeds,
/// then between words, and inside a word only where the word alone is too wide. When lines are left
/// over, the last one ends in an ellipsis.
std::vector<std::string> Wrap(std::string_view text, double width, size_t most_lines,
                              const std::function<double(std::string_view)>& measure);

}  // namespace occvla::view

#include "occvla/eval/language/words.h"

#include <algorithm>
#include <array>

namespace occvla::eval {
namespace {

bool IsSpace(char c) { return c == ' ' || ('\t' <= c && c <= '\r'); }
bool IsDigit(char c) { return '0' <= c && c <= '9'; }
bool IsWordByte(char c) {
  return ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') || IsDigit(c) ||
         static_cast<unsigned char>(c) > 127 || c == '_';
}
char Lower(char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

// What a word's end says after an apostrophe, so that it is a word of its own.
constexpr std::array<std::string_view, 6> kEndings = {"'s", "'m", "'d", "'ll", "'re", "'ve"};

// Adds a word in lower case, cut before "n't", "'s" and their like.
void AddWord(std::string word, std::vector<std::string>& words) {
  std::transform(word.begin(), word.end(), word.begin(), Lower);
  const auto cut = [&](std::string_view ending) {
    if (word.size() <= ending.size() || !std::string_view(word).ends_with(ending)) return false;
    words.push_back(word.substr(0, word.size() - ending.size()));
    words.emplace_back(ending);
    return true;
  };
  if (cut("n't")) return;
  for (const std::string_view ending : kEndings) {
    if (cut(ending)) return;
  }
  words.push_back(std::move(word));
}

// Marks that stay words: "5 %", "a & b", "$ 5".
bool IsKeptMark(char c) {
  return std::string_view("%&$#@*+=/<>|~^\\").find(c) != std::string_view::npos;
}

}  // namespace

std::vector<std::string> WordsOf(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  const auto flush = [&] {
    if (!word.empty()) AddWord(std::move(word), words);
    word.clear();
  };
  const auto at = [&](size_t i) { return i < text.size() ? text[i] : ' '; };
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], before = i > 0 ? text[i - 1] : ' ', after = at(i + 1);
    const bool sign = c == '-' && word.empty() && IsDigit(after) && (i == 0 || IsSpace(before));
    const bool inside =
        !word.empty() && IsWordByte(before) && IsWordByte(after) &&
        (c == '-' || c == '\'' || ((c == '.' || c == ',') && IsDigit(before) && IsDigit(after)));
    if (IsWordByte(c) || inside || sign) {
      word += c;
      continue;
    }
    flush();
    if (IsKeptMark(c)) words.emplace_back(1, c);
  }
  flush();
  return words;
}

std::vector<std::string> TokensOf(std::string_view text) {
  std::vector<std::string> words;
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && !IsSpace(text[i])) continue;
    if (i > start) words.emplace_back(text.substr(start, i - start));
    start = i + 1;
  }
  return words;
}

}  // namespace occvla::eval

#include "occvla/data/text/word_matcher.h"

#include <algorithm>
#include <utility>

namespace occvla::data {
namespace {

unsigned ByteAt(const std::string& text, size_t i) { return static_cast<unsigned char>(text[i]); }

}  // namespace

WordMatcher::WordMatcher(std::vector<Word> words) : words_(std::move(words)) {
  std::sort(words_.begin(), words_.end(),
            [](const Word& a, const Word& b) { return a.text < b.text; });
  for (const Word& word : words_) ++first_[ByteAt(word.text, 0) + 1];
  for (size_t i = 1; i < first_.size(); ++i) first_[i] += first_[i - 1];
}

std::optional<WordMatcher::Match> WordMatcher::Next(std::string_view text, size_t from) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    const auto first = static_cast<unsigned char>(text[begin]);
    auto low = words_.begin() + static_cast<std::ptrdiff_t>(first_[first]);
    auto high = words_.begin() + static_cast<std::ptrdiff_t>(first_[first + 1u]);
    std::optional<Match> longest;
    // [low, high) are the words that begin with text[begin, begin + length).
    for (size_t length = 1; low != high; ++length) {
      if (low->text.size() == length) {
        longest = Match{begin, begin + length, low->id};
        ++low;  // Sorted: a word comes before those that it begins.
      }
      if (begin + length == text.size()) break;
      const auto next = static_cast<unsigned char>(text[begin + length]);
      low = std::partition_point(
          low, high, [&](const Word& word) { return ByteAt(word.text, length) < next; });
      high = std::partition_point(
          low, high, [&](const Word& word) { return ByteAt(word.text, length) == next; });
    }
    if (longest) return longest;
  }
  return std::nullopt;
}

}  // namespace occvla::data

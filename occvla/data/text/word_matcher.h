#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::data {

/// Finds words in a text: the leftmost, and of those that start there the longest. A step costs at
/// most the longest word, whatever the text is.
class WordMatcher {
 public:
  struct Word {
    std::string text;  ///< Not empty; no two are equal.
    int32_t id = 0;
  };
  struct Match {
    size_t begin = 0, end = 0;
    int32_t id = 0;
  };

  explicit WordMatcher(std::vector<Word> words);
  /// The first match that begins at `from` or later.
  std::optional<Match> Next(std::string_view text, size_t from) const;
  bool empty() const { return words_.empty(); }

 private:
  std::vector<Word> words_;          // Sorted by their bytes.
  std::array<size_t, 257> first_{};  // Words that begin with byte b: [first_[b], first_[b + 1]).
};

}  // namespace occvla::data

#include "occvla/train/feed/mirror_text.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <span>
#include <utility>
#include <vector>

namespace occvla::train {
namespace {

using Words = std::span<const std::string_view>;

bool IsLetter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }
bool IsDigit(char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; }
bool IsOneOf(std::string_view word, Words words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// "turn" begins "turns", "turned", "turning".
bool StartsWithOneOf(std::string_view word, Words stems) {
  return std::any_of(stems.begin(), stems.end(),
                     [&](std::string_view stem) { return word.starts_with(stem); });
}

// Before left or right: it is a direction.
constexpr std::array<std::string_view, 18> kOpeners{
    "the", "to",    "front", "back",    "rear",   "far",  "my",       "your",  "its",
    "our", "their", "lane",  "towards", "toward", "from", "slightly", "sharp", "hard"};
constexpr std::array<std::string_view, 3> kTurning{"turn", "bend", "curv"};
// Before "right in front" these leave it open which is meant, and before "left a gap" too.
constexpr std::array<std::string_view, 19> kMoving{
    "mov",  "go",    "drive", "drivi", "drove", "head",  "cross", "travel", "keep", "kept",
    "bear", "steer", "lead",  "merg",  "shift", "swerv", "veer",  "pull",   "chang"};
// After right: at once, exactly, correct.
constexpr std::array<std::string_view, 16> kAdverbial{
    "away",  "now", "in",     "behind", "next",  "after", "before", "here",
    "there", "at",  "beside", "above",  "below", "on",    "along",  "where"};
constexpr std::array<std::string_view, 14> kCorrect{
    "angle",  "angles", "decision", "choice", "thing", "answer",   "time",
    "moment", "speed",  "distance", "action", "way",   "approach", "manner"};
// After left: something was left.
constexpr std::array<std::string_view, 20> kObjects{
    "the",  "a",    "an",   "its", "his",    "her",  "their", "my",     "our",  "your",
    "this", "that", "some", "no",  "enough", "room", "space", "behind", "over", "open"};
constexpr std::array<std::string_view, 14> kLeaving{
    "has",  "have",    "had",      "been",    "having", "room",   "space",
    "time", "nothing", "anything", "seconds", "metres", "meters", "just"};
constexpr std::array<std::string_view, 6> kBeing{"is", "are", "was", "were", "be", "s"};
// Sides of an image or a box in it, not of the world.
constexpr std::array<std::string_view, 4> kOfImages{"top", "bottom", "upper", "lower"};
// Directions that a mirror changes in a way that the text does not tell.
constexpr std::array<std::string_view, 13> kUntold{
    "clockwise", "counterclockwise", "anticlockwise", "clock",   "yaw",
    "lateral",   "laterally",        "nearside",      "offside", "port",
    "starboard", "passenger",        "azimuth"};
constexpr std::array<std::string_view, 4> kCompass{"north", "south", "east", "west"};

struct Word {
  size_t at = 0, size = 0;
  std::string lower;
};

std::vector<Word> WordsOf(std::string_view text) {
  std::vector<Word> words;
  for (size_t at = 0; at < text.size();) {
    if (!IsLetter(text[at])) {
      ++at;
      continue;
    }
    Word word{.at = at, .size = 0, .lower = {}};
    while (at < text.size() && IsLetter(text[at]))
      word.lower += static_cast<char>(std::tolower(static_cast<unsigned char>(text[at++])));
    word.size = word.lower.size();
    words.push_back(std::move(word));
  }
  return words;
}

enum class Meaning { kDirection, kOther, kUnclear };

// What lies between two words: only blanks, or the end of a clause too.
bool IsOneClause(std::string_view text, const Word& before, const Word& after) {
  const std::string_view between =
      text.substr(before.at + before.size, after.at - before.at - before.size);
  return between.find_first_not_of(" -_\t") == std::string_view::npos;
}

class Sentence {
 public:
  explicit Sentence(std::string_view text) : text_(text), words_(WordsOf(text)) {}
  const std::vector<Word>& words() const { return words_; }

  Meaning MeaningOf(size_t at) const {
    if (IsOneOf(Before(at), kOfImages)) return Meaning::kUnclear;
    if (words_[at].lower == "right") return OfRight(at);
    return words_[at].lower == "left" ? OfLeft(at) : Meaning::kDirection;
  }

 private:
  std::string_view Before(size_t at) const {
    if (at == 0 || !IsOneClause(text_, words_[at - 1], words_[at])) return {};
    return words_[at - 1].lower;
  }
  std::string_view After(size_t at) const {
    if (at + 1 == words_.size() || !IsOneClause(text_, words_[at], words_[at + 1])) return {};
    return words_[at + 1].lower;
  }
  static Meaning Otherwise(std::string_view before) {
    if (IsOneOf(before, kOpeners) || StartsWithOneOf(before, kTurning)) return Meaning::kDirection;
    return StartsWithOneOf(before, kMoving) ? Meaning::kUnclear : Meaning::kOther;
  }

  Meaning OfRight(size_t at) const {
    const std::string_view before = Before(at), after = After(at);
    if (before == "all") return Meaning::kOther;
    if (after == "of" && After(at + 1) == "way") return Meaning::kOther;
    if (IsOneOf(after, kCorrect)) return Meaning::kOther;
    if (IsOneOf(after, kAdverbial)) return Otherwise(before);
    if (IsOneOf(before, kBeing) && after != "of") return Meaning::kUnclear;
    return Meaning::kDirection;
  }

  Meaning OfLeft(size_t at) const {
    const std::string_view before = Before(at), after = After(at);
    if (IsOneOf(after, kObjects)) return Otherwise(before);
    if (IsOneOf(before, kLeaving)) return Meaning::kUnclear;
    if (IsOneOf(before, kBeing) && after != "of") return Meaning::kUnclear;
    return Meaning::kDirection;
  }

  std::string_view text_;  // The caller's, who outlives it.
  std::vector<Word> words_;
};

// "leftmost" -> "rightmost"; nothing for a word that has no side.
std::optional<std::string> OtherSide(std::string_view lower) {
  constexpr std::array<std::string_view, 6> kEnds{"", "most", "ward", "wards", "hand", "side"};
  for (const auto& [side, other] : {std::pair<std::string_view, std::string_view>("left", "right"),
                                    std::pair<std::string_view, std::string_view>("right", "left")})
    if (lower.starts_with(side) && IsOneOf(lower.substr(side.size()), kEnds))
      return std::string(other) + std::string(lower.substr(side.size()));
  return std::nullopt;
}

// With small and capital letters as `like` has them: all capitals, a capital first, or none.
std::optional<std::string> InCaseOf(std::string_view like, std::string lower) {
  const auto upper = [](char c) {
    return static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  };
  const auto is_upper = [](char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; };
  const auto capitals = std::count_if(like.begin(), like.end(), is_upper);
  if (capitals == static_cast<std::ptrdiff_t>(like.size())) {
    std::transform(lower.begin(), lower.end(), lower.begin(), upper);
  } else if (capitals == 1 && is_upper(like.front())) {
    lower.front() = upper(lower.front());
  } else if (capitals > 0) {
    return std::nullopt;
  }
  return lower;
}

size_t SkipBlanks(std::string_view text, size_t at) {
  while (at < text.size() && text[at] == ' ') ++at;
  return at;
}

struct Number {
  size_t at = 0, end = 0;
  bool is_signed = false, has_point = false, is_zero = true;
};

// The number that begins here, if one does.
std::optional<Number> NumberAt(std::string_view text, size_t at) {
  Number number{.at = at};
  number.is_signed = at < text.size() && (text[at] == '+' || text[at] == '-');
  if (number.is_signed) ++at;
  const size_t digits = at;
  for (; at < text.size(); ++at) {
    if (text[at] == '.' && !number.has_point && at > digits && at + 1 < text.size() &&
        IsDigit(text[at + 1])) {
      number.has_point = true;
    } else if (!IsDigit(text[at])) {
      break;
    } else if (text[at] != '0') {
      number.is_zero = false;
    }
  }
  if (at == digits) return std::nullopt;
  number.end = at;
  return number;
}

// A place in E, "(+4.26, -0.44)", that begins at a bracket: y, and where it ends.
std::optional<Number> PlaceAt(std::string_view text, size_t at) {
  if (text[at] != '(') return std::nullopt;
  const auto x = NumberAt(text, SkipBlanks(text, at + 1));
  if (!x || !x->has_point) return std::nullopt;
  const size_t comma = SkipBlanks(text, x->end);
  if (comma >= text.size() || text[comma] != ',') return std::nullopt;
  auto y = NumberAt(text, SkipBlanks(text, comma + 1));
  if (!y || !y->has_point || !(y->is_signed || y->is_zero)) return std::nullopt;
  const size_t end = SkipBlanks(text, y->end);
  if (end >= text.size() || text[end] != ')') return std::nullopt;
  return y;
}

// Turns the signs of y; false where other numbers look like coordinates.
bool MirrorPlaces(std::string& text) {
  for (size_t at = 0; at < text.size();) {
    if (const auto y = PlaceAt(text, at)) {
      if (y->is_signed) text[y->at] = text[y->at] == '+' ? '-' : '+';
      at = y->end;
      continue;
    }
    const bool starts = at == 0 || !(IsDigit(text[at - 1]) || text[at - 1] == '.');
    const auto number = starts ? NumberAt(text, at) : std::nullopt;
    if (!number) {
      ++at;
      continue;
    }
    const size_t comma = SkipBlanks(text, number->end);
    if (comma < text.size() && text[comma] == ',' && NumberAt(text, SkipBlanks(text, comma + 1)))
      return false;
    at = number->end;
  }
  return true;
}

// Marks of coordinates in some other format: "<c1,CAM_FRONT,...>", "x: 1.2", "y = 3", "30°".
bool HasOtherCoordinates(std::string_view text, const std::vector<Word>& words) {
  if (text.find_first_of("<>") != std::string_view::npos) return true;
  if (text.find("\xC2\xB0") != std::string_view::npos) return true;
  return std::any_of(words.begin(), words.end(), [&](const Word& word) {
    if (word.lower != "x" && word.lower != "y") return false;
    const size_t next = SkipBlanks(text, word.at + word.size);
    return next < text.size() && (text[next] == ':' || text[next] == '=');
  });
}

std::optional<std::string> Swap(std::string_view text) {
  const Sentence sentence(text);
  if (HasOtherCoordinates(text, sentence.words())) return std::nullopt;
  std::string mirrored;
  size_t done = 0;
  for (size_t i = 0; i < sentence.words().size(); ++i) {
    const Word& word = sentence.words()[i];
    if (IsOneOf(word.lower, kUntold) || StartsWithOneOf(word.lower, kCompass)) return std::nullopt;
    const auto other = OtherSide(word.lower);
    if (!other) continue;
    const Meaning meaning = sentence.MeaningOf(i);
    if (meaning == Meaning::kUnclear) return std::nullopt;
    if (meaning == Meaning::kOther) continue;
    const auto written = InCaseOf(text.substr(word.at, word.size), *other);
    if (!written) return std::nullopt;
    mirrored += text.substr(done, word.at - done);
    mirrored += *written;
    done = word.at + word.size;
  }
  mirrored += text.substr(done);
  if (!MirrorPlaces(mirrored)) return std::nullopt;
  return mirrored;
}

}  // namespace

std::optional<std::string> MirrorText(std::string_view text) {
  auto mirrored = Swap(text);
  if (!mirrored || Swap(*mirrored) != text) return std::nullopt;
  return mirrored;
}

}  // namespace occvla::train

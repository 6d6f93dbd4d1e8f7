#include "occvla/label/wording.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::label {
namespace {

constexpr std::array<std::string_view, 13> kNumbers = {"no",   "one",    "two",   "three", "four",
                                                       "five", "six",    "seven", "eight", "nine",
                                                       "ten",  "eleven", "twelve"};

uint64_t HalfOf(std::string_view token, size_t half) {
  uint64_t value = 0;
  const char* begin = token.data() + 16 * half;
  const auto [end, error] = std::from_chars(begin, begin + 16, value, 16);
  if (error != std::errc() || end != begin + 16)
    throw DataError("a sample token must have 32 hex digits, but is " + Quoted(token, 60));
  return value;
}

Rng Stream(uint64_t seed, std::string_view purpose, std::string_view token) {
  if (token.size() != 32)
    throw DataError("a sample token must have 32 hex digits, but is " + Quoted(token, 60));
  return Rng(seed, purpose, HalfOf(token, 0), HalfOf(token, 1));
}

}  // namespace

Choices::Choices(uint64_t seed, std::string_view purpose, std::string_view token)
    : rng_(Stream(seed, purpose, token)) {}

std::string Choices::Of(std::initializer_list<std::string_view> texts) {
  return std::string(texts.begin()[rng_.Below(texts.size())]);
}

size_t Choices::Below(size_t count) { return rng_.Below(count); }

bool Choices::Chance(double probability) { return rng_.Uniform() < probability; }

std::string WithArticle(std::string_view noun) {
  const bool vowel = std::string_view("aeio").find(noun.front()) != std::string_view::npos;
  return (vowel ? "an " : "a ") + std::string(noun);
}

std::string Plural(std::string_view noun) {
  return std::string(noun) + (noun.ends_with("s") ? "es" : "s");
}

std::string Counted(size_t count, std::string_view noun) {
  if (count == 1) return WithArticle(noun);
  const std::string number =
      count < kNumbers.size() ? std::string(kNumbers[count]) : std::to_string(count);
  return number + " " + Plural(noun);
}

std::string Listed(const std::vector<std::string>& parts) {
  std::string text;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) text += i + 1 < parts.size() ? ", " : " and ";
    text += parts[i];
  }
  return text;
}

std::string Sentence(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

std::string About(double metres) {
  const double step = metres < 9.5 ? 1 : 5;
  const auto whole = static_cast<long>(std::max(1.0, std::round(metres / step) * step));
  return std::to_string(whole) + " m";
}

std::string Where(std::string_view sector) {
  if (sector == "front") return "ahead";
  if (sector == "back") return "behind";
  return "at the " + std::string(sector);
}

}  // namespace occvla::label

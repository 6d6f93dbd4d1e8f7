#include "occvla/data/meta_action.h"

#include <algorithm>

namespace occvla::data {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

std::string_view Trimmed(std::string_view text) {
  const size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

// ASCII only: the labels are.
bool SameLetters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

template <typename Enum, size_t N>
std::optional<Enum> Named(const std::array<std::string_view, N>& names, std::string_view text) {
  for (size_t i = 0; i < N; ++i)
    if (SameLetters(names[i], text)) return static_cast<Enum>(i);
  return std::nullopt;
}

}  // namespace

std::string ToString(const MetaAction& action) {
  std::string text(kVelocityNames[static_cast<size_t>(action.velocity)]);
  text += ", ";
  text += kDirectionNames[static_cast<size_t>(action.direction)];
  return text;
}

std::optional<MetaAction> ParseMetaAction(std::string_view text) {
  text = Trimmed(text);
  if (text.ends_with('.')) text = Trimmed(text.substr(0, text.size() - 1));
  const size_t comma = text.find(',');
  if (comma == std::string_view::npos) return std::nullopt;
  const auto velocity = Named<Velocity>(kVelocityNames, Trimmed(text.substr(0, comma)));
  const auto direction = Named<Direction>(kDirectionNames, Trimmed(text.substr(comma + 1)));
  if (!velocity || !direction) return std::nullopt;
  return MetaAction{*velocity, *direction};
}

}  // namespace occvla::data

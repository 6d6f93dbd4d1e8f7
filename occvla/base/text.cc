#include "occvla/base/text.h"

#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

namespace occvla {
namespace {

// Names longer than this are no misspellings, and the distance costs their product.
constexpr size_t kLongestName = 256;

// Insertions, deletions, replacements and swaps of neighbours; gives up beyond `most`.
size_t EditDistance(std::string_view a, std::string_view b, size_t most) {
  if (std::max(a.size(), b.size()) - std::min(a.size(), b.size()) > most) return most + 1;
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) previous[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    size_t best = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({replaced, previous[j] + 1, current[j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        current[j] = std::min(current[j], before[j - 2] + 1);
      best = std::min(best, current[j]);
    }
    // Two rows, since a swap reaches back over one.
    if (best > most + 1) return most + 1;
    before.swap(previous);
    previous.swap(current);
  }
  return previous[b.size()];
}

// Length of the well-formed UTF-8 sequence at the start of `text`; 0 if there is none (Unicode 15,
// table 3-7).
size_t Utf8SequenceLength(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const auto in = [&](size_t i, unsigned low, unsigned high) {
    return i < text.size() && byte(i) >= low && byte(i) <= high;
  };
  if (text.empty()) return 0;
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return in(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const unsigned low = first == 0xE0 ? 0xA0 : 0x80, high = first == 0xED ? 0x9F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const unsigned low = first == 0xF0 ? 0x90 : 0x80, high = first == 0xF4 ? 0x8F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

// Characters of `special` get a backslash.
std::string Escaped(std::string_view text, size_t most, std::string_view special) {
  std::string escaped;
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = Utf8SequenceLength(text.substr(at));
    if (at + std::max<size_t>(length, 1) > most) return escaped + "...";
    const auto byte = static_cast<unsigned char>(text[at]);
    if (length == 0 || byte < 0x20 || byte == 0x7F) {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", byte);
      escaped += byte == '\n' ? "\\n" : byte == '\t' ? "\\t" : hex;
      ++at;
      continue;
    }
    if (special.find(text[at]) != std::string_view::npos) escaped += '\\';
    escaped += text.substr(at, length);
    at += length;
  }
  return escaped;
}

}  // namespace

std::vector<std::string> Nearest(std::string_view name, std::span<const std::string> candidates,
                                 size_t most) {
  if (name.size() > kLongestName) return {};
  std::vector<std::pair<size_t, size_t>> found;  // Distance, index: ties keep their order.
  for (size_t i = 0; i < candidates.size(); ++i) {
    const std::string& candidate = candidates[i];
    if (candidate.size() > kLongestName) continue;
    const size_t allowed = std::max<size_t>(1, std::max(name.size(), candidate.size()) / 3);
    const size_t distance = EditDistance(name, candidate, allowed);
    if (distance <= allowed) found.emplace_back(distance, i);
  }
  std::sort(found.begin(), found.end());
  if (found.size() > most) found.resize(most);
  std::vector<std::string> names;
  for (const auto& [distance, index] : found) names.push_back(candidates[index]);
  return names;
}

std::string Printable(std::string_view text, size_t most) {
  return Escaped(text, most, /*special=*/"");
}

std::string Quoted(std::string_view text, size_t most) {
  return '"' + Escaped(text, most, /*special=*/"\"\\") + '"';
}

std::string ShapeText(std::span<const int64_t> shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) {
    if (i > 0) text += ", ";
    text += std::to_string(shape[i]);
  }
  return text + "]";
}

std::string Join(std::span<const std::string> parts, std::string_view separator) {
  std::string joined;
  for (size_t i = 0; i < parts.size(); ++i) {
    if (i > 0) joined += separator;
    joined += parts[i];
  }
  return joined;
}

bool IsValidUtf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = Utf8SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

}  // namespace occvla

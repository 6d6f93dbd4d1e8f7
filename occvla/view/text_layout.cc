#include "occvla/view/text_layout.h"

#include <algorithm>

#include "occvla/base/text.h"

namespace occvla::view {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
constexpr std::string_view kEllipsis = "\xE2\x80\xA6";

// Bytes of the well-formed character that starts the text, 0 if none does.
size_t CharacterSize(std::string_view text) {
  for (size_t size = 1; size <= std::min<size_t>(4, text.size()); ++size) {
    if (IsValidUtf8(text.substr(0, size))) return size;
  }
  return 0;
}

// The longest start of `word` that fits, at least one character of it.
size_t FittingSize(std::string_view word, double width,
                   const std::function<double(std::string_view)>& measure) {
  size_t size = 0;
  while (size < word.size()) {
    const size_t next = size + std::max<size_t>(1, CharacterSize(word.substr(size)));
    if (size > 0 && measure(word.substr(0, next)) > width) break;
    size = next;
  }
  return size;
}

void WrapParagraph(std::string_view text, double width,
                   const std::function<double(std::string_view)>& measure,
                   std::vector<std::string>& lines) {
  std::string line;
  while (!text.empty()) {
    const size_t blank = text.find(' ');
    std::string_view word = text.substr(0, blank);
    text = blank == std::string_view::npos ? "" : text.substr(blank + 1);
    const std::string longer = line.empty() ? std::string(word) : line + " " + std::string(word);
    if (measure(longer) <= width) {
      line = longer;
      continue;
    }
    if (!line.empty()) lines.push_back(std::move(line));
    while (measure(word) > width) {
      const size_t size = FittingSize(word, width, measure);
      if (size == word.size()) break;
      lines.emplace_back(word.substr(0, size));
      word.remove_prefix(size);
    }
    line = word;
  }
  lines.push_back(std::move(line));
}

}  // namespace

std::string Printable(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t size = CharacterSize(text);
    const auto first = static_cast<unsigned char>(text.front());
    if (size == 0) {
      out += kReplacement;
    } else if (first < 0x20 || first == 0x7f) {
      out += ' ';
    } else {
      out += text.substr(0, size);
    }
    text.remove_prefix(std::max<size_t>(1, size));
  }
  return out;
}

std::string_view Shortened(std::string_view text, size_t most) {
  if (text.size() <= most) return text;
  while (most > 0 && (static_cast<unsigned char>(text[most]) & 0xC0) == 0x80) --most;
  return text.substr(0, most);
}

std::vector<std::string> Wrap(std::string_view text, double width, size_t most_lines,
                              const std::function<double(std::string_view)>& measure) {
  std::vector<std::string> lines;
  bool more = !text.empty();
  while (more && lines.size() <= most_lines) {
    const size_t end = text.find('\n');
    more = end != std::string_view::npos;
    WrapParagraph(Printable(text.substr(0, end)), width, measure, lines);
    if (more) text.remove_prefix(end + 1);
  }
  if (lines.size() <= most_lines) return lines;
  lines.resize(most_lines);
  if (lines.empty()) return lines;
  std::string& last = lines.back();
  while (!last.empty() && measure(last + std::string(kEllipsis)) > width) {
    last = Shortened(last, last.size() - 1);
  }
  last += kEllipsis;
  return lines;
}

}  // namespace occvla::view

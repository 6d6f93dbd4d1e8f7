#include "occvla/data/json_walk.h"

#include <array>
#include <unordered_set>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::data {
namespace {

constexpr size_t kMaxName = 1024;

// The bytes that a scan stops at.
class Stops {
 public:
  explicit constexpr Stops(std::string_view bytes) {
    for (const char c : bytes) stops_[static_cast<unsigned char>(c)] = true;
  }
  /// The first of them from `at` on; the text's size if none.
  size_t Find(std::string_view text, size_t at) const {
    while (at < text.size() && !stops_[static_cast<unsigned char>(text[at])]) ++at;
    return at;
  }

 private:
  std::array<bool, 256> stops_{};
};
constexpr Stops kInString("\"\\"), kInContainer("\"{}[]"), kInScalar("\"{}[],: \n\r\t");

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

}  // namespace

JsonWalk::JsonWalk(std::string_view text, std::string where)
    : text_(text), where_(std::move(where)) {}

void JsonWalk::Fail(const std::string& problem) const {
  throw DataError(where_ + ": not usable as JSON at byte " + std::to_string(at_) + ": " + problem);
}

char JsonWalk::Peek() {
  while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  return at_ < text_.size() ? text_[at_] : '\0';
}

void JsonWalk::Expect(char wanted, const std::string& what) {
  if (Peek() != wanted || at_ >= text_.size()) {
    Fail("expected " + what + ", found " +
         (at_ < text_.size() ? Quoted(text_.substr(at_, 1)) : std::string("the end of the file")));
  }
  ++at_;
}

// From behind the opening quote to behind the closing one.
void JsonWalk::SkipString() {
  const size_t start = at_;
  for (;;) {
    const size_t found = kInString.Find(text_, at_);
    if (found == text_.size()) {
      at_ = start;
      Fail("a string that starts here does not end");
    }
    at_ = found + 1;
    if (text_[found] == '"') return;
    ++at_;  // What the backslash escapes; past the end is caught in the next round.
    if (at_ > text_.size()) at_ = text_.size();
  }
}

std::string_view JsonWalk::Name() {
  Expect('"', "a name in quotes");
  const size_t start = at_;
  SkipString();
  const std::string_view name = text_.substr(start, at_ - 1 - start);
  if (name.size() > kMaxName || name.find('\\') != std::string_view::npos || !IsValidUtf8(name)) {
    at_ = start;
    Fail("the name " + Quoted(name, 40) +
         " is longer than 1024 bytes, has escapes or is not UTF-8, which no known file's is");
  }
  return name;
}

void JsonWalk::Object(const std::function<void(std::string_view name)>& visit,
                      const std::function<void(std::string_view name)>& repeated) {
  Expect('{', "an object");
  std::unordered_set<std::string_view> seen;
  if (Peek() == '}') {
    ++at_;
    return;
  }
  for (;;) {
    const size_t start = at_;
    const std::string_view name = Name();
    const bool is_new = seen.insert(name).second;
    if (!is_new && !repeated) {
      at_ = start;
      Fail("the name " + Quoted(name) + " occurs twice in one object");
    }
    Expect(':', "':' after a name");
    (is_new ? visit : repeated)(name);
    if (Peek() == ',') {
      ++at_;
      Peek();
      continue;
    }
    return Expect('}', "',' or '}'");
  }
}

void JsonWalk::Array(const std::function<void(size_t index)>& visit) {
  Expect('[', "an array");
  if (Peek() == ']') {
    ++at_;
    return;
  }
  for (size_t index = 0;; ++index) {
    visit(index);
    if (Peek() == ',') {
      ++at_;
      continue;
    }
    return Expect(']', "',' or ']'");
  }
}

std::string_view JsonWalk::Value(size_t max_bytes) {
  Peek();
  const size_t start = at_;
  const auto within = [&] {
    if (at_ - start <= max_bytes) return;
    at_ = start;
    Fail("a value that starts here is longer than the " + std::to_string(max_bytes) +
         " bytes that are accepted here");
  };
  size_t depth = 0;
  do {
    // Numbers and words end at whatever may follow them; they are checked by their parser.
    const size_t from = at_;
    at_ = (depth > 0 ? kInContainer : kInScalar).Find(text_, at_);
    within();
    if (at_ == text_.size()) {
      if (depth == 0 && at_ > from) break;
      Fail("the file ends within a value");
    }
    const char c = text_[at_];
    if (depth == 0 && at_ > from) break;
    if (c == '"') {
      ++at_;
      SkipString();
      within();
    } else if (c == '{' || c == '[') {
      ++depth;
      ++at_;
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
      ++at_;
    } else {
      Fail("expected a value, found " + Quoted(text_.substr(at_, 1)));
    }
  } while (depth > 0);
  return text_.substr(start, at_ - start);
}

void JsonWalk::End() {
  if (Peek() != '\0' || at_ < text_.size())
    Fail("expected nothing more, found " + Quoted(text_.substr(at_, 1)));
}

}  // namespace occvla::data

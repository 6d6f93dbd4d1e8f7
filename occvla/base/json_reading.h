#pragma once
#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "occvla/base/text.h"

/// What the JSON readers of this room share: events with the byte they were read at. For a reader
/// that must not build a tree; everybody else takes json.h.
namespace occvla {

//// Walks the text and tells the reader how far the parser has read.
class CountingIterator {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  CountingIterator(const char* at, size_t* read) : at_(at), read_(read) {}
  reference operator*() const { return *at_; }
  CountingIterator& operator++() {
    ++at_;
    ++*read_;
    return *this;
  }
  CountingIterator operator++(int) {
    CountingIterator before = *this;
    ++*this;
    return before;
  }
  bool operator==(const CountingIterator& other) const { return at_ == other.at_; }
  bool operator!=(const CountingIterator& other) const { return at_ != other.at_; }

 private:
  const char* at_;
  size_t* read_;
};

/// What is wrong with the syntax, in nlohmann's words without its prefix.
inline std::string JsonSyntaxProblem(const nlohmann::detail::exception& error) {
  // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error while ..." or
  // "[json.exception.out_of_range.406] number overflow parsing '1e999'".
  const std::string text = error.what();
  size_t from = text.find("syntax error");
  if (from == std::string::npos) from = text.find("] ") + 2;
  return Printable(text.substr(from));
}

/// Reads one strict JSON document and hands its events to `handler` (nlohmann's SAX interface);
/// `read` counts the bytes consumed and may be looked at from within the handler.
template <typename Handler>
void ReadJsonEvents(std::string_view text, size_t* read, Handler* handler) {
  *read = 0;
  nlohmann::json::sax_parse(CountingIterator(text.data(), read),
                            CountingIterator(text.data() + text.size(), read), handler);
}

}  // namespace occvla

// Any text through the small tokenizer: decoding gives it back (U+2581 as a space), and decoding
// the ids one by one equals decoding them at once. The bytes are also taken as ids.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/data/text/tokenizer.h"

namespace {

using occvla::data::Tokenizer;

void Require(bool condition) {
  if (!condition) std::abort();
}

void CompareStream(const Tokenizer& tokenizer, const std::vector<int64_t>& ids) {
  occvla::data::StreamDecoder decoder(tokenizer);
  std::string text;
  for (const int64_t id : ids) {
    const std::string piece = decoder.Push(id);
    Require(occvla::IsValidUtf8(piece));
    text += piece;
  }
  text += decoder.Finish();
  Require(text == tokenizer.Decode(ids));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Tokenizer tokenizer =
      Tokenizer::FromJson(occvla::data::SmallTokenizerJson(1024), "small");
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const auto ids = tokenizer.Encode(text);
    std::string want(text);
    for (size_t at; (at = want.find("\xE2\x96\x81")) != std::string::npos;)
      want.replace(at, 3, " ");
    Require(tokenizer.Decode(ids) == want);
    CompareStream(tokenizer, ids);
    CompareStream(tokenizer, tokenizer.Encode(text, occvla::data::ControlWords::kParse));
    Require(occvla::IsValidUtf8(text));
  } catch (const occvla::DataError&) {
    Require(!occvla::IsValidUtf8(text));
  }
  std::vector<int64_t> ids;
  for (size_t i = 0; i + 1 < size; i += 2) ids.push_back(data[i] | (data[i + 1] & 7) << 8);
  CompareStream(tokenizer, ids);
  return 0;
}

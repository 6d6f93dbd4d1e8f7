// A tokenizer.json from outside, and a text for it: the input up to the last NUL is the file, the
// rest the text. What is accepted must encode any text, and decoding must give the text back.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/data/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using occvla::data::ControlWords;
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const size_t cut = std::min(input.rfind('\0'), input.size());
  const std::string_view text = input.substr(std::min(cut + 1, input.size()));
  try {
    const auto tokenizer = occvla::data::Tokenizer::FromJson(input.substr(0, cut), "fuzz");
    for (const auto words : {ControlWords::kText, ControlWords::kParse}) {
      const auto ids = tokenizer.Encode(text, words);
      for (const int64_t id : ids)
        if (id < 0 || id >= tokenizer.vocabulary_size()) std::abort();
      (void)tokenizer.Decode(ids);
    }
  } catch (const occvla::CheckpointError&) {
  } catch (const occvla::DataError&) {  // The text is not UTF-8.
  }
  return 0;
}

// A tokenizer.model (sentencepiece) from outside. What is accepted must encode its own pieces.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "occvla/base/error.h"
#include "occvla/data/text/tokenizer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  try {
    const auto tokenizer = occvla::data::Tokenizer::FromModel(
        std::string_view(reinterpret_cast<const char*>(data), size), "fuzz");
    for (int64_t id = 0; id < tokenizer.vocabulary_size(); ++id) {
      for (const int64_t part : tokenizer.Encode(tokenizer.Piece(id)))
        if (part < 0 || part >= tokenizer.vocabulary_size()) std::abort();
    }
  } catch (const occvla::CheckpointError&) {
  }
  return 0;
}

#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace occvla::data {

/// Whether control words (`<bos>`, `<eos>`, `<image>`, ...) inside the text become control tokens.
/// User text is kText: there they are plain characters, whatever they spell.
enum class ControlWords { kText, kParse };

/// Gemma's tokenizer, from `tokenizer.json` (facts/model.md A.9) or `tokenizer.model`
/// (sentencepiece); both give the same ids. Immutable after loading; any thread may use it.
class Tokenizer {
 public:
  /// A folder: `tokenizer.json` if it is there, else `tokenizer.model`. Throws CheckpointError.
  static Tokenizer Load(const std::filesystem::path& folder);
  static Tokenizer FromJsonFile(const std::filesystem::path& path);
  static Tokenizer FromModelFile(const std::filesystem::path& path);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// No bos, no eos are added. Text that is not UTF-8 throws DataError with the byte offset.
  std::vector<int64_t> Encode(std::string_view text, ControlWords words = ControlWords::kText) const;
  /// Control tokens are left out; byte tokens are fused; bytes that are not UTF-8 become U+FFFD.
  std::string Decode(std::span<const int64_t> ids) const;
  /// The id of a piece by its exact spelling ("<eos>", "\n"), if there is one.
  std::optional<int64_t> Id(std::string_view piece) const;
  std::string_view Piece(int64_t id) const;
  int64_t vocabulary_size() const;
  int64_t bos() const;
  int64_t eos() const;
  int64_t pad() const;

 private:
  struct Impl;
  explicit Tokenizer(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

/// Turns ids into text as they arrive: each `Push` returns the longest valid UTF-8 that cannot
/// change any more; `Finish` the rest (U+FFFD for what never completed). The pieces concatenated
/// equal `Decode` of all ids. The tokenizer outlives it.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(tokenizer) {}
  std::string Push(int64_t id);
  std::string Finish();

 private:
  const Tokenizer& tokenizer_;
  std::string pending_;
};

/// The small tokenizer that comes with the program for `tiny`, `nano` and for random weights: a
/// `tokenizer.json` in the same format as Gemma's (control tokens pad 0, eos 1, bos 2, unk 3,
/// newline runs, 256 byte tokens, single characters, merges learned from a built-in corpus of
/// driving sentences), at most `vocabulary_size` ids. Deterministic.
std::string SmallTokenizerJson(int64_t vocabulary_size);

}  // namespace occvla::data

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
/// (sentencepiece); both give the same ids. A file that asks for anything else than Gemma's way
/// (another model, normalizer, pre-tokenizer or decoder) is refused by name. What the file says
/// about bos, eos, padding and truncation is left to the caller. Immutable after loading; any
/// thread may use it.
class Tokenizer {
 public:
  /// A folder: `tokenizer.json` if it is there, else `tokenizer.model`. Throws CheckpointError.
  static Tokenizer Load(const std::filesystem::path& folder);
  static Tokenizer FromJsonFile(const std::filesystem::path& path);
  static Tokenizer FromModelFile(const std::filesystem::path& path);
  /// From the file's content; `where` (usually the path) opens every complaint.
  static Tokenizer FromJson(std::string_view json, const std::string& where);
  static Tokenizer FromModel(std::string_view bytes, const std::string& where);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  /// No bos, no eos are added. Text that is not UTF-8 throws DataError with the byte offset.
  std::vector<int64_t> Encode(std::string_view text,
                              ControlWords words = ControlWords::kText) const;
  /// Control tokens are left out; byte tokens are fused; each ill-formed part of the bytes becomes
  /// U+FFFD. A space and U+2581 are the same to the vocabulary: both come back as a space. An id
  /// outside the vocabulary (a model may have more rows than there are pieces) has no text.
  std::string Decode(std::span<const int64_t> ids) const;
  /// The id of a piece by its exact spelling ("<eos>", "\n"), if there is one.
  std::optional<int64_t> Id(std::string_view piece) const;
  /// Throws DataError for an id outside the vocabulary.
  std::string_view Piece(int64_t id) const;
  int64_t vocabulary_size() const;
  int64_t bos() const;
  int64_t eos() const;
  int64_t pad() const;

 private:
  friend class StreamDecoder;
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
/// driving sentences), at most `vocabulary_size` ids. Deterministic. Throws ConfigError if
/// `vocabulary_size` has no room for the characters, bytes and control tokens.
std::string SmallTokenizerJson(int64_t vocabulary_size);

}  // namespace occvla::data

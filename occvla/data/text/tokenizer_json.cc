#include <simdjson.h>

#include <algorithm>
#include <initializer_list>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/text.h"
#include "occvla/data/text/vocabulary.h"

// Gemma's file is 33 MB, of which 30 MB are half a million merges: simdjson reads it in a tenth of
// the time that a tree of nlohmann::json takes.
namespace occvla::data {
namespace {

using simdjson::dom::element;

// What the parts around the model must say, as Hugging Face writes them for every Gemma. Anything
// else would tokenise differently.
struct Part {
  const char* name;
  const char* meaning;
  std::vector<const char*> accepted;
};
const Part kParts[] = {
    {"normalizer",
     "Replace \" \" by \"\u2581\"",
     {R"({"type":"Replace","pattern":{"String":" "},"content":"▁"})"}},
    {"pre_tokenizer",
     "null or Split at \" \", MergedWithPrevious",
     {"null",
      R"({"type":"Split","pattern":{"String":" "},"behavior":"MergedWithPrevious","invert":false})"}},
    {"decoder",
     "Replace \"\u2581\" by \" \", ByteFallback, Fuse",
     {R"({"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"▁"},"content":" "},)"
      R"({"type":"ByteFallback"},{"type":"Fuse"}]})"}},
};
// Set by the caller of Encode, not by the file.
const char* const kIgnored[] = {"version", "truncation", "padding", "post_processor"};

class Reader {
 public:
  explicit Reader(std::string where) : where_(std::move(where)) {}

  Vocabulary Read(std::string_view json) {
    element document;
    // Null pointers are not for memcpy, which simdjson calls to pad its input.
    const auto error = parser_.parse(json.empty() ? "" : json.data(), json.size()).get(document);
    if (error) {
      throw CheckpointError(where_ + ": is not a JSON document: " + simdjson::error_message(error) +
                            ". Copy the file again.");
    }
    const Fields fields = FieldsOf(document, "the document");
    CheckParts(fields);
    const Fields model = FieldsOf(Require(fields, "", "model"), "model");
    CheckModel(model);
    ReadPieces(fields, model);
    ReadMerges(Require(model, "model.", "merges"));
    return std::move(vocabulary_);
  }

 private:
  using Fields = std::map<std::string_view, element>;

  [[noreturn]] void Fail(const std::string& field, const std::string& problem) const {
    throw CheckpointError(where_ + ": " + field + " " + problem +
                          ". Only Gemma's kind of tokenizer is read here; take the file that "
                          "belongs to the weights.");
  }
  static std::string Shown(element value) {
    const std::string text = simdjson::minify(value);
    if (text.size() <= 120) return text;
    size_t end = 120;
    while ((text[end] & 0xC0) == 0x80) --end;  // Not inside a code point.
    return text.substr(0, end) + "...";
  }

  Fields FieldsOf(element value, const std::string& path) const {
    simdjson::dom::object object;
    if (value.get(object)) Fail(path, "must be an object, but is " + Shown(value));
    Fields fields;
    for (const auto field : object)
      if (!fields.emplace(field.key, field.value).second)
        Fail(path, "has " + Quoted(field.key) + " twice");
    return fields;
  }
  element Require(const Fields& fields, const std::string& path, const std::string& name) const {
    const auto found = fields.find(name);
    if (found == fields.end()) Fail(path + name, "is missing");
    return found->second;
  }
  // `path` makes the field's name: a quarter of a million names cost more than the file.
  template <typename Path>
  std::string_view Text(element value, Path&& path) const {
    std::string_view text;
    if (value.get(text)) Fail(path(), "must be a string, but is " + Shown(value));
    CheckText(text, path);
    return text;
  }
  template <typename Path>
  void CheckText(std::string_view text, Path&& path) const {
    if (text.empty()) Fail(path(), "is an empty string");
    if (text.size() > kLongestPiece) {
      Fail(path(), "has " + std::to_string(text.size()) + " bytes, at most " +
                       std::to_string(kLongestPiece) + " are accepted");
    }
  }
  template <typename Path>
  int64_t Integer(element value, Path&& path) const {
    int64_t number = 0;
    if (value.get(number) || number < 0 || number >= static_cast<int64_t>(kMostPieces)) {
      Fail(path(), "must be an integer from 0 to " + std::to_string(kMostPieces - 1) + ", but is " +
                       Shown(value));
    }
    return number;
  }
  bool Flag(element value, const std::string& path) const {
    bool flag = false;
    if (value.get(flag)) Fail(path, "must be true or false, but is " + Shown(value));
    return flag;
  }
  static std::string PathOf(std::string_view piece) { return "model.vocab[" + Quoted(piece) + "]"; }
  static std::string MergePath(size_t index) {
    return "model.merges[" + std::to_string(index) + "]";
  }

  void CheckParts(const Fields& fields) const {
    for (const auto& [name, value] : fields) {
      const auto named = [&, known = name](const auto& part) { return known == part; };
      if (name == "model" || name == "added_tokens" ||
          std::any_of(std::begin(kIgnored), std::end(kIgnored), named) ||
          std::any_of(std::begin(kParts), std::end(kParts),
                      [&](const Part& part) { return named(part.name); }))
        continue;
      Fail(Quoted(name), "is not a field known here");
    }
    for (const Part& part : kParts) {
      const element value = Require(fields, "", part.name);
      const std::string text = simdjson::minify(value);
      const bool accepted =
          text.size() < 1000 &&  // Before a second parser reads it.
          std::any_of(part.accepted.begin(), part.accepted.end(), [&](const char* expected) {
            return nlohmann::json::parse(text) == nlohmann::json::parse(expected);
          });
      if (!accepted)
        Fail(part.name, "must be " + std::string(part.meaning) + ", but is " + Shown(value));
    }
  }

  void CheckModel(const Fields& model) const {
    for (const auto& [name, value] : model) {
      const std::string path = "model." + std::string(name);
      const auto must_be = [&, shown = value](std::initializer_list<const char*> accepted) {
        const std::string found = Shown(shown);
        for (const char* expected : accepted)
          if (found == expected) return;
        Fail(path, "must be " + std::string(*accepted.begin()) + ", but is " + found);
      };
      if (name == "type") {
        must_be({"\"BPE\""});
      } else if (name == "byte_fallback") {
        must_be({"true"});
      } else if (name == "ignore_merges") {
        must_be({"false"});
      } else if (name == "dropout") {
        must_be({"null", "0.0", "0"});
      } else if (name == "continuing_subword_prefix" || name == "end_of_word_suffix") {
        must_be({"null", "\"\""});
      } else if (name != "vocab" && name != "merges" && name != "unk_token" && name != "fuse_unk") {
        // With a token for every byte nothing is ever unknown: the last two say nothing.
        Fail("model." + Quoted(name), "is not a field known here");
      }
    }
    Require(model, "model.", "type");
    Require(model, "model.", "byte_fallback");
  }

  void ReadPieces(const Fields& fields, const Fields& model) {
    const element value = Require(model, "model.", "vocab");
    simdjson::dom::object vocab;
    if (value.get(vocab)) Fail("model.vocab", "must be an object, but is " + Shown(value));
    size_t count = 0;
    for (const auto field : vocab) {
      const auto path = [&] { return PathOf(field.key); };
      CheckText(field.key, path);
      const int64_t id = Integer(field.value, path);
      if (const std::string_view there = PieceAt(id); !there.empty())
        Fail(path(), "is id " + std::to_string(id) + ", and so is " + Quoted(there));
      pieces_[static_cast<size_t>(id)] = field.key;
      ++count;
    }
    ReadWords(Require(fields, "", "added_tokens"), count);
    for (size_t id = 0; id < count; ++id) {
      if (PieceAt(static_cast<int64_t>(id)).empty()) {
        Fail("model.vocab", "has " + std::to_string(count) +
                                " pieces with the added tokens, but none for id " +
                                std::to_string(id));
      }
    }
    vocabulary_.pieces =
        PieceTable({pieces_.begin(), pieces_.begin() + static_cast<std::ptrdiff_t>(count)});
    if (const auto twins = vocabulary_.pieces.twins()) {
      Fail("model.vocab", "has " + Quoted(vocabulary_.pieces[twins->first]) + " as " +
                              std::to_string(twins->first) + " and as " +
                              std::to_string(twins->second));
    }
  }
  std::string_view PieceAt(int64_t id) {
    if (pieces_.size() <= static_cast<size_t>(id)) pieces_.resize(static_cast<size_t>(id) + 1);
    return pieces_[static_cast<size_t>(id)];
  }

  // Adds the words that are not in the vocabulary to `count`.
  void ReadWords(element value, size_t& count) {
    simdjson::dom::array list;
    if (value.get(list)) Fail("added_tokens", "must be an array, but is " + Shown(value));
    std::set<std::string_view> seen;
    for (const element entry : list) {
      const std::string path = "added_tokens[" + std::to_string(seen.size()) + "]";
      const Fields fields = FieldsOf(entry, path);
      const auto require = [&](const char* name) { return Require(fields, path + ".", name); };
      const auto content_path = [&] { return path + ".content"; };
      const std::string_view content = Text(require("content"), content_path);
      const int64_t id = Integer(require("id"), [&] { return path + ".id"; });
      for (const char* name : {"single_word", "lstrip", "rstrip"})
        if (Flag(require(name), path + "." + name))
          Fail(path + "." + name, "must be false, but is true (" + Quoted(content) + ")");
      if (!seen.insert(content).second)
        Fail(content_path(), "is " + Quoted(content) + ", as is an earlier one's");
      if (ByteOfPiece(content))
        Fail(content_path(), "is " + Quoted(content) + ", which is the name of a byte token");
      const std::string_view there = PieceAt(id);
      if (there.empty()) {
        pieces_[static_cast<size_t>(id)] = content;
        ++count;
      } else if (there != content) {
        Fail(path + ".id", "is " + std::to_string(id) + " (" + Quoted(content) +
                               "), but model.vocab has " + Quoted(there) + " there");
      }
      vocabulary_.words.push_back({static_cast<int32_t>(id),
                                   Flag(require("special"), path + ".special"),
                                   Flag(require("normalized"), path + ".normalized")});
    }
  }

  void ReadMerges(element value) {
    simdjson::dom::array list;
    if (value.get(list)) Fail("model.merges", "must be an array, but is " + Shown(value));
    std::string joined;
    std::vector<std::pair<uint64_t, size_t>> pairs;
    for (const element entry : list) {
      const size_t index = vocabulary_.merges.size();
      if (index == kMostMerges) {
        Fail("model.merges", "has more than " + std::to_string(kMostMerges) + " entries");
      }
      const auto [left, right] = PairOf(entry, index);
      joined.assign(left).append(right);
      const Vocabulary::Merge merge{IdOf(left, entry, index), IdOf(right, entry, index),
                                    IdOf(joined, entry, index)};
      vocabulary_.merges.push_back(merge);
      pairs.emplace_back(
          static_cast<uint64_t>(merge.left) << 32 | static_cast<uint64_t>(merge.right), index);
    }
    std::sort(pairs.begin(), pairs.end());
    const auto twin =
        std::adjacent_find(pairs.begin(), pairs.end(),
                           [](const auto& a, const auto& b) { return a.first == b.first; });
    if (twin == pairs.end()) return;
    Fail(MergePath((twin + 1)->second), "is the same as [" + std::to_string(twin->second) + "]");
  }

  // ["a", "b"], or "a b" as files before 2024 have it.
  std::pair<std::string_view, std::string_view> PairOf(element entry, size_t index) const {
    simdjson::dom::array pair;
    std::string_view left, right;
    if (!entry.get(pair) && pair.size() == 2 && !pair.at(0).get(left) && !pair.at(1).get(right))
      return {left, right};
    std::string_view text;
    if (!entry.get(text)) {
      const size_t space = text.find(' ');
      if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos)
        return {text.substr(0, space), text.substr(space + 1)};
    }
    Fail(MergePath(index), "must be two pieces, but is " + Shown(entry));
  }
  int32_t IdOf(std::string_view piece, element entry, size_t index) const {
    const int32_t id = vocabulary_.pieces.Find(piece);
    if (id < 0) {
      Fail(MergePath(index),
           "is " + Shown(entry) + ", but model.vocab has no piece " + Quoted(piece));
    }
    return id;
  }

  simdjson::dom::parser parser_;          // Owns what every string_view here looks at.
  std::vector<std::string_view> pieces_;  // By id; empty where there is none.
  Vocabulary vocabulary_;
  std::string where_;
};

}  // namespace

Vocabulary ReadTokenizerJson(std::string_view json, const std::string& where) {
  return Reader(where).Read(json);
}

}  // namespace occvla::data

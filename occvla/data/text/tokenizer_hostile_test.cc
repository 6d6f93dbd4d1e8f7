#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/text/tokenizer.h"
#include "occvla/data/text/vocabulary.h"

namespace occvla::data {
namespace {

using Json = nlohmann::json;

std::string ErrorOf(const std::function<void()>& call) {
  try {
    call();
  } catch (const CheckpointError& error) {
    return error.what();
  }
  return "no CheckpointError";
}
std::string JsonError(const std::string& json) {
  return ErrorOf([&] { (void)Tokenizer::FromJson(json, "t.json"); });
}
std::string ModelError(const std::string& bytes) {
  return ErrorOf([&] { (void)Tokenizer::FromModel(bytes, "t.model"); });
}

const std::string kOnlyGemmaJson =
    ". Only Gemma's kind of tokenizer is read here; take the file that belongs to the weights.";
const std::string kOnlyGemmaModel =
    ". Only Gemma's kind of sentencepiece model is read here; take the file that belongs to the "
    "weights.";
const std::string kNotJson = "t.json: is not a JSON document: ";
const std::string kAnotherFile = " Take the tokenizer that belongs to the weights.";

TEST(HostileTokenizerJsonTest, BytesThatAreNotJsonAreRefused) {
  const std::string whole = SmallTokenizerJson(366);
  const std::string deep(100000, '[');
  for (const std::string& bytes :
       {std::string(), std::string("\0\0\0", 3), whole.substr(0, whole.size() / 2), whole + "{}",
        std::string("{\"model\": \"\xff\"}"), deep, std::string("{\"a\": 1,}")}) {
    const std::string error = JsonError(bytes);
    EXPECT_EQ(error.substr(0, kNotJson.size()), kNotJson) << bytes.substr(0, 40);
  }
}

TEST(HostileTokenizerJsonTest, EachDamageIsNamed) {
  const Json whole = Json::parse(SmallTokenizerJson(400));
  struct Case {
    std::function<void(Json&)> damage;
    std::string error;
  };
  const std::vector<Case> cases = {
      {[](Json& j) { j = Json::array({1}); }, "the document must be an object, but is [1]"},
      {[](Json& j) { j.erase("model"); }, "model is missing"},
      {[](Json& j) { j["model"] = 3; }, "model must be an object, but is 3"},
      {[](Json& j) { j["surprise"] = 1; }, "\"surprise\" is not a field known here"},
      {[](Json& j) { j.erase("normalizer"); }, "normalizer is missing"},
      {[](Json& j) { j["normalizer"] = nullptr; },
       "normalizer must be Replace \" \" by \"\u2581\", but is null"},
      {[](Json& j) {
         j["normalizer"] = {{"type", "NFKC"}};
       },
       "normalizer must be Replace \" \" by \"\u2581\", but is {\"type\":\"NFKC\"}"},
      {[](Json& j) {
         j["pre_tokenizer"] = {{"type", "Whitespace"}};
       },
       "pre_tokenizer must be null or Split at \" \", MergedWithPrevious, but is "
       "{\"type\":\"Whitespace\"}"},
      {[](Json& j) { j["pre_tokenizer"]["invert"] = true; },
       "pre_tokenizer must be null or Split at \" \", MergedWithPrevious, but is "
       "{\"behavior\":\"MergedWithPrevious\",\"invert\":true,\"pattern\":{\"String\":\" \"},"
       "\"type\":\"Split\"}"},
      {[](Json& j) { j["decoder"]["decoders"].erase(1); },
       "decoder must be Replace \"\u2581\" by \" \", ByteFallback, Fuse, but is "
       "{\"decoders\":[{\"content\":\" \",\"pattern\":{\"String\":\"\u2581\"},\"type\":\"Replace\"}"
       ",{\"type\":\"Fuse\"}],\"type\":\"Sequence\"}"},
      {[](Json& j) { j["decoder"] = std::string(200, 'd'); },
       "decoder must be Replace \"\u2581\" by \" \", ByteFallback, Fuse, but is \"" +
           std::string(119, 'd') + "..."},
      {[](Json& j) { j["model"]["type"] = "Unigram"; },
       "model.type must be \"BPE\", but is \"Unigram\""},
      {[](Json& j) { j["model"].erase("type"); }, "model.type is missing"},
      {[](Json& j) { j["model"]["byte_fallback"] = false; },
       "model.byte_fallback must be true, but is false"},
      {[](Json& j) { j["model"]["ignore_merges"] = true; },
       "model.ignore_merges must be false, but is true"},
      {[](Json& j) { j["model"]["dropout"] = 0.1; }, "model.dropout must be null, but is 0.1"},
      {[](Json& j) { j["model"]["end_of_word_suffix"] = "</w>"; },
       "model.end_of_word_suffix must be null, but is \"</w>\""},
      {[](Json& j) { j["model"]["scores"] = 1; }, "model.\"scores\" is not a field known here"},
      {[](Json& j) { j["model"].erase("vocab"); }, "model.vocab is missing"},
      {[](Json& j) { j["model"]["vocab"] = Json::array(); },
       "model.vocab must be an object, but is []"},
      {[](Json& j) { j["model"]["vocab"]["a"] = "b"; },
       "model.vocab[\"a\"] must be an integer from 0 to 1048575, but is \"b\""},
      {[](Json& j) { j["model"]["vocab"]["a"] = -1; },
       "model.vocab[\"a\"] must be an integer from 0 to 1048575, but is -1"},
      {[](Json& j) { j["model"]["vocab"]["a"] = int64_t{1} << 62; },
       "model.vocab[\"a\"] must be an integer from 0 to 1048575, but is 4611686018427387904"},
      {[](Json& j) { j["model"]["vocab"]["a"] = j["model"]["vocab"]["b"]; },
       "model.vocab[\"b\"] is id 337, and so is \"a\""},
      {[](Json& j) { j["model"]["vocab"]["a"] = 500000; },
       "model.vocab has 400 pieces with the added tokens, but none for id 336"},
      {[](Json& j) { j["model"]["vocab"][""] = 400; }, "model.vocab[\"\"] is an empty string"},
      {[](Json& j) { j["model"]["vocab"][std::string(257, 'x')] = 400; },
       "model.vocab[\"" + std::string(120, 'x') + "...\"] has 257 bytes, at most 256 are accepted"},
      {[](Json& j) { j.erase("added_tokens"); }, "added_tokens is missing"},
      {[](Json& j) { j["added_tokens"] = "x"; }, "added_tokens must be an array, but is \"x\""},
      {[](Json& j) { j["added_tokens"][1] = nullptr; },
       "added_tokens[1] must be an object, but is null"},
      {[](Json& j) { j["added_tokens"][1].erase("special"); },
       "added_tokens[1].special is missing"},
      {[](Json& j) { j["added_tokens"][1]["special"] = 1; },
       "added_tokens[1].special must be true or false, but is 1"},
      {[](Json& j) { j["added_tokens"][2]["lstrip"] = true; },
       "added_tokens[2].lstrip must be false, but is true (\"<bos>\")"},
      {[](Json& j) { j["added_tokens"][2]["content"] = ""; },
       "added_tokens[2].content is an empty string"},
      {[](Json& j) { j["added_tokens"][2]["content"] = "<eos>"; },
       "added_tokens[2].content is \"<eos>\", as is an earlier one's"},
      {[](Json& j) { j["added_tokens"][2]["id"] = 5; },
       "added_tokens[2].id is 5 (\"<bos>\"), but model.vocab has \"<end_of_turn>\" there"},
      {[](Json& j) { j["added_tokens"][2]["id"] = 400; },
       "model.vocab has \"<bos>\" as 2 and as 400"},
      {[](Json& j) {
         j["added_tokens"].push_back(j["added_tokens"][2]);
         j["added_tokens"].back().update({{"content", "<0x41>"}, {"id", 80}});
       },
       "added_tokens[15].content is \"<0x41>\", which is the name of a byte token"},
      {[](Json& j) {
         j["model"]["merges"] = {{"a", "b"}};
       },
       "model.merges must be an array, but is {\"a\":\"b\"}"},
      {[](Json& j) { j["model"]["merges"][3] = 7; },
       "model.merges[3] must be two pieces, but is 7"},
      {[](Json& j) {
         j["model"]["merges"][3] = {"a", "b", "c"};
       },
       "model.merges[3] must be two pieces, but is [\"a\",\"b\",\"c\"]"},
      {[](Json& j) { j["model"]["merges"][3] = "a b c"; },
       "model.merges[3] must be two pieces, but is \"a b c\""},
      {[](Json& j) {
         j["model"]["merges"][3] = {"a", "zzz"};
       },
       "model.merges[3] is [\"a\",\"zzz\"], but model.vocab has no piece \"zzz\""},
      {[](Json& j) {
         j["model"]["merges"][3] = {"z", "q"};
       },
       "model.merges[3] is [\"z\",\"q\"], but model.vocab has no piece \"zq\""},
      {[](Json& j) { j["model"]["merges"][3] = j["model"]["merges"][1]; },
       "model.merges[3] is the same as [1]"},
  };
  for (const Case& test : cases) {
    Json damaged = whole;
    test.damage(damaged);
    EXPECT_EQ(JsonError(damaged.dump()), "t.json: " + test.error + kOnlyGemmaJson);
  }
}

TEST(HostileTokenizerJsonTest, NamesThatOccurTwiceAreRefused) {
  std::string json = SmallTokenizerJson(366);
  EXPECT_EQ(JsonError("{\"normalizer\":null," + json.substr(1)),
            "t.json: the document has \"normalizer\" twice" + kOnlyGemmaJson);
  const size_t at = json.find("\"vocab\":{") + 9;
  EXPECT_EQ(JsonError(std::string(json).insert(at, "\"<pad>\":366,")),
            "t.json: model.vocab has \"<pad>\" as 0 and as 366" + kOnlyGemmaJson);
}

TEST(HostileTokenizerJsonTest, PiecesThatEveryGemmaHasAreRequired) {
  for (const std::string piece : {"<bos>", "<eos>", "<pad>", "\u2581", "<0xE2>"}) {
    Json document = Json::parse(SmallTokenizerJson(366));
    Json& vocab = document["model"]["vocab"];
    vocab["other"] = vocab[piece];
    vocab.erase(piece);
    auto& added = document["added_tokens"];
    for (Json& word : added)
      if (word["content"] == piece) word["content"] = "other";
    const std::string want =
        piece == "<0xE2>"
            ? "t.json: has no byte token <0xE2>, so that some text has no ids."
            : "t.json: has no piece \"" + piece + "\", which every Gemma tokenizer has.";
    EXPECT_EQ(JsonError(document.dump()), want + kAnotherFile);
  }
}

// sentencepiece's ModelProto, by hand.
std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}
std::string Number(uint64_t field, uint64_t value) { return Varint(field << 3) + Varint(value); }
std::string Bytes(uint64_t field, const std::string& bytes) {
  return Varint(field << 3 | 2) + Varint(bytes.size()) + bytes;
}
std::string Float(uint64_t field, float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  std::string bytes = Varint(field << 3 | 5);
  for (int shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(bits >> shift);
  return bytes;
}
std::string Piece(const std::string& text, uint64_t type = 1, float score = 0) {
  return Bytes(1, Bytes(1, text) + Float(2, score) + Number(3, type));
}
std::string Pieces() {
  std::string bytes = Piece("<pad>", 3) + Piece("<eos>", 3) + Piece("<bos>", 3) + Piece("<unk>", 2);
  for (int byte = 0; byte < 256; ++byte) bytes += Piece(PieceOfByte(static_cast<uint8_t>(byte)), 6);
  return bytes + Piece("\u2581") + Piece("a", 1, -2) + Piece("aa", 1, -1);
}
std::string Trainer() { return Bytes(2, Number(3, 2) + Number(35, 1)); }
std::string Normalizer() { return Bytes(3, Number(3, 0) + Number(4, 0)); }

TEST(HostileTokenizerModelTest, TheUndamagedModelIsAccepted) {
  const auto tokenizer = Tokenizer::FromModel(Pieces() + Trainer() + Normalizer(), "t.model");
  EXPECT_EQ(tokenizer.Encode("aaa\t"), (std::vector<int64_t>{262, 261, 4 + 9}));
  EXPECT_EQ(tokenizer.Piece(4 + 9), "\t");
}

TEST(HostileTokenizerModelTest, EachDamageIsNamed) {
  const std::string specs = Trainer() + Normalizer();
  const std::pair<std::string, std::string> cases[] = {
      {"", "trainer_spec.model_type must be BPE (2), but is 1"},
      {Pieces(), "trainer_spec.model_type must be BPE (2), but is 1"},
      {Pieces() + Bytes(2, Number(3, 1) + Number(35, 1)) + Normalizer(),
       "trainer_spec.model_type must be BPE (2), but is 1"},
      {Pieces() + Bytes(2, Number(3, 2)) + Normalizer(),
       "trainer_spec.byte_fallback must be true, but is false"},
      {Pieces() + Bytes(2, Number(3, 2) + Number(35, 1) + Number(24, 1)) + Normalizer(),
       "trainer_spec.treat_whitespace_as_suffix must be false, but is true"},
      {Pieces() + Trainer(), "normalizer_spec is missing"},
      {Pieces() + Trainer() + Bytes(3, Number(4, 0)),
       "normalizer_spec.add_dummy_prefix must be false, but is true"},
      {Pieces() + Trainer() + Bytes(3, Number(3, 0)),
       "normalizer_spec.remove_extra_whitespaces must be false, but is true"},
      {Pieces() + Trainer() + Bytes(3, Number(3, 0) + Number(4, 0) + Number(5, 0)),
       "normalizer_spec.escape_whitespaces must be true, but is false"},
      {Pieces() + specs + Bytes(3, Bytes(2, "abcd")),
       "normalizer_spec.precompiled_charsmap must be empty (identity), but has 4 bytes"},
      {Pieces() + specs + Bytes(5, Bytes(2, "abc")),
       "denormalizer_spec.precompiled_charsmap must be empty (identity), but has 3 bytes"},
      {Pieces() + Piece("a") + specs, "pieces 261 and 263 are both \"a\""},
      {Pieces() + Piece("") + specs, "piece 263 is an empty string"},
      {Pieces() + Piece(std::string(300, 'x')) + specs,
       "piece 263 has 300 bytes, at most 256 are accepted"},
      {Pieces() + Piece("\xc3") + specs, "piece 263 is not UTF-8: \"\\xc3\""},
      {Pieces() + Piece("b", 1, NAN) + specs, "piece 263, \"b\", has a score that is no number"},
      {Pieces() + Piece("b", 5) + specs, "piece 263, \"b\", has the type 5"},
      {Pieces() + Piece("b", 77) + specs, "piece 263, \"b\", has the type 77"},
      {Pieces() + Piece("b", 6) + specs,
       "piece 263, \"b\", has the type 6, a byte's, but not its spelling"},
  };
  for (const auto& [bytes, error] : cases)
    EXPECT_EQ(ModelError(bytes), "t.model: " + error + kOnlyGemmaModel);
  EXPECT_EQ(ModelError(Piece("<pad>", 3) + specs),
            "t.model: has no piece \"<bos>\", which every Gemma tokenizer has." + kAnotherFile);
}

TEST(HostileTokenizerModelTest, DamagedWireBytesAreNamedWithTheirPlace) {
  const std::string tail =
      ", so this is no sentencepiece model or a damaged one. Copy the file again.";
  const std::pair<std::string, std::string> cases[] = {
      {"\x80", "at byte 0: a number passes the end"},
      {std::string(12, '\x80'), "at byte 0: a number has more than ten bytes"},
      {std::string("\x02\x00", 2), "at byte 0: a field has the number 0"},
      {"\x0b", "at byte 0: wire type 3 is not used by this format"},
      {"\x0a\x05"
       "ab",
       "at byte 0: a field of 5 bytes, but only 2 are left"},
      {"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
       "at byte 0: a field of 18446744073709551615 bytes, but only 0 are left"},
      {Piece("a") + Bytes(1, "\x0a\x09zz"), "at byte 14: a field of 9 bytes, but only 2 are left"},
      {"\x0d\x01\x02", "at byte 0: a field of 4 bytes, but only 2 are left"},
      {"\x19\x01\x02", "at byte 0: a field of 8 bytes, but only 2 are left"},
  };
  for (const auto& [bytes, error] : cases) EXPECT_EQ(ModelError(bytes), "t.model: " + error + tail);
}

TEST(HostileTokenizerModelTest, EveryTruncationIsRefused) {
  const std::string whole = ReadTextFile("occvla/data/text/testdata/gemma_like.model");
  for (size_t size = 0; size + 1 < whole.size(); size += 97)
    EXPECT_NE(ModelError(whole.substr(0, size)), "no CheckpointError") << size;
}

}  // namespace
}  // namespace occvla::data

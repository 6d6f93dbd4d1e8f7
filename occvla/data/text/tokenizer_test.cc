#include "occvla/data/text/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/data/text/vocabulary.h"

namespace occvla::data {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;
using Ids = std::vector<int64_t>;
using Json = nlohmann::json;

// A sentencepiece model trained with Gemma's settings, and the tokenizer.json that Hugging Face's
// GemmaConverter (transformers 4.57.1) made of it; script/parity.d/tokenizer.py has the making.
const char* const kModel = "occvla/data/text/testdata/gemma_like.model";
const char* const kJson = "occvla/data/text/testdata/gemma_like.json";

const std::vector<std::string>& HardStrings() {
  static const std::vector<std::string> strings = {
      "",
      "a",
      " ",
      "  a   b ",
      "\t",
      "\t\t\tx",
      "\n",
      "\n\n\n\n\n\n\n\n\n\n\n\na\n",
      "\r\n \n",
      "speed 12.50 m/s",
      "Meta action: Decelerate, Turn Left",
      "\u8eca \u4eba\u4fe1\u53f7",
      "\U0001F468\u200D\U0001F469\u200D\U0001F467 \U0001F1E8\U0001F1ED",
      "e\u0301 caf\u00e9",
      "\u05e9\u05dc\u05d5\u05dd \u200f\u0645\u0631",
      "\U0010ffff\ufeff\ufffd",
      std::string("nul\0nul", 7),
      "<bos><eos><unk><pad>",
      "<start_of_turn>user",
      "<b>bold</b><b",
      "<0x41><0x0A>",
      "<<b>>",
      std::string(3000, 'a'),
      std::string(500, '\n'),
      "The ego car turns left at the intersection because the light is green.",
  };
  return strings;
}

const Tokenizer& Small() {
  static const Tokenizer tokenizer = Tokenizer::FromJson(SmallTokenizerJson(600), "small");
  return tokenizer;
}

// A vocabulary that one can work with by hand.
Tokenizer ByHand(const std::vector<std::string>& more, const std::vector<std::string>& merges,
                 const std::vector<Json>& words = {}) {
  Json document = Json::parse(SmallTokenizerJson(366));
  Json& vocab = document["model"]["vocab"];
  for (const std::string& piece : more) vocab[piece] = vocab.size();
  for (Json word : words) {
    if (!vocab.contains(word["content"])) vocab[word["content"].get<std::string>()] = vocab.size();
    word["id"] = vocab[word["content"].get<std::string>()];
    for (const char* flag : {"single_word", "lstrip", "rstrip"}) word[flag] = false;
    document["added_tokens"].push_back(word);
  }
  for (const std::string& merge : merges) document["model"]["merges"].push_back(merge);
  return Tokenizer::FromJson(document.dump(), "by hand");
}

std::vector<std::string> Pieces(const Tokenizer& tokenizer, std::string_view text,
                                ControlWords words = ControlWords::kText) {
  std::vector<std::string> pieces;
  for (const int64_t id : tokenizer.Encode(text, words)) pieces.emplace_back(tokenizer.Piece(id));
  return pieces;
}

TEST(TokenizerTest, TheEarliestMergeGoesFirstAndTheLeftmostOfEquals) {
  const auto tokenizer = ByHand({"bc", "ab", "aa", "aaa"}, {"b c", "a b", "a a", "aa a"});
  EXPECT_THAT(Pieces(tokenizer, "abc"), ElementsAre("a", "bc"));
  EXPECT_THAT(Pieces(tokenizer, "abab"), ElementsAre("ab", "ab"));
  EXPECT_THAT(Pieces(tokenizer, "aaa"), ElementsAre("aaa"));
  EXPECT_THAT(Pieces(tokenizer, "aaaa"), ElementsAre("aa", "aa"));
  EXPECT_THAT(Pieces(tokenizer, "aaaaa"), ElementsAre("aa", "aaa"));
}

// "b c" takes the b away from "a b", which must not let "a bc" go before its turn.
TEST(TokenizerTest, AMergeWhosePieceIsGoneIsForgotten) {
  const auto tokenizer = ByHand({"bc", "ab", "bcd", "abc"}, {"b c", "a b", "bc d", "a bc"});
  EXPECT_THAT(Pieces(tokenizer, "abcd"), ElementsAre("a", "bcd"));
}

TEST(TokenizerTest, SpacesAreBlanksAndMergeAsSuch) {
  const auto tokenizer = ByHand({"\u2581a"}, {"\u2581 a"});
  EXPECT_THAT(Pieces(tokenizer, " a a"), ElementsAre("\u2581a", "\u2581a"));
  EXPECT_EQ(tokenizer.Encode("\u2581a"), tokenizer.Encode(" a"));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("x\u2581a")), "x a");
}

TEST(TokenizerTest, UnknownCharactersBecomeTheirBytes) {
  EXPECT_THAT(Pieces(Small(), "\u00e9\t"), ElementsAre("<0xC3>", "<0xA9>", "<0x09>"));
  EXPECT_EQ(Small().Decode(Small().Encode("\u00e9\t")), "\u00e9\t");
}

TEST(TokenizerTest, WordsAreFoundLeftmostLongestAndNeverMerge) {
  const auto tokenizer =
      ByHand({"a\n", "<x"}, {"a \n", "< x"},
             {{{"content", "<xy>"}, {"special", false}, {"normalized", false}},
              {{"content", "<xy>!!"}, {"special", false}, {"normalized", false}}});
  EXPECT_THAT(Pieces(tokenizer, "a\n"), ElementsAre("a", "\n"));
  EXPECT_THAT(Pieces(tokenizer, "\n\n\n\n\n\n\n\n\n\n"), ElementsAre("\n\n\n\n\n\n\n\n", "\n\n"));
  EXPECT_THAT(Pieces(tokenizer, "<xy>!<xy>!!<xy"), ElementsAre("<xy>", "!", "<xy>!!", "<x", "y"));
}

TEST(TokenizerTest, NormalizedWordsAreFoundAfterSpacesBecameBlanks) {
  const auto tokenizer = ByHand({}, {},
                                {{{"content", "a b"}, {"special", false}, {"normalized", true}},
                                 {{"content", "c d"}, {"special", false}, {"normalized", false}}});
  EXPECT_THAT(Pieces(tokenizer, "a b"), ElementsAre("a b"));
  EXPECT_THAT(Pieces(tokenizer, "a\u2581b"), ElementsAre("a b"));
  EXPECT_THAT(Pieces(tokenizer, "c d"), ElementsAre("c d"));
  EXPECT_THAT(Pieces(tokenizer, "c\u2581d"), ElementsAre("c", "\u2581", "d"));
}

TEST(TokenizerTest, ControlWordsInTextAreTextUnlessParsed) {
  const std::string text = "a<eos><image>b";
  const Ids plain = Small().Encode(text);
  EXPECT_EQ(std::count(plain.begin(), plain.end(), Small().eos()), 0);
  EXPECT_EQ(Small().Decode(plain), text);
  EXPECT_THAT(Pieces(Small(), text, ControlWords::kParse),
              ElementsAre("a", "<eos>", "<image>", "b"));
  EXPECT_EQ(Small().Decode(Small().Encode(text, ControlWords::kParse)), "ab");
}

TEST(TokenizerTest, TextNeverMergesIntoAControlOrAByteToken) {
  const auto tokenizer =
      ByHand({"<bo", "<b", "s>", "<0x4", "1>", "<0", "<0x"},
             {"< b", "<b o", "s >", "<bo s>", "< 0", "<0 x", "<0x 4", "1 >", "<0x4 1>"});
  EXPECT_THAT(Pieces(tokenizer, "<bos>"), ElementsAre("<bo", "s>"));
  EXPECT_THAT(Pieces(tokenizer, "<0x41>"), ElementsAre("<0x4", "1>"));
  EXPECT_EQ(tokenizer.Decode(tokenizer.Encode("<bos><0x41>")), "<bos><0x41>");
}

TEST(TokenizerTest, DecodeGivesBackWhatWasEncoded) {
  for (const auto& tokenizer : {Tokenizer::FromJsonFile(kJson), Tokenizer::FromModelFile(kModel),
                                Tokenizer::FromJson(SmallTokenizerJson(2048), "small")})
    for (const std::string& text : HardStrings())
      EXPECT_EQ(tokenizer.Decode(tokenizer.Encode(text)), text);
}

TEST(TokenizerTest, ModelAndJsonGiveTheSameIds) {
  const auto model = Tokenizer::FromModelFile(kModel), json = Tokenizer::FromJsonFile(kJson);
  ASSERT_EQ(model.vocabulary_size(), json.vocabulary_size());
  for (int64_t id = 0; id < model.vocabulary_size(); ++id) {
    EXPECT_EQ(model.Piece(id), json.Piece(id));
    EXPECT_EQ(model.Id(json.Piece(id)), id);
  }
  for (const std::string& text : HardStrings())
    for (const auto words : {ControlWords::kText, ControlWords::kParse})
      EXPECT_EQ(model.Encode(text, words), json.Encode(text, words)) << text;
}

TEST(TokenizerTest, ModelAgreesWithTheSentencepieceLibrary) {
  const auto tokenizer = Tokenizer::FromModelFile(kModel);
  sentencepiece::SentencePieceProcessor library;
  ASSERT_TRUE(library.Load(kModel).ok());
  ASSERT_EQ(tokenizer.vocabulary_size(), library.GetPieceSize());
  for (const std::string& text : HardStrings()) {
    if (text.starts_with("<start_of_turn>")) continue;  // Not a control token to the library.
    std::vector<int> want;
    ASSERT_TRUE(library.Encode(text, &want).ok());
    EXPECT_EQ(tokenizer.Encode(text), Ids(want.begin(), want.end())) << text;
  }
}

// Scans all pairs again after every merge.
Ids SlowMerges(const Json& document, Ids ids) {
  const Json& vocab = document["model"]["vocab"];
  std::map<std::pair<int64_t, int64_t>, std::pair<size_t, int64_t>> rules;
  for (const Json& merge : document["model"]["merges"]) {
    const auto left = merge[0].get<std::string>(), right = merge[1].get<std::string>();
    rules[{vocab[left], vocab[right]}] = {rules.size(), vocab[left + right]};
  }
  for (;;) {
    auto best = rules.end();
    size_t where = 0;
    for (size_t i = 0; i + 1 < ids.size(); ++i) {
      const auto rule = rules.find({ids[i], ids[i + 1]});
      if (rule == rules.end()) continue;
      if (best != rules.end() && best->second.first <= rule->second.first) continue;
      best = rule;
      where = i;
    }
    if (best == rules.end()) return ids;
    ids[where] = best->second.second;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

TEST(TokenizerTest, MergesLikeTheSlowVersion) {
  const std::string json = SmallTokenizerJson(700);
  const Json document = Json::parse(json);
  const auto tokenizer = Tokenizer::FromJson(json, "small");
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    std::string text;
    Ids characters;
    for (int i = 0; i < 60; ++i) {
      const char c = "  aeinorstlcdgh"[random() % 15];
      text += c;
      characters.push_back(*tokenizer.Id(c == ' ' ? "\u2581" : std::string(1, c)));
    }
    EXPECT_EQ(tokenizer.Encode(text), SlowMerges(document, characters)) << text;
  }
}

TEST(TokenizerTest, MergesMayBeWrittenAsOneString) {
  Json document = Json::parse(SmallTokenizerJson(600));
  for (Json& merge : document["model"]["merges"])
    merge = merge[0].get<std::string>() + " " + merge[1].get<std::string>();
  const auto tokenizer = Tokenizer::FromJson(document.dump(), "strings");
  for (const std::string& text : HardStrings())
    EXPECT_EQ(tokenizer.Encode(text), Small().Encode(text));
}

TEST(TokenizerTest, TextThatIsNotUtf8IsRefusedWithTheByte) {
  const std::pair<std::string, std::string> cases[] = {
      {"ab\xff", "text is not UTF-8 at byte 2: \"\\xff\". Convert it to UTF-8."},
      {"\xed\xa0\x80", "text is not UTF-8 at byte 0: \"\\xed\\xa0\\x80\". Convert it to UTF-8."},
      {"\u00e9\xc0\xaf", "text is not UTF-8 at byte 2: \"\\xc0\\xaf\". Convert it to UTF-8."},
      {"x\xf0\x9f\x9a", "text is not UTF-8 at byte 1: \"\\xf0\\x9f\\x9a\". Convert it to UTF-8."}};
  for (const auto& [text, want] : cases) {
    try {
      (void)Small().Encode(text);
      ADD_FAILURE() << "was accepted: " << want;
    } catch (const DataError& error) {
      EXPECT_EQ(error.what(), want);
    }
  }
}

TEST(TokenizerTest, IdsAndPiecesAreEachOthersInverse) {
  EXPECT_EQ(Small().pad(), 0);
  EXPECT_EQ(Small().eos(), 1);
  EXPECT_EQ(Small().bos(), 2);
  EXPECT_THAT(Small().Id("<unk>"), Optional(3));
  EXPECT_EQ(Small().Id("no such piece"), std::nullopt);
  EXPECT_EQ(Small().Id(""), std::nullopt);
  for (const int64_t id : {int64_t{-1}, Small().vocabulary_size()}) {
    EXPECT_THROW((void)Small().Piece(id), DataError);
    EXPECT_EQ(Small().Decode(Ids{id, *Small().Id("a")}), "a");
  }
}

class TokenizerFolderTest : public ::testing::Test {
 protected:
  TokenizerFolderTest() {
    std::string name = ::testing::TempDir() + "tokenizer_XXXXXX";
    folder_ = ::mkdtemp(name.data());
  }
  ~TokenizerFolderTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(TokenizerFolderTest, TokenizerJsonIsTakenBeforeTokenizerModel) {
  std::filesystem::copy_file(kModel, folder_ / "tokenizer.model");
  EXPECT_EQ(Tokenizer::Load(folder_).vocabulary_size(),
            Tokenizer::FromModelFile(kModel).vocabulary_size());
  WriteFileAtomically(folder_ / "tokenizer.json", SmallTokenizerJson(366));
  EXPECT_EQ(Tokenizer::Load(folder_).vocabulary_size(), 366);
}

TEST_F(TokenizerFolderTest, AFolderWithoutATokenizerSaysWhatIsMissing) {
  try {
    (void)Tokenizer::Load(folder_);
    FAIL() << "an empty folder was accepted";
  } catch (const CheckpointError& error) {
    EXPECT_EQ(error.what(),
              folder_.string() +
                  ": has neither tokenizer.json nor tokenizer.model. Copy one of them "
                  "from the folder that the weights came from.");
  }
}

TEST(SmallTokenizerTest, IsDeterministicAndKeepsToTheSize) {
  EXPECT_EQ(SmallTokenizerJson(500), SmallTokenizerJson(500));
  for (const int64_t size : {366, 1000})
    EXPECT_EQ(Tokenizer::FromJson(SmallTokenizerJson(size), "small").vocabulary_size(), size);
  EXPECT_LE(Tokenizer::FromJson(SmallTokenizerJson(4096), "small").vocabulary_size(), 4096);
}

TEST(SmallTokenizerTest, KnowsTheWordsOfDriving) {
  const auto tokenizer = Tokenizer::FromJson(SmallTokenizerJson(2048), "small");
  EXPECT_THAT(Pieces(tokenizer, "Meta action: Decelerate, Turn Left"),
              ElementsAre("Meta", "\u2581action", ":", "\u2581Decelerate", ",", "\u2581Turn",
                          "\u2581Left"));
  EXPECT_THAT(Pieces(tokenizer, "12.5"), ElementsAre("1", "2", ".", "5"));
}

TEST(SmallTokenizerTest, TooSmallASizeIsRefused) {
  try {
    (void)SmallTokenizerJson(365);
    FAIL() << "there is no room for the characters";
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "a small tokenizer has from 366 to 1048576 pieces; vocabulary_size is 365.");
  }
}

// Byte tokens whose bytes are `bytes`.
Ids ByteIds(std::string_view bytes) {
  Ids ids;
  for (const char c : bytes) ids.push_back(*Small().Id(PieceOfByte(static_cast<uint8_t>(c))));
  return ids;
}

TEST(DecodeTest, EachIllFormedPartBecomesOneReplacement) {
  const std::pair<std::string, std::string> cases[] = {
      {"\xf0\x9f\x9a\x97", "\U0001F697"},
      {"\xf0\x9f\x9a", "\ufffd"},
      {"\xf0\x9f\x41", "\ufffdA"},
      {"\x80\x80", "\ufffd\ufffd"},
      {"\xc3\xc3\xa9", "\ufffd\u00e9"},
      {"\xed\xa0\x80", "\ufffd\ufffd\ufffd"},
      {"\xf4\x90\x80\x80", "\ufffd\ufffd\ufffd\ufffd"},
      {"\xe2\x96\x81", "\u2581"}};
  for (const auto& [bytes, want] : cases) EXPECT_EQ(Small().Decode(ByteIds(bytes)), want);
}

TEST(StreamDecoderTest, HoldsBackACodePointUntilItIsWhole) {
  StreamDecoder decoder(Small());
  const Ids car = ByteIds("\xf0\x9f\x9a\x97");
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(decoder.Push(car[i]), "");
  EXPECT_EQ(decoder.Push(car[3]), "\U0001F697");
  EXPECT_EQ(decoder.Push(Small().eos()), "");
  EXPECT_EQ(decoder.Finish(), "");
}

TEST(StreamDecoderTest, SaysWhatNeverCompletedAtTheEnd) {
  StreamDecoder decoder(Small());
  for (const int64_t id : ByteIds("\xf0\x9f")) EXPECT_EQ(decoder.Push(id), "");
  EXPECT_EQ(decoder.Finish(), "\ufffd");
  EXPECT_EQ(decoder.Finish(), "");
}

TEST(StreamDecoderTest, ThePiecesTogetherEqualDecode) {
  std::mt19937 random(11);
  for (int round = 0; round < 200; ++round) {
    Ids ids;
    for (int i = 0; i < 40; ++i) {
      const auto byte = static_cast<char>(random() % 3 ? 0x80 | random() % 128 : random() % 256);
      if (random() % 4) {
        ids.push_back(ByteIds({&byte, 1}).front());
      } else {
        ids.push_back(static_cast<int64_t>(random() % 700) - 10);
      }
    }
    StreamDecoder decoder(Small());
    std::string text;
    for (const int64_t id : ids) {
      const std::string piece = decoder.Push(id);
      EXPECT_THAT(Small().Encode(piece), ::testing::SizeIs(::testing::Ge(piece.empty() ? 0u : 1u)));
      text += piece;
    }
    text += decoder.Finish();
    EXPECT_EQ(text, Small().Decode(ids));
  }
}

}  // namespace
}  // namespace occvla::data

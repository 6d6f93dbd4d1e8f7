#include "occvla/base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla {
namespace {

using testing::ElementsAre;

std::string ProblemOf(const std::function<void()>& function) {
  try {
    function();
  } catch (const DataError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(ParseJsonTest, BuildsTheSameTreeAsTheLibrary) {
  const std::string text =
      R"( {"a": [1, -2, 0.5, 1e3, true, false, null, "ü\u00e9\n", {}], "b": {"c": [[], [[0]]]}} )";
  EXPECT_EQ(ParseJson(text, "f.json"), nlohmann::json::parse(text));
  EXPECT_EQ(ParseJson("7", "f.json"), 7);
}

TEST(ParseJsonTest, DamageIsRefusedWithItsPlace) {
  const std::pair<std::string, std::string> table[] = {
      {"",
       "0: syntax error while parsing value - unexpected end of input; expected '[', '{', or a "
       "literal."},
      {"{\"a\":1,\"a\":2}", "10: the name \"a\" occurs twice in one object."},
      {"{\"a\":{\"b\":1,\"c\":0,\"b\":2}}", "21: the name \"b\" occurs twice in one object."},
      {"[1,2", "4: syntax error while parsing array - unexpected end of input; expected ']'."},
      {"[] x",
       "4: syntax error while parsing value - invalid literal; last read: '[] x'; expected "
       "end of input."},
      {"[1e999]", "7: number overflow parsing '1e999'."},
      {"[NaN]", "2: syntax error while parsing value - invalid literal; last read: '[N'."},
      {"[123456789012345678901234567890]",
       "32: the integer \"123456789012345678901234567890\" does not fit into 64 bits."},
      {"\"\xff\"",
       "2: syntax error while parsing value - invalid string: ill-formed UTF-8 byte; last "
       "read: '\"\\xff'."},
      {"[[[[1]]]]", "4: nested deeper than 3 levels."},
  };
  for (const auto& [text, problem] : table) {
    EXPECT_EQ(ProblemOf([&] { ParseJson(text, "f.json", {.max_depth = 3}); }),
              "f.json: not usable as JSON at byte " + problem);
  }
}

TEST(ParseJsonTest, MillionsOfBracketsStopAtTheLimit) {
  EXPECT_EQ(ProblemOf([&] { ParseJson(std::string(1'000'000, '['), "f.json"); }),
            "f.json: not usable as JSON at byte 65: nested deeper than 64 levels.");
}

TEST(ParseJsonTest, SizeIsBoundedAndTheKindIsTheCallers) {
  EXPECT_EQ(ProblemOf([] { ParseJson("[1, 2]", "f.json", {.max_bytes = 5}); }),
            "f.json: holds 6 bytes of JSON, at most 5 are accepted here.");
  EXPECT_THROW(ParseJson("[", "f.json", {.kind = ErrorKind::kCheckpoint}), CheckpointError);
}

TEST(ReadJsonFileTest, NamesThePath) {
  const TestFolder folder;
  WriteFileAtomically(folder / "a.json", "{\"x\": 1}");
  EXPECT_EQ(ReadJsonFile(folder / "a.json")["x"], 1);
  EXPECT_EQ(ProblemOf([&] { ReadJsonFile(folder / "b.json"); }),
            folder.path().string() + "/b.json: no such file. Check the path.");
}

TEST(JsonNodeTest, ReadsEveryKind) {
  const auto document = ParseJson(
      R"({"b": true, "i": -3, "u": 18446744073709551615, "n": 2, "s": "x", "z": null,
          "ss": ["a", "b"], "ii": [1, 2], "nn": [0.5, 1], "o": {"k": {}}})",
      "f.json");
  const JsonNode node(document, "f.json");
  EXPECT_TRUE(node.At("b").Bool());
  EXPECT_EQ(node.At("i").Int(), -3);
  EXPECT_EQ(node.At("u").Unsigned(), UINT64_MAX);
  EXPECT_EQ(node.At("n").Number(), 2.0);
  EXPECT_EQ(node.At("s").String(), "x");
  EXPECT_THAT(node.At("ss").Strings(), ElementsAre("a", "b"));
  EXPECT_THAT(node.At("ii").Ints(), ElementsAre(1, 2));
  EXPECT_THAT(node.At("nn").Numbers(2), ElementsAre(0.5, 1.0));
  EXPECT_THAT(node.At("o").Names(), ElementsAre("k"));
  EXPECT_EQ(node.At("ss").size(), 2u);
  EXPECT_FALSE(node.Find("z").has_value());
  EXPECT_FALSE(node.Find("absent").has_value());
  EXPECT_EQ(node.Find("s")->String(), "x");
  EXPECT_EQ(node.At("o").At("k").path(), "o.k");
  node.At("o").RefuseOthers({"k", "l"});
}

TEST(JsonNodeTest, ComplaintsNameFilePathAndValue) {
  const auto document = ParseJson(
      R"({"text_config": {"hidden_size": "big", "list": [1, 2, 300], "flag": 1.0},
          "huge": 18446744073709551615, "odd name": {"a": []}})",
      "c.json");
  const JsonNode node(document, "c.json");
  const auto text_config = node.At("text_config");
  const std::pair<std::function<void()>, std::string> table[] = {
      {[&] { text_config.At("hidden_size").Int(); },
       "c.json: text_config.hidden_size must be an integer, but is \"big\""},
      {[&] { node.At("text_cnfig"); },
       "c.json: the document lacks the field \"text_cnfig\"; it has \"text_config\""},
      {[&] { text_config.At("list").At(2).Int(0, 255); },
       "c.json: text_config.list[2] must be an integer from 0 to 255, but is 300"},
      {[&] { text_config.At("list").At(3); },
       "c.json: text_config.list must have an element 3, but is [1,2,300]"},
      {[&] { text_config.At("list").Numbers(2); },
       "c.json: text_config.list must be an array of 2 numbers, but is [1,2,300]"},
      {[&] { text_config.At("list").Strings(); },
       "c.json: text_config.list[0] must be a string, but is 1"},
      {[&] { text_config.At("flag").Int(); },
       "c.json: text_config.flag must be an integer, but is 1.0"},
      {[&] { text_config.At("flag").Bool(); },
       "c.json: text_config.flag must be true or false, but is 1.0"},
      {[&] { node.At("huge").Int(); },
       "c.json: huge must be an integer from -9223372036854775808 to 9223372036854775807, but is "
       "18446744073709551615"},
      {[&] { node.At("odd name").At("a").String(); },
       "c.json: [\"odd name\"].a must be a string, but is []"},
      {[&] { node.At("huge").Names(); },
       "c.json: huge must be an object, but is 18446744073709551615"},
      {[&] {
         node.RefuseOthers({"text_config", "huge", "odd_name"});
       },
       "c.json: the document has the unknown field \"odd name\"; did you mean \"odd_name\"?"},
      {[&] { text_config.Number(); },
       "c.json: text_config must be a number, but is an object of 3"},
      {[&] { text_config.Fail("is odd"); }, "c.json: text_config is odd"},
  };
  for (const auto& [function, problem] : table) EXPECT_EQ(ProblemOf(function), problem);
}

}  // namespace
}  // namespace occvla

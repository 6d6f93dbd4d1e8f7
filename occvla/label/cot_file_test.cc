#include "occvla/label/cot_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/text/questions.h"

namespace occvla::label {
namespace {

using data::Direction;
using data::MetaAction;
using data::Velocity;

CotLabel Label(char digit) {
  return {.token = std::string(32, digit),
          .past = {{Velocity::kMaintain, Direction::kGoStraight},
                   {Velocity::kDecelerate, Direction::kTurnLeft}},
          .text = {.scene = "A \"quiet\" road.",
                   .intent = "The light is red.",
                   .meta_action = {Velocity::kDecelerate, Direction::kStop}},
          .maker = "template/1"};
}

template <typename Call>
std::string Complaint(Call call) {
  try {
    call();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no complaint";
}

TEST(CotFileTest, GivesBackWhatWasWritten) {
  const TestFolder folder;
  CotFileWriter writer(folder / "cot.json");
  writer.Add(Label('b'));
  writer.Add(Label('a'));
  EXPECT_FALSE(std::filesystem::exists(folder / "cot.json"));
  writer.Commit();
  const auto labels = ReadCotFile(folder / "cot.json");
  ASSERT_EQ(labels.size(), 2u);
  EXPECT_EQ(labels[0].token, std::string(32, 'b'));
  EXPECT_EQ(labels[1].past, Label('a').past);
  EXPECT_EQ(labels[1].text.scene, "A \"quiet\" road.");
  EXPECT_EQ(labels[1].text.intent, "The light is red.");
  EXPECT_EQ(labels[1].text.meta_action, Label('a').text.meta_action);
  EXPECT_EQ(labels[1].maker, "template/1");
}

TEST(CotFileTest, ServesQuestionsWithPromptAndAnswer) {
  const TestFolder folder;
  CotFileWriter writer(folder / "cot.json");
  writer.Add(Label('c'));
  writer.Commit();
  const std::vector<std::filesystem::path> paths = {folder / "cot.json"};
  const auto questions = data::QuestionStore::Open(paths).Of(std::string(32, 'c'));
  ASSERT_EQ(questions.size(), 1u);
  EXPECT_EQ(questions[0].kind, "occvla/chain-of-thought");
  EXPECT_EQ(questions[0].question,
            "Past meta actions: Maintain speed, Go Straight; Decelerate, Turn Left. Predict the "
            "next meta action.");
  EXPECT_EQ(questions[0].answer,
            "Scene: A \"quiet\" road.\nIntent: The light is red.\nMeta action: Decelerate, Stop");
}

TEST(CotFileTest, RefusesWhatTheReaderWouldRefuse) {
  const TestFolder folder;
  CotFileWriter writer(folder / "cot.json");
  const auto complaint = [&](auto change) {
    CotLabel label = Label('d');
    change(label);
    return Complaint([&] { writer.Add(label); });
  };
  EXPECT_EQ(complaint([](CotLabel& label) { label.token = "D"; }),
            "chain of thought of \"D\": a sample token has 32 lower-case hex digits");
  EXPECT_EQ(complaint([](CotLabel& label) { label.text.intent.clear(); }),
            "chain of thought of \"dddddddddddddddddddddddddddddddd\": the intent is empty; each "
            "field needs words");
  EXPECT_EQ(complaint([](CotLabel& label) { label.text.scene = "a\nb"; }),
            "chain of thought of \"dddddddddddddddddddddddddddddddd\": the scene has a line break: "
            "\"a\\nb\"");
  EXPECT_EQ(complaint([](CotLabel& label) { label.maker = "\xff"; }),
            "chain of thought of \"dddddddddddddddddddddddddddddddd\": the maker is not UTF-8: "
            "\"\\xff\"");
  EXPECT_EQ(complaint([](CotLabel&) {}), "no complaint");
  EXPECT_EQ(complaint([](CotLabel&) {}),
            "chain of thought of \"dddddddddddddddddddddddddddddddd\": comes twice; a keyframe has "
            "one label");
  EXPECT_EQ(writer.count(), 1u);
}

TEST(CotFileTest, TellsEveryComplaintOfAFileAtOnce) {
  const TestFolder folder;
  WriteFileAtomically(folder / "cot.json",
                      "{\"chain_of_thought\": {\"x\": {\"past\": [], \"scene\": \"s\", \"intent\": "
                      "\"i\", \"meta_action\": \"Fly, Up\", \"maker\": \"m\"}, "
                      "\"eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee\": {\"past\": [7], \"scene\": \"s\\nt\", "
                      "\"intent\": \"i\", \"meta_action\": \"Accelerate, Stop\"}}}");
  const std::string text = Complaint([&] { (void)ReadCotFile(folder / "cot.json"); });
  for (const char* part :
       {"is not named by a sample token of 32 lower-case hex digits",
        "\"meta_action\" must be \"<velocity>, <direction>\" such as \"Maintain speed, Go "
        "Straight\", but is \"Fly, Up\"",
        "\"past\" must hold \"<velocity>, <direction>\" such as \"Maintain speed, Go Straight\", "
        "but has 7",
        "\"scene\" must be one line, but is \"s\\nt\"", "lacks the field \"maker\"",
        "Make the file again with `occvla label cot`."}) {
    EXPECT_THAT(text, testing::HasSubstr(part));
  }
}

TEST(CotFileTest, NoCommitLeavesNothing) {
  const TestFolder folder;
  { CotFileWriter(folder / "cot.json").Add(Label('a')); }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace occvla::label

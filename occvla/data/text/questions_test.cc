#include "occvla/data/text/questions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "occvla/base/error.h"
#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"
#include "occvla/data/text/nuscenes_qa.h"

namespace occvla::data {
namespace {

using ::testing::ElementsAre;

const std::string kA(32, 'a'), kB(32, 'b');

void Write(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

std::string QaRecord(const std::string& token, const std::string& rest) {
  return R"({"split":"val","sample_token":")" + token + "\"," + rest + "}";
}

std::string SomeNuscenesQa() {
  return R"({"questions":[)" +
         QaRecord(kB,
                  R"("question":"How many?","answer":"3","num_hop":1,"template_type":"count")") +
         "," +
         QaRecord(kA,
                  R"("question":"Any car?","answer":"yes","num_hop":0,"template_type":"exist")") +
         "," +
         QaRecord(kB,
                  R"("question":"Any car?","answer":"no","num_hop":0,"template_type":"exist")") +
         "]}";
}

// The complaint of a store of these paths, with the folder's name cut out.
std::string Complaint(const std::vector<std::filesystem::path>& paths, const TestFolder& folder) {
  try {
    (void)QuestionStore::Open(paths);
  } catch (const DataError& error) {
    std::string text = error.what();
    const std::string prefix = folder.path().string() + "/";
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.erase(at, prefix.size());
    return text;
  }
  return "accepted";
}

std::vector<std::string> Lines(const std::vector<QuestionAnswer>& questions) {
  std::vector<std::string> lines;
  for (const auto& [question, answer, kind] : questions)
    lines.push_back(kind + "|" + question + "|" + answer);
  return lines;
}

TEST(QuestionStoreTest, TellsSetsApartByContentAndKeepsTheFilesOrder) {
  const TestFolder folder;
  Write(folder / "1", SomeNuscenesQa());
  Write(folder / "2", R"({")" + kA + R"(":{"scene_description":"d","key_frames":{")" + kB +
                          R"(":{"key_object_infos":{},"QA":{"perception":[{"Q":"Seen?","A":"One."}],
      "prediction":[],"planning":[],"behavior":[]},"image_paths":{
      "CAM_FRONT":"../nuscenes/samples/CAM_FRONT/a.jpg",
      "CAM_FRONT_LEFT":"../nuscenes/samples/CAM_FRONT_LEFT/a.jpg",
      "CAM_FRONT_RIGHT":"../nuscenes/samples/CAM_FRONT_RIGHT/a.jpg",
      "CAM_BACK":"../nuscenes/samples/CAM_BACK/a.jpg",
      "CAM_BACK_LEFT":"../nuscenes/samples/CAM_BACK_LEFT/a.jpg",
      "CAM_BACK_RIGHT":"../nuscenes/samples/CAM_BACK_RIGHT/a.jpg"}}}}})");
  Write(folder / "3", ",sample_token,question,answer,question_type\n0," + kB +
                          ",\"Where, please?\",\"<cam>front\nleft</cam>\",loc\r\n");
  Write(folder / ("4/keywords/val/" + kB + ".json"), "\"go on\"");
  const std::vector<std::filesystem::path> paths{folder / "1", folder / "2", folder / "3",
                                                 folder / "4"};
  const auto store = QuestionStore::Open(paths);
  EXPECT_EQ(store.size(), 6u);
  EXPECT_THAT(store.Tokens(), ElementsAre(kA, kB));
  EXPECT_THAT(Lines(store.Of(kA)), ElementsAre("nuscenes-qa/exist/0|Any car?|yes"));
  EXPECT_THAT(
      Lines(store.Of(kB)),
      ElementsAre("nuscenes-qa/count/1|How many?|3", "nuscenes-qa/exist/0|Any car?|no",
                  "drivelm/perception|Seen?|One.", "nuscenes-mqa/loc|Where, please?|front\nleft",
                  "omnidrive/keywords|Which driving action comes next, in a few words?|go on"));
  EXPECT_TRUE(store.Of(std::string(32, 'c')).empty());
}

TEST(QuestionStoreTest, AnEmptyStoreAnswers) {
  const QuestionStore store;
  EXPECT_EQ(store.size(), 0u);
  EXPECT_TRUE(store.Tokens().empty());
  EXPECT_TRUE(store.Of(kA).empty());
}

TEST(QuestionStoreTest, ListsTheComplaintsOfEveryFile) {
  const TestFolder folder;
  Write(folder / "qa", R"({"questions":[)" +
                           QaRecord(kA,
                                    R"("question":"","answer":"maybe","num_hop":2,
                                       "template_type":"guess")") +
                           R"(,{"split":"val","sample_token":"x","question":"Q","anwser":"no",
                               "num_hop":0,"template_type":"exist"},3,{"a":}]})");
  Write(folder / "text", "hello");
  std::filesystem::create_directories(folder / "empty");
  EXPECT_EQ(
      Complaint({folder / "qa", folder / "text", folder / "empty", folder / "qa", folder / "none"},
                folder),
      "questions: 12 problems:\n"
      "  - qa: questions[0]: \"question\" is empty\n"
      "  - qa: questions[0]: \"answer\" must be one of NuScenes-QA's 30 answers, but is "
      "\"maybe\"\n"
      "  - qa: questions[0]: \"num_hop\" must be an integer from 0 to 1, but is 2\n"
      "  - qa: questions[0]: \"template_type\" must be exist, count, object, status or "
      "comparison, but is \"guess\"\n"
      "  - qa: questions[1]: \"sample_token\" must be a token of 32 hex digits, but is \"x\"\n"
      "  - qa: questions[1]: lacks the field \"answer\"; it has \"anwser\"\n"
      "  - qa: questions[2]: must be an object, but is 3\n"
      "  - qa: questions[3]: not usable as JSON: The JSON document has an improper "
      "structure: missing or superfluous commas, braces, missing keys, etc\n"
      "  - text: is neither NuScenes-QA ({\"questions\": [...]}), DriveLM (an object of scene "
      "tokens), NuScenes-MQA (CSV with sample_token, question, answer, question_type) nor our own "
      "labels ({\"chain_of_thought\": {...}})\n"
      "  - empty: is a folder, but has none of OmniDrive's conv, vqa, desc and keywords\n"
      "  - qa: is named twice\n"
      "  - none: no such file. Check the path.\n"
      "Fetch these files again, or leave them out.");
}

TEST(NuscenesQaTest, SaysWhereACutFileEnds) {
  const TestFolder folder;
  const std::string whole = SomeNuscenesQa();
  const size_t end = whole.rfind("\"num_hop\"");
  Write(folder / "qa", whole.substr(0, end));
  EXPECT_EQ(Complaint({folder / "qa"}, folder),
            "questions: 1 problem:\n"
            "  - qa: not usable as JSON at byte " +
                std::to_string(end) +
                ": the file ends within a value\n"
                "Fetch these files again, or leave them out.");
}

TEST(NuscenesQaTest, TakesCountsThatStandAsNumbers) {
  const std::string text =
      R"({"info":{"any":[1]},"questions":[)" +
      QaRecord(kA, R"("question":"How many?","answer":10,"num_hop":0,"template_type":"count")") +
      "]}";
  Complaints complaints;
  std::vector<std::string> answers;
  ReadNuscenesQa(
      text, "qa", [&](const NuscenesQaQuestion& q) { answers.push_back(q.answer); }, complaints);
  EXPECT_EQ(complaints.count(), 0u);
  EXPECT_THAT(answers, ElementsAre("10"));
}

TEST(NuscenesQaTest, KnowsTheOfficialAnswers) {
  const std::filesystem::path official = "../shared/realdata/nuscenes_qa_answer_dict.json";
  if (!std::filesystem::exists(official)) GTEST_SKIP() << official << " is not here";
  const auto dictionary = nlohmann::json::parse(ReadTextFile(official)).at(1);
  ASSERT_EQ(dictionary.size(), kNuscenesQaAnswers.size());
  for (size_t at = 0; at < kNuscenesQaAnswers.size(); ++at)
    EXPECT_EQ(dictionary.at(std::to_string(at)), kNuscenesQaAnswers[at]);
}

}  // namespace
}  // namespace occvla::data

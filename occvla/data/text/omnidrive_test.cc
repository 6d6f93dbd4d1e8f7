#include "occvla/data/text/omnidrive.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "occvla/base/error.h"
#include "occvla/base/test_folder.h"

namespace occvla::data {
namespace {

using ::testing::ElementsAre;

const std::string kA(32, 'a'), kB(32, 'b');

void Write(const std::filesystem::path& path, std::string_view text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(OmnidriveTest, ReadsEveryKindOfBothSplits) {
  const TestFolder folder;
  Write(folder / ("conv/train/" + kB + ".json"),
        R"([{"question":"What is left?","answer":"A car."},{"question":"Q2","answer":"A2"}])");
  Write(folder / ("conv/train/" + kA + ".json"), R"([{"question":"Q0","answer":"A0"}])");
  Write(folder / ("vqa/val/" + kA + ".json"), R"([{"question":"Why?","answer":"So."}])");
  Write(folder / ("desc/val/" + kA + ".json"), R"({"description":"A road.","action":"Go."})");
  Write(folder / ("keywords/val/" + kA + ".json"), R"("go straight")");
  std::vector<std::string> lines;
  ReadOmnidrive(folder.path(), [&](const OmnidriveText& text) {
    lines.push_back(text.split + "|" + text.sample_token.substr(31) + "|" +
                    std::string(Name(text.kind)) + "|" + text.question + "|" + text.answer);
  });
  EXPECT_THAT(
      lines,
      ElementsAre("train|a|conversation|Q0|A0", "train|b|conversation|What is left?|A car.",
                  "train|b|conversation|Q2|A2", "val|a|vqa|Why?|So.",
                  "val|a|description|What does the scene around the car look like?|A road.",
                  "val|a|action|What should the car do now, and why?|Go.",
                  "val|a|keywords|Which driving action comes next, in a few words?|go straight"));
}

TEST(OmnidriveTest, ListsEveryFileThatIsBad) {
  const TestFolder folder;
  Write(folder / ("conv/train/" + kA + ".json"), R"([{"question":"Q","answer":1},{"answer":"A"}])");
  Write(folder / ("conv/val/" + kA + ".json"), R"([])");
  Write(folder / ("vqa/val/" + kA + ".json"), R"({"question":"Q"})");
  Write(folder / ("desc/val/" + kA + ".json"), R"({"description":"D"})");
  Write(folder / ("keywords/val/" + kA + ".json"), R"("go)");
  Write(folder / ("keywords/val/" + kB + ".json"), R"("")");
  Write(folder / "keywords/val/notes.txt", "x");
  try {
    ReadOmnidrive(folder.path(), [](const OmnidriveText&) {});
    FAIL() << "bad files were accepted";
  } catch (const DataError& error) {
    std::string text = error.what();
    const std::string prefix = folder.path().string() + "/";
    for (size_t at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
      text.erase(at, prefix.size());
    EXPECT_EQ(
        text,
        "OmniDrive texts: 8 problems:\n"
        "  - conv/train/" +
            kA +
            ".json: [0]: \"answer\" must be a string, but is 1\n"
            "  - conv/train/" +
            kA +
            ".json: [1]: lacks the field \"question\"\n"
            "  - conv/val/" +
            kA + ".json: the same keyframe has conv/train/" + kA +
            ".json\n"
            "  - vqa/val/" +
            kA +
            ".json: must be a list of questions with answers, but is an "
            "object of 1\n"
            "  - desc/val/" +
            kA +
            ".json: lacks the field \"action\"\n"
            "  - keywords/val: holds \"notes.txt\", expected files named <sample token>.json\n"
            "  - keywords/val/" +
            kA +
            ".json: not usable as JSON: A string is opened, but "
            "never closed\n"
            "  - keywords/val/" +
            kB +
            ".json: must be one string that is not empty, but is "
            "\"\"\n"
            "Unpack data_nusc.zip again.");
  }
}

TEST(PlanTest, IsWrittenWithSignsAndTwoDecimals) {
  const PlannedPath plan_E{{{4.155, -0.031},
                            {0.01, -0.0149},
                            {8, 0},
                            {-1.005, 12.346},
                            {0.015, -0.016},
                            {100.999, 0.02}}};
  EXPECT_EQ(FormatPlan(plan_E),
            "[PT, (+4.16, -0.03), (0.0, 0.0), (+8.00, 0.0), (-1.00, +12.35), (0.0, -0.02), "
            "(+101.00, +0.02)]");
}

TEST(PlanTest, IsReadBack) {
  const PlannedPath plan_E{{{4.16, -0.03}, {0, 0}, {8, 0}, {-1, 12.35}, {0.02, -0.02}, {101, 0.5}}};
  EXPECT_EQ(ParsePlan("Here is the plan: " + FormatPlan(plan_E) + ". Drive on."), plan_E);
  EXPECT_EQ(ParsePlan("[PT,(4.16,-0.03),(0.0,0.0),(8.00,0.0),(-1.00,12.35),(0.02,-0.02),"
                      "(101.00,0.50)]"),
            plan_E);
}

TEST(PlanTest, NothingIsReadFromAnotherText) {
  const std::string points =
      ", (+1.00, 0.0), (+2.00, 0.0), (+3.00, 0.0), (+4.00, 0.0), "
      "(+5.00, 0.0)";
  for (const std::string& text :
       {std::string(), std::string("[PT"), "[PT" + points + "]", "[PT, (1, 0.0)" + points + "]",
        "[PT, (+1.00 0.0)" + points + "]", "[PT, (+1.00, 0.0)" + points,
        "[PT, (+1.00, 0.0), (+1.00, 0.0)" + points + "]", "[PT, (+nan, 0.0)" + points + "]",
        "[PT, (+1., 0.0)" + points + "]",
        "[PT, (" + std::string(400, '9') + ".0, 0.0)" + points + "]"})
    EXPECT_FALSE(ParsePlan(text)) << text;
}

}  // namespace
}  // namespace occvla::data

#include "occvla/eval/scene_sums.h"

#include <gtest/gtest.h>

#include "occvla/base/files.h"
#include "occvla/base/test_folder.h"

namespace occvla::eval {
namespace {

FrameMeasures Frame(const std::string& scene, double first, double last) {
  FrameMeasures frame;
  frame.scene = scene;
  frame.valid = 0x3F;
  frame.prediction.emplace();
  frame.prediction->error = {first, 0, 0, 0, 0, last};
  return frame;
}

TEST(SceneSumsTest, FramesAddUpByScene) {
  std::vector<FrameMeasures> frames = {Frame("a", 6, 12), Frame("a", 0, 6), Frame("b", 0, 3),
                                       Frame("b", 9, 9)};
  frames[3].valid = 0x1F;                     // Its last step is not known.
  frames[0].prediction->overlaps = 0b000110;  // At one of these steps the true car overlaps too.
  frames[0].truth_overlaps = 0b000010;
  frames[1].prediction->overlaps = frames[1].truth_overlaps = 0b000010;
  frames[2].prediction->overlaps = 1;
  frames[2].clean = CleanUse::kIrregularTimes;
  SceneSums sums;
  AddPlanning(frames, &sums);
  EXPECT_EQ(sums["L2 up to 3 s, m"]["a"].numerator, 4);
  EXPECT_EQ(sums["L2 at 3 s, m"]["a"].numerator, 18);
  EXPECT_EQ(sums["L2 at 3 s, m"]["a"].denominator, 2);
  EXPECT_EQ(sums["L2 at 3 s, m"]["b"].denominator, 1);
  EXPECT_EQ(sums["clean collision"]["a"].numerator, 1);
  EXPECT_EQ(sums["clean collision"]["a"].denominator, 2);
  EXPECT_EQ(sums["clean collision"].count("b"), 0u);
}

TEST(SceneSumsTest, MetaActionsCountAndTheFileReadsBack) {
  MetaActionScore score;
  const data::MetaAction still, faster{data::Velocity::kAccelerate, data::Direction::kGoStraight};
  score.Add(still, still);
  score.Add(still, faster);
  SceneSums sums;
  AddMetaActions({{"a", score}, {"empty", {}}}, &sums);
  const TestFolder folder;
  WriteFileAtomically(folder / "scenes.json", std::string_view(ToJson(sums)));
  auto read = ReadSceneSums(folder / "scenes.json");
  EXPECT_EQ(read["meta action: speed"]["a"].numerator, 1);
  EXPECT_EQ(read["meta action: direction"]["a"].numerator, 2);
  EXPECT_EQ(read["meta action: both"]["a"].denominator, 2);
  EXPECT_EQ(read["meta action: both"].count("empty"), 0u);
}

}  // namespace
}  // namespace occvla::eval

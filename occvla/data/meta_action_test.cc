#include "occvla/data/meta_action.h"

#include <gtest/gtest.h>

namespace occvla::data {
namespace {

TEST(MetaActionTest, EveryActionSurvivesWritingAndReading) {
  for (size_t v = 0; v < kVelocityNames.size(); ++v) {
    for (size_t d = 0; d < kDirectionNames.size(); ++d) {
      const MetaAction action{static_cast<Velocity>(v), static_cast<Direction>(d)};
      EXPECT_EQ(ParseMetaAction(ToString(action)), action) << ToString(action);
    }
  }
}

TEST(MetaActionTest, IsWrittenAsVelocityThenDirection) {
  EXPECT_EQ(ToString({Velocity::kDecelerate, Direction::kTurnLeft}), "Decelerate, Turn Left");
  EXPECT_EQ(ToString({}), "Maintain speed, Go Straight");
}

TEST(MetaActionTest, CaseBlanksAndAFinalStopDoNotMatter) {
  const MetaAction want{Velocity::kMaintain, Direction::kChangeLaneRight};
  for (const char* text :
       {"maintain SPEED, change lane right", "  Maintain speed ,Change Lane Right.",
        "\tMaintain speed,  Change Lane Right . \r\n"})
    EXPECT_EQ(ParseMetaAction(text), want) << text;
}

TEST(MetaActionTest, AnythingElseIsNoAction) {
  for (const char* text :
       {"", ",", ".", "Accelerate", "Turn Left, Accelerate", "Accelerate, Turn Left, Stop",
        "Accelerate, Turn", "Accelerate, Turn Left..", "Accelerate; Turn Left", "Accel, Stop",
        "I Accelerate, Turn Left"})
    EXPECT_EQ(ParseMetaAction(text), std::nullopt) << text;
}

}  // namespace
}  // namespace occvla::data

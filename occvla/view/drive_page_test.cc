#include "occvla/view/drive_page.h"

#include <gtest/gtest.h>

#include "occvla/view/test_cards.h"

namespace occvla::view {
namespace {

data::Prediction Plan(double side) {
  data::Prediction prediction;
  prediction.trajectory_E = {{{3, 0}, {6, side}, {9, side}, {12, side}, {15, side}, {18, side}}};
  prediction.text = "Scene: a plain road.";
  return prediction;
}

TEST(DrivePageTest, IsOfTheSizeThatFilmsAreMadeOf) {
  const data::Frame frame = TestCardFrame();
  const auto page = DrawDrivePage(frame, ReadFrameParts(frame), {.index = 2, .count = 9});
  EXPECT_EQ(page.width_px, 1920);
  EXPECT_EQ(page.height_px, 1080);
}

TEST(DrivePageTest, AnotherPlanIsAnotherPicture) {
  const data::Frame frame = TestCardFrame();
  const auto parts = ReadFrameParts(frame);
  const auto left = Plan(2), right = Plan(-2);
  const auto a = DrawDrivePage(frame, parts, {.prediction = &left});
  EXPECT_EQ(a.rgb, DrawDrivePage(frame, parts, {.prediction = &left}).rgb);
  EXPECT_NE(a.rgb, DrawDrivePage(frame, parts, {.prediction = &right}).rgb);
  EXPECT_NE(a.rgb, DrawDrivePage(frame, parts, {}).rgb);
}

TEST(DrivePageTest, AFrameOfWhichNothingIsKnownAndHostileTextAreDrawn) {
  data::Frame frame;
  frame.token = std::string(100'000, '\xe4');
  frame.scene = "\xff\xfe\n\n" + std::string(100'000, 'W');
  auto prediction = Plan(0);
  prediction.text = std::string(1'000'000, 'q');
  prediction.flags.assign(1000, std::string(100, '\n'));
  EXPECT_NO_THROW((void)DrawDrivePage(
      frame, ReadFrameParts(frame),
      {.dataset = std::string(9999, '\n'), .description = "\xc3", .prediction = &prediction}));
}

}  // namespace
}  // namespace occvla::view

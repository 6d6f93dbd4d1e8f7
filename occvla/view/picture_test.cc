#include "occvla/view/picture.h"

#include <gtest/gtest.h>

#include "occvla/base/error.h"
#include "occvla/view/birds_eye.h"
#include "occvla/view/palette.h"
#include "occvla/view/test_cards.h"

// fontconfig keeps what it has read until the process ends: LeakSanitizer, where it is linked in,
// asks here what to leave out.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libfontconfig.so"; }

namespace occvla::view {
namespace {

using data::OccupancyGrid;

data::Frame SmallFrame() {
  data::Frame frame;
  frame.token = "made";
  for (data::CameraImage& image : frame.images) {
    image.bytes = data::EncodePng({.width_px = 2, .height_px = 3, .rgb = std::vector<uint8_t>(18)});
  }
  return frame;
}

OccupancyGrid FreeGrid() {
  OccupancyGrid grid;
  grid.labels.assign(size_t{200} * 200 * 16, data::kFreeClass);
  return grid;
}

TEST(PictureTest, DrawsAFrameOfWhichNothingElseIsKnown) {
  const data::Image image = DrawPicture(SmallFrame(), {});
  EXPECT_EQ(image.width_px, 1600);
  EXPECT_EQ(image.rgb.size(), static_cast<size_t>(image.width_px * image.height_px) * 3);
}

TEST(PictureTest, HostileTextAndTrajectoryDrawToo) {
  data::Prediction prediction;
  prediction.trajectory_E = {{{1, 1e-320}, {1, -1}, {0, 0}, {-3, 0}, {1e300, 0}, {0, 1e300}}};
  prediction.text = "\xff\xfe\n\n" + std::string(100'000, 'W');
  prediction.flags.assign(50, std::string(300, 'x'));
  data::Frame frame = SmallFrame();
  frame.token = std::string(5000, '\xe4');
  EXPECT_NO_THROW((void)DrawPicture(frame, prediction));
}

TEST(PictureTest, ThePathChangesOnlyViewsOfCalibratedCameras) {
  data::Frame frame = SmallFrame();
  const data::Image cards = DrawTestCards()[0].image;
  frame.images[0] = {
      .path = {}, .bytes = data::EncodePng(cards), .camera = DrawTestCards()[0].camera};
  data::Prediction prediction;
  const data::Image without = DrawPicture(frame, prediction);
  prediction.trajectory_E = {{{2, 0}, {4, 0}, {6, 0}, {8, 0}, {10, 0}, {12, 0}}};
  const data::Image with = DrawPicture(frame, prediction);
  // Rows of the cameras ahead: the front view lies in the middle third.
  std::array<int, 3> changed{};
  for (int y = 70; y < 350; ++y) {
    for (int x = 0; x < 1600; ++x) {
      const auto at = static_cast<size_t>((y * 1600 + x) * 3);
      if (with.rgb[at] != without.rgb[at]) ++changed[static_cast<size_t>(x / 534)];
    }
  }
  EXPECT_EQ(changed[0], 0);
  EXPECT_GT(changed[1], 1000);
  EXPECT_EQ(changed[2], 0);
}

TEST(PictureTest, AnImageThatCannotBeReadIsNamed) {
  data::Frame frame = SmallFrame();
  frame.images[3].bytes = "GIF89a";
  try {
    (void)DrawPicture(frame, {});
    FAIL() << "a GIF was drawn";
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()).rfind("made/CAM_BACK: starts with 47 49", 0), 0u);
  }
}

// A car high above the road hides it; far ahead is row 0, left is column 0.
TEST(BirdsEyeTest, ShowsTheTopmostVoxelForwardUpAndLeftToTheLeft) {
  OccupancyGrid grid = FreeGrid();
  const size_t column = (199 * 200 + 198) * 16;  // x index 199, y index 198.
  grid.labels[column] = 11;
  grid.labels[column + 15] = 4;
  const data::Image image = OccupancyFromAbove(grid, Rgb(0x010203));
  const size_t at = 1 * 3;  // Row 0, column 1.
  EXPECT_EQ(image.rgb[0], 1);
  EXPECT_GT(image.rgb[at], 200);
  EXPECT_EQ(image.rgb[at + 2], 0);
  EXPECT_EQ(CountClasses(grid)[4], 1);
}

TEST(TestCardsTest, AreTheSameEachTimeAndDifferFromEachOther) {
  const auto cards = DrawTestCards(), again = DrawTestCards();
  for (size_t index = 0; index < cards.size(); ++index) {
    EXPECT_EQ(cards[index].image.rgb, again[index].image.rgb);
    EXPECT_NE(cards[index].image.rgb, cards[(index + 1) % 6].image.rgb);
  }
}

// 10 m ahead on the axis lies below the middle of the front card and outside the others.
TEST(TestCardsTest, CamerasLookWhereTheirNamesSay) {
  const auto cards = DrawTestCards();
  const std::array<Eigen::Vector3d, 6> ahead_E = {
      Eigen::Vector3d(20, 0, 1.5),  Eigen::Vector3d(12, -15, 1.5), Eigen::Vector3d(12, 15, 1.5),
      Eigen::Vector3d(-20, 0, 1.5), Eigen::Vector3d(-5, 18, 1.5),  Eigen::Vector3d(-5, -17, 1.5)};
  for (size_t camera = 0; camera < 6; ++camera) {
    for (size_t point = 0; point < 6; ++point) {
      const auto p_I = geom::Project(cards[camera].camera, ahead_E[point]);
      const bool inside = p_I && p_I->x() > 0 && p_I->x() < 800;
      EXPECT_EQ(inside, camera == point) << camera << " " << point;
    }
  }
}

TEST(TestCardsTest, FrameCarriesTheCardsAndTheirCalibration) {
  const data::Frame frame = TestCardFrame();
  EXPECT_EQ(frame.token, "test-cards");
  EXPECT_EQ(data::DecodeCamera(frame.images[2], "card").rgb, DrawTestCards()[2].image.rgb);
  EXPECT_TRUE(frame.images[5].camera.has_value());
}

}  // namespace
}  // namespace occvla::view

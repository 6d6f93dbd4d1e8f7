// Where things of a scene land in the pictures: boxes, map, way and voxels.
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_grid.h"
#include "occvla/view/camera_view.h"
#include "occvla/view/palette.h"
#include "occvla/view/scene_above.h"
#include "occvla/view/test_cards.h"

namespace occvla::view {
namespace {

using data::nuscenes::Layer;
using Eigen::Vector2d;
using Eigen::Vector3d;

constexpr Colour kRed = Rgb(0xff0000);

geom::Pose Placed(double x, double y, double z, double yaw) {
  geom::Pose X = geom::Pose::Identity();
  X.translation() << x, y, z;
  X.rotate(Eigen::AngleAxisd(yaw, Vector3d::UnitZ()));
  return X;
}

// The car at (100, 50) looks north; one second to the next keyframe.
data::Frame NorthboundFrame() {
  data::Frame frame;
  frame.now = data::EgoMoment{5'000'000, Placed(100, 50, 0, std::numbers::pi / 2)};
  return frame;
}

int CountChanged(const data::Image& a, const data::Image& b, const Box& part) {
  int changed = 0;
  for (int y = static_cast<int>(part.y); y < part.bottom(); ++y) {
    for (int x = static_cast<int>(part.x); x < part.right(); ++x) {
      const auto at = static_cast<size_t>(y * a.width_px + x) * 3;
      changed += !std::equal(&a.rgb[at], &a.rgb[at] + 3, &b.rgb[at]);
    }
  }
  return changed;
}

std::array<int, 3> PixelAt(const data::Image& image, double x, double y) {
  const auto at = static_cast<size_t>(std::lround(y) * image.width_px + std::lround(x)) * 3;
  return {image.rgb[at], image.rgb[at + 1], image.rgb[at + 2]};
}

TEST(SceneBoxesTest, StandInTheCarsFrameFarthestFirst) {
  data::Frame frame = NorthboundFrame();
  // 10 m north of the car and heading north at 3 m/s; 2 m west of the car, without a point.
  frame.annotations.resize(2);
  frame.annotations[0].category = "vehicle.car";
  frame.annotations[0].box_G = {Placed(98, 50, 1, 0), {4, 2, 1.5}};
  frame.annotations[1].category = "vehicle.truck";
  frame.annotations[1].box_G = {Placed(100, 60, 1, std::numbers::pi / 2), {8, 2, 3}};
  frame.annotations[1].velocity_G = Vector3d(0, 3, 0);
  frame.annotations[1].lidar_points = 7;
  const auto boxes = SceneBoxes(frame);
  ASSERT_EQ(boxes.size(), 2u);
  EXPECT_TRUE(boxes[0].box_E.X_AB.translation().isApprox(Vector3d(10, 0, 1), 1e-9));
  EXPECT_TRUE(boxes[0].velocity_E->isApprox(Vector2d(3, 0), 1e-9));
  EXPECT_FALSE(boxes[0].faint);
  EXPECT_TRUE(boxes[1].box_E.X_AB.translation().isApprox(Vector3d(0, 2, 1), 1e-9));
  EXPECT_TRUE(boxes[1].faint);
  frame.now.reset();
  EXPECT_TRUE(SceneBoxes(frame).empty());
}

TEST(SceneBoxesTest, ColoursAreTheClassesButNeverTooDarkForALine) {
  EXPECT_EQ(CategoryColour("vehicle.car").red, kOccupancyColours[4].red);
  const Colour person = CategoryColour("human.pedestrian.adult");
  EXPECT_NEAR(0.299 * person.red + 0.587 * person.green + 0.114 * person.blue, 0.42, 1e-9);
  EXPECT_GT(person.blue, person.red);
}

TEST(DrivenPathTest, LeadsFromThePastToNowAndFromNowOn) {
  data::Frame frame = NorthboundFrame();
  frame.future[0] = data::EgoMoment{5'500'000, Placed(100, 52, 0.1, std::numbers::pi / 2)};
  frame.future[1] = data::EgoMoment{6'010'000, Placed(99, 54, 0, std::numbers::pi / 2)};
  frame.past[0] = data::EgoMoment{4'500'000, Placed(100, 49, 0, std::numbers::pi / 2)};
  const DrivenPath driven = DrivenPathOf(frame);
  EXPECT_TRUE(driven.future.front().p_E.isZero());
  EXPECT_TRUE(driven.future.back().p_E.isApprox(Vector2d(4, 1), 1e-9));
  EXPECT_NEAR(driven.future.back().time, 1.01, 1e-9);
  EXPECT_NEAR(AtTime(driven.future, 0.5)->z_E, 0.1, 1e-9);
  EXPECT_TRUE(driven.past.front().p_E.isApprox(Vector2d(-1, 0), 1e-9));
  EXPECT_TRUE(driven.past.back().p_E.isZero(1e-9));
  EXPECT_FALSE(AtTime(driven.future, 1.2).has_value());
  EXPECT_TRUE(AtTime(driven.future, 1.05).has_value());
}

TEST(DrivenPathTest, EndsBeforeATimeThatRunsBackwards) {
  data::Frame frame = NorthboundFrame();
  frame.future[0] = data::EgoMoment{4'000'000, Placed(100, 52, 0, 0)};
  EXPECT_EQ(DrivenPathOf(frame).future.size(), 1u);
}

class OverlayTest : public ::testing::Test {
 protected:
  OverlayTest() : card_(DrawTestCards()[0]) {}

  // The front camera on an empty ground, pixel for pixel.
  data::Image Draw(const Overlay& overlay) const {
    Canvas canvas(card_.camera.width_px, card_.camera.height_px, kBackground);
    DrawOverlay(canvas, {.box = {0, 0, 800, 450}}, card_.camera, overlay);
    return canvas.ToImage();
  }
  Vector2d PixelOf(const Vector3d& p_E) const { return *geom::Project(card_.camera, p_E); }

  TestCard card_;
};

TEST_F(OverlayTest, EveryCornerOfABoxIsWhereTheCameraSeesIt) {
  const SceneBox box{
      .box_E = {Placed(12, 3, 1, 0.4), {4, 2, 1.5}}, .velocity_E = {}, .colour = kRed};
  const data::Image image = Draw({.boxes = std::span(&box, 1)});
  for (const Vector3d& corner_E : geom::Corners(box.box_E)) {
    const Vector2d p = PixelOf(corner_E);
    EXPECT_GT(PixelAt(image, p.x() - 0.5, p.y() - 0.5)[0], 120) << p.transpose();
  }
  // 3 m to the left: nothing reaches the right half.
  EXPECT_EQ(CountChanged(image, Draw({}), {400, 0, 400, 450}), 0);
}

TEST_F(OverlayTest, TheFrontFaceIsFilledAndTheRearIsNot) {
  // The car stands across, its front to the left.
  const SceneBox box{.box_E = {Placed(12, 0, 1.5, std::numbers::pi / 2), {4, 2, 1.5}},
                     .velocity_E = {},
                     .colour = kRed};
  const data::Image image = Draw({.boxes = std::span(&box, 1)});
  // Near the left and right ends, seen through between the near and the far edges.
  const Vector2d front = PixelOf({12, 2, 1.5}), rear = PixelOf({12, -2, 1.5});
  EXPECT_GT(PixelAt(image, front.x(), front.y())[0], 40);
  EXPECT_LT(PixelAt(image, rear.x(), rear.y())[0], 30);
}

TEST_F(OverlayTest, BoxesBehindTheCameraAreNotSeen) {
  const SceneBox box{
      .box_E = {Placed(-12, 0, 1, 0), {4, 2, 1.5}}, .velocity_E = {}, .colour = kRed};
  EXPECT_EQ(CountChanged(Draw({.boxes = std::span(&box, 1)}), Draw({}), {0, 0, 800, 450}), 0);
}

TEST_F(OverlayTest, ALineOfTheMapLiesOnTheGroundOnItsSide) {
  LocalMap map;
  map.lines.push_back({.kind = LocalMap::LineKind::kRoadDivider,
                       .points_E = {Vector3d(-5, -3, 0), Vector3d(40, -3, 0)}});
  const data::Image image = Draw({.map = &map});
  const Vector2d p = PixelOf({15, -3, 0});
  EXPECT_GT(PixelAt(image, p.x() - 0.5, p.y() - 0.5)[0], 120);
  EXPECT_EQ(CountChanged(image, Draw({}), {0, 0, 400, 450}), 0);  // To the right.
  EXPECT_EQ(CountChanged(image, Draw({}), {0, 0, 800, 225}), 0);  // Below the horizon.
}

TEST_F(OverlayTest, TheMapEndsFiftyMetresAway) {
  LocalMap map;
  map.lines.push_back({.kind = LocalMap::LineKind::kLaneDivider,
                       .points_E = {Vector3d(10, -200, 0), Vector3d(10, 200, 0)}});
  map.lines.push_back({.kind = LocalMap::LineKind::kLaneDivider,
                       .points_E = {Vector3d(60, -10, 0), Vector3d(60, 10, 0)}});
  const data::Image image = Draw({.map = &map});
  const double far_y = PixelOf({50, 0, 0}).y();
  EXPECT_EQ(CountChanged(image, Draw({}), {0, 0, 800, std::floor(far_y) - 3}), 0);
  const Vector2d p = PixelOf({10, 1, 0});
  EXPECT_GT(PixelAt(image, p.x(), p.y() - 0.5)[0], 120);
}

TEST_F(OverlayTest, AnImageThatIsMissingLeavesTheOverlayAndSaysWhy) {
  const SceneBox box{.box_E = {Placed(12, 0, 1, 0), {4, 2, 1.5}}, .velocity_E = {}, .colour = kRed};
  const auto draw = [&](const std::string& problem, const Overlay& overlay) {
    Canvas canvas(400, 225, kBackground);
    DrawCameraView(canvas, {0, 0, 400, 225},
                   {.name = "FRONT", .problem = problem, .camera = card_.camera}, overlay);
    return canvas.ToImage();
  };
  const Box all{0, 0, 400, 225};
  EXPECT_GT(CountChanged(draw("", {}), draw("", {.boxes = std::span(&box, 1)}), all), 100);
  EXPECT_GT(CountChanged(draw("", {}), draw("no such file", {}), all), 100);
}

class AboveTest : public ::testing::Test {
 protected:
  static constexpr Box kBox{0, 0, 400, 400};

  static data::Image Draw(const Surroundings& around) {
    Canvas canvas(400, 400, kBackground);
    DrawSceneAbove(canvas, kBox, around, 50);
    return canvas.ToImage();
  }
  static data::Image Empty() { return Draw({}); }
};

TEST_F(AboveTest, LeftOfTheCarIsLeftInThePictureAndAheadIsUp) {
  Surroundings around;
  around.boxes.push_back(
      {.box_E = {Placed(25, 25, 1, 0), {4, 2, 1.5}}, .velocity_E = {}, .colour = kRed});
  const data::Image image = Draw(around);
  // 4 pixels a metre: 25 m left and ahead are 100 pixels left of and above the middle.
  EXPECT_GT(PixelAt(image, 100, 100)[0], 80);
  EXPECT_EQ(CountChanged(image, Empty(), {200, 0, 200, 400}), 0);
  EXPECT_EQ(CountChanged(image, Empty(), {0, 200, 400, 200}), 0);
}

TEST_F(AboveTest, AnArrowPointsToWhereTheBoxWillBeInASecond) {
  Surroundings around;
  around.boxes.push_back(
      {.box_E = {Placed(0, 20, 1, 0), {4, 2, 1.5}}, .velocity_E = Vector2d(0, 15), .colour = kRed});
  const data::Image image = Draw(around);
  EXPECT_GT(PixelAt(image, 120 - 40, 200)[0], 120);               // 10 m to its left.
  EXPECT_EQ(CountChanged(image, Empty(), {0, 150, 55, 100}), 0);  // Behind the arrow's tip.
  around.boxes[0].velocity_E = Vector2d(0, 0.2);
  EXPECT_EQ(CountChanged(Draw(around), Empty(), {0, 150, 110, 100}), 0);
}

TEST_F(AboveTest, AHoleOfAnAreaStaysOpen) {
  const auto square = [](double x, double y, double half) {
    return std::vector<Vector3d>{{x - half, y - half, 0},
                                 {x + half, y - half, 0},
                                 {x + half, y + half, 0},
                                 {x - half, y + half, 0}};
  };
  Surroundings around;
  around.map.areas.push_back(
      {.layer = Layer::kPedCrossing, .rings_E = {square(-20, -20, 15), square(-20, -20, 5)}});
  const data::Image image = Draw(around);
  EXPECT_NE(PixelAt(image, 280 + 40, 280), PixelAt(Empty(), 280 + 40, 280));
  EXPECT_EQ(PixelAt(image, 280, 280), PixelAt(Empty(), 280, 280));
}

TEST_F(AboveTest, PointsThatStandUpAreBrighterThanTheRoad) {
  Surroundings around;
  around.points_E = {{10.1F, 30.1F, 0.0F}, {10.1F, -30.1F, 2.5F}};
  const data::Image image = Draw(around);
  EXPECT_GT(PixelAt(image, 79, 159)[1], PixelAt(Empty(), 79, 159)[1]);
  EXPECT_GT(PixelAt(image, 320, 159)[1], PixelAt(image, 79, 159)[1] + 40);
}

}  // namespace
}  // namespace occvla::view

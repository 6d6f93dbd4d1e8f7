#include "occvla/eval/planning/footprint.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "occvla/base/rng.h"
#include "occvla/data/nuscenes/test_map.h"
#include "occvla/eval/planning/drivable_area.h"
#include "occvla/geom/polygon.h"

namespace occvla::eval {
namespace {

constexpr double kPi = std::numbers::pi;

TEST(FootprintTest, RectanglesThatTouchOverlap) {
  const Rectangle a{0, 0, 0, 4, 2};
  EXPECT_TRUE(Overlap(a, {4, 0, 0, 4, 2}));
  EXPECT_FALSE(Overlap(a, {4.001, 0, 0, 4, 2}));
  // A square on its corner reaches sqrt(2) from its centre; a box around it would reach further.
  EXPECT_TRUE(Overlap(a, {2 + std::numbers::sqrt2 - 0.001, 0, kPi / 4, 2, 2}));
  EXPECT_FALSE(Overlap(a, {2 + std::numbers::sqrt2 + 0.001, 0, kPi / 4, 2, 2}));
  EXPECT_FALSE(Overlap(a, {2.9, 1.9, kPi / 4, 2, 2}));  // Only a turned axis separates them.
}

// Against the overlap of polygons, which goes edge by edge.
TEST(FootprintTest, OverlapAgreesWithPolygons) {
  Rng rng(3, "rectangles");
  const auto any = [&] {
    return Rectangle{8 * rng.Uniform(), 8 * rng.Uniform(), 7 * rng.Uniform(), 1 + 4 * rng.Uniform(),
                     1 + rng.Uniform()};
  };
  const auto ring = [](const Rectangle& r) {
    std::vector<Eigen::Vector2d> points;
    for (const auto& [x, y] : Outline(r, 100)) points.emplace_back(x, y);
    return points;
  };
  int overlaps = 0;
  for (int pair = 0; pair < 2000; ++pair) {
    const Rectangle a = any(), b = any();
    EXPECT_EQ(Overlap(a, b), geom::Overlap(ring(a), ring(b)));
    overlaps += Overlap(a, b) ? 1 : 0;
  }
  EXPECT_GT(overlaps, 200);
  EXPECT_LT(overlaps, 1800);
}

TEST(FootprintTest, HeadingsFollowAnArcExactly) {
  Track track_E{};
  for (size_t step = 0; step < 6; ++step) {
    const double turned = 0.15 * static_cast<double>(step + 1);
    track_E[step] = {20 * std::sin(turned), 20 * (1 - std::cos(turned))};
  }
  const std::array<double, 6> headings = HeadingsAlong(track_E);
  for (size_t step = 0; step < 6; ++step)
    EXPECT_NEAR(headings[step], 0.15 * static_cast<double>(step + 1), 1e-12);
}

TEST(FootprintTest, AStandingCarKeepsItsHeading) {
  const Track track_E = {{{1, 1}, {2, 2}, {3, 3}, {3, 3}, {3.1, 3}, {3, 3}}};
  const std::array<double, 6> headings = HeadingsAlong(track_E);
  EXPECT_NEAR(headings[1], kPi / 4, 1e-12);
  EXPECT_NEAR(headings[4], headings[3], 1e-12);
  EXPECT_NEAR(headings[5], headings[3], 1e-12);
}

TEST(FootprintTest, MovesATrackToRealTimes) {
  Track track_E{};
  for (size_t step = 0; step < 6; ++step) track_E[step] = {static_cast<double>(step + 1), 0};
  const Track moved_E = AtTimes(track_E, {0.4, 1.0, 1.6, 2.0, 2.5, 3.2});
  EXPECT_NEAR(moved_E[0][0], 0.8, 1e-12);
  EXPECT_NEAR(moved_E[1][0], 2, 1e-12);
  EXPECT_NEAR(moved_E[2][0], 3.2, 1e-12);
  EXPECT_NEAR(moved_E[5][0], 6.4, 1e-12);  // Beyond 3 s at the last speed.
}

TEST(FootprintTest, MeasuresBraking) {
  // 10 m/s, then 8 m/s, then 8 m/s: 4 m/s^2 of braking that ends within half a second.
  const std::vector<PathPoint> path = {{0, 0, 0}, {0.5, 5, 0}, {1, 9, 0}, {1.5, 13, 0}};
  const Motion motion = MotionAlong(path);
  EXPECT_NEAR(motion.braking, 4, 1e-12);
  EXPECT_NEAR(motion.acceleration, 0, 1e-12);
  EXPECT_NEAR(motion.jerk, 8, 1e-12);
  EXPECT_EQ(motion.yaw_rate, 0);
}

TEST(FootprintTest, MeasuresTurning) {
  std::vector<PathPoint> path;
  for (int step = 0; step <= 6; ++step) {
    const double turned = 0.2 * step;
    path.push_back({0.5 * step, 10 * std::sin(turned), 10 * (1 - std::cos(turned))});
  }
  const Motion motion = MotionAlong(path);
  const double speed = 2 * 10 * std::sin(0.1) / 0.5;  // Along chords.
  EXPECT_NEAR(motion.yaw_rate, 0.4, 1e-12);
  EXPECT_NEAR(motion.lateral_acceleration, 0.4 * speed, 1e-12);
  EXPECT_NEAR(motion.curvature, 0.4 / speed, 1e-12);
  EXPECT_NEAR(motion.yaw_acceleration, 0, 1e-12);
}

// The map is 100 m x 20 m with a hole at 20..30 x 14..18, and a square apart from it.
TEST(DrivableAreaTest, AgreesWithTheMapPointByPoint) {
  using data::nuscenes::Layer;
  const data::nuscenes::Map map(data::nuscenes::TestMap().map);
  const DrivableArea area(map);
  Rng rng(5, "points");
  for (int point = 0; point < 3000; ++point) {
    const double x = 130 * rng.Uniform() - 5, y = 60 * rng.Uniform() - 5;
    EXPECT_EQ(area.Contains(std::array<double, 2>{x, y}),
              !map.Containing(Layer::kDrivableArea, {x, y}).empty())
        << x << " " << y;
  }
}

TEST(DrivableAreaTest, TheCarLeavesItWithOneCorner) {
  const DrivableArea area(data::nuscenes::Map(data::nuscenes::TestMap().map));
  EXPECT_TRUE(area.Contains(CarAt({50, 10}, 0)));
  EXPECT_TRUE(area.Contains(CarAt({50, 1}, 0)));
  EXPECT_FALSE(area.Contains(CarAt({50, 0.9}, 0)));
  EXPECT_FALSE(area.Contains(CarAt({96.5, 10}, 0)));  // The bumper is 3.53 m ahead of the axle.
  EXPECT_FALSE(area.Contains(CarAt({22, 13.5}, 0)));  // Into the hole.
}

}  // namespace
}  // namespace occvla::eval

#include "occvla/world/town_curve.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

namespace occvla::world {
namespace {

using Eigen::Vector2d;

constexpr double kPi = std::numbers::pi;

void ExpectPose(const Pose2& got, const Pose2& want, double tolerance = 1e-9) {
  EXPECT_NEAR(got[0], want[0], tolerance);
  EXPECT_NEAR(got[1], want[1], tolerance);
  EXPECT_NEAR(WrapAngle(got[2] - want[2]), 0, tolerance);
}

/// 10 m east, then a quarter of a circle of 20 m to the left, then 5 m north.
Curve Bend() { return Curve({0, 0, 0}, {{0, 10}, {1 / 20.0, 10 * kPi}, {0, 5}}); }

TEST(CurveTest, FollowsLinesAndArcs) {
  const Curve bend = Bend();
  EXPECT_NEAR(bend.length(), 15 + 10 * kPi, 1e-12);
  ExpectPose(bend.At(10), {10, 0, 0});
  const double r = 20 * std::sqrt(0.5);
  ExpectPose(bend.At(10 + 5 * kPi), {10 + r, 20 - r, kPi / 4});
  ExpectPose(bend.At(bend.length()), {30, 25, kPi / 2});
  EXPECT_LT((bend.Point(10, 3) - Vector2d(10, 3)).norm(), 1e-12);
}

TEST(CurveTest, ParallelsKeepTheirDistanceAndHaveTheirOwnRadius) {
  const Curve inside = Bend().Offset(8);
  EXPECT_NEAR(inside.pieces()[1].curvature, 1 / 12.0, 1e-12);
  EXPECT_NEAR(inside.length(), 15 + 6 * kPi, 1e-12);
  ExpectPose(inside.At(inside.length()), {22, 25, kPi / 2});
  ExpectPose(Bend().Offset(-8).At(10 + 14 * kPi), {38, 20, kPi / 2});
}

TEST(CurveTest, TheWayBackRunsTheOtherWay) {
  const Curve bend = Bend(), back = bend.Reversed();
  for (const double s : {0.0, 4.0, 20.0, 43.0}) {
    const Pose2 there = bend.At(s);
    ExpectPose(back.At(bend.length() - s), {there[0], there[1], there[2] + kPi});
  }
}

TEST(CurveTest, APartHasThePosesOfTheWhole) {
  const Curve bend = Bend(), part = bend.Between(4, 30);
  EXPECT_NEAR(part.length(), 26, 1e-12);
  for (const double s : {0.0, 6.0, 15.0, 26.0}) ExpectPose(part.At(s), bend.At(s + 4));
}

TEST(CurveTest, ChordsBetweenStationsStayNearTheCurve) {
  const Curve curve({3, 4, 1}, {{0, 30}, {1 / 45.0, 60}, {-1 / 9.0, 12}});
  const auto stations = curve.Stations(5, 95);
  EXPECT_EQ(stations.front(), 5);
  EXPECT_EQ(stations.back(), 95);
  for (size_t i = 0; i + 1 < stations.size(); ++i) {
    ASSERT_LT(stations[i], stations[i + 1]);
    const Vector2d middle = (curve.Point(stations[i], 0) + curve.Point(stations[i + 1], 0)) / 2;
    EXPECT_LT((middle - curve.Point((stations[i] + stations[i + 1]) / 2, 0)).norm(), 0.02);
  }
}

TEST(RoundedTest, PutsArcsIntoCorners) {
  const auto curve = Rounded({{0, 0}, {50, 0}, {50, 40}}, {20});
  ASSERT_TRUE(curve);
  ASSERT_EQ(curve->pieces().size(), 3u);
  EXPECT_NEAR(curve->pieces()[0].length, 30, 1e-9);
  EXPECT_NEAR(curve->pieces()[1].curvature, 1 / 20.0, 1e-12);
  ExpectPose(curve->At(curve->length()), {50, 40, kPi / 2});
}

TEST(RoundedTest, IsAbsentWhereAnArcDoesNotFit) {
  EXPECT_FALSE(Rounded({{0, 0}, {50, 0}, {50, 40}}, {41}));
  EXPECT_FALSE(Rounded({{0, 0}, {50, 0}, {50, 40}, {90, 40}}, {30, 30}));
}

TEST(TurningTest, MeetsBothPosesWithTheRadiusAskedFor) {
  const Pose2 from{0, 0, 0}, to{25, -30, -kPi / 2};
  const auto curve = Turning(from, to, 9, 5);
  ASSERT_TRUE(curve);
  ExpectPose(curve->At(curve->length()), to);
  EXPECT_NEAR(curve->pieces()[1].curvature, -1 / 9.0, 1e-12);
  EXPECT_NEAR(curve->pieces()[0].length, 16, 1e-9);
}

TEST(TurningTest, TakesATighterArcWhereTheOneAskedForDoesNotFit) {
  const auto curve = Turning({0, 0, 0}, {7, 30, kPi / 2}, 20, 5);
  ASSERT_TRUE(curve);
  EXPECT_NEAR(curve->pieces()[1].curvature, 1 / 7.0, 1e-9);
  EXPECT_FALSE(Turning({0, 0, 0}, {2, 2, kPi / 2}, 20, 5));
}

TEST(GlidingTest, MeetsBothPosesAndTakesTheWidestArcs) {
  for (const Pose2& to : {Pose2{40, 3.4, 0.1}, Pose2{40, -3.4, 0}, Pose2{35, 0, 0},
                          Pose2{30, 8, 0.5}, Pose2{30, 8, -0.2}}) {
    const auto curve = Gliding({0, 0, 0}, to, 5);
    ASSERT_TRUE(curve);
    ExpectPose(curve->At(curve->length()), to);
    EXPECT_LT(curve->length(), 1.05 * std::hypot(to[0], to[1]));
    for (const auto& piece : curve->pieces()) EXPECT_LT(std::abs(piece.curvature), 1 / 14.0);
  }
}

TEST(GlidingTest, DoesNotWind) {
  EXPECT_FALSE(Gliding({0, 0, 0}, {3, 3, kPi}, 5));
  EXPECT_FALSE(Gliding({0, 0, 0}, {12, 9, 0}, 5));
}

TEST(ToArcPathsTest, AreTheSameCurve) {
  const Curve curve(
      {5, 6, 2.8},
      {{0, 12}, {1 / 50.0, 30}, {-1 / 50.0, 20}, {0, 8}, {-1 / 7.0, 9}, {1 / 30.0, 4}, {0, 3}});
  const auto paths = ToArcPaths(curve);
  double s = 0;
  for (size_t i = 0; i < paths.size(); ++i) {
    ExpectPose(paths[i].start, curve.At(s));
    for (const double part : {0.2, 0.5, 0.9})
      ExpectPose(paths[i].At(part * paths[i].length()), curve.At(s + part * paths[i].length()));
    s += paths[i].length();
    ExpectPose(paths[i].end, curve.At(s));
  }
  EXPECT_NEAR(s, curve.length(), 1e-9);
  EXPECT_LE(paths.size(), 5u);
}

TEST(BandTest, IsCounterClockwise) {
  const Polygon2 band = Band(Bend(), 2, 40, -3, 2);
  double twice = 0;
  for (size_t i = 0; i < band.points.size(); ++i) {
    const auto &a = band.points[i], &b = band.points[(i + 1) % band.points.size()];
    twice += a.x() * b.y() - a.y() * b.x();
  }
  EXPECT_NEAR(twice / 2, 8 * 5 + (40 - 10) * 5 + 30 / 20.0 * (9 - 4) / 2, 1.0);
}

}  // namespace
}  // namespace occvla::world

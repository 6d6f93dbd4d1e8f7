#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "occvla/data/nuscenes/map.h"

namespace occvla::data::nuscenes {
namespace {

using std::numbers::pi;

// From the devkit's own tests (facts/data-and-metrics.md A.8).
const ArcPath kFlat = {.start = {421.2419602954602, 1087.9127960414617, 2.739593514975998},
                       .end = {391.7142849867393, 1100.464077182952, 2.7365754617298705},
                       .shape = ArcPath::Shape::kLSR,
                       .radius = 999.999,
                       .lengths = {0.23651121617864976, 28.593481378991886, 3.254561444252876}};
const ArcPath kTurn = {.start = {391.7142849867393, 1100.464077182952, 2.7365754617298705},
                       .end = {372.7733659833846, 1093.0160135871615, -2.000208580915862},
                       .shape = ArcPath::Shape::kLSL,
                       .radius = 14.473414516079979,
                       .lengths = {22.380622583127813, 0.18854612175175053, 0.0010839266609007578}};

void ExpectPose(const std::array<double, 3>& got, const std::array<double, 3>& want,
                double tolerance = 1e-9) {
  for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(got[i], want[i], tolerance) << "[" << i << "]";
}

TEST(ArcPathTest, PublishedPathDiscretisesToItsPublishedPoints) {
  const auto poses = Discretise(std::array{kFlat}, 10);
  ASSERT_EQ(poses.size(), 5u);
  ExpectPose(poses[0], kFlat.start);
  ExpectPose(poses[1], {413.85953060356087, 1091.049417600379, 2.739830026428688});
  ExpectPose(poses[4], {391.71428498673856, 1100.4640771829522, 2.7365754617298705});
}

TEST(ArcPathTest, PublishedTurnEndsWhereItSays) {
  ExpectPose(kTurn.At(kTurn.length()), kTurn.end);
  ExpectPose(Discretise(std::array{kTurn}, 0.5).back(), kTurn.end);
}

TEST(ArcPathTest, JointOfTwoPathsOccursTwice) {
  const auto first = Discretise(std::array{kFlat}, 0.5);
  const auto second = Discretise(std::array{kTurn}, 0.5);
  const auto both = Discretise(std::array{kFlat, kTurn}, 0.5);
  ASSERT_EQ(both.size(), first.size() + second.size());
  EXPECT_EQ(both[first.size() - 1], first.back());
  EXPECT_EQ(both[first.size()], second.front());
  ExpectPose(first.back(), second.front());
}

TEST(ArcPathTest, NoPathsGiveNoPoints) { EXPECT_TRUE(Discretise({}, 0.5).empty()); }

TEST(ArcPathTest, PathWithoutLengthGivesItsStartTwice) {
  const ArcPath path = {.start = {1, 2, 0.5}, .end = {1, 2, 0.5}, .radius = 10};
  const auto poses = Discretise(std::array{path}, 0.5);
  ASSERT_EQ(poses.size(), 2u);
  ExpectPose(poses[0], {1, 2, 0.5});
  ExpectPose(poses[1], {1, 2, 0.5});
}

// A quarter circle to the left, 5 m straight, a quarter circle to the right: by hand.
TEST(ArcPathTest, EachShapeBendsAsItsLettersSay) {
  ArcPath path = {.start = {0, 0, 0}, .radius = 10, .lengths = {5 * pi, 5, 5 * pi}};
  path.shape = ArcPath::Shape::kLSR;
  ExpectPose(path.At(5 * pi), {10, 10, pi / 2});
  ExpectPose(path.At(5 * pi + 5), {10, 15, pi / 2});
  ExpectPose(path.At(path.length()), {20, 25, 0});
  path.shape = ArcPath::Shape::kLSL;
  ExpectPose(path.At(path.length()), {0, 25, -pi});
  path.shape = ArcPath::Shape::kRSR;
  ExpectPose(path.At(path.length()), {0, -25, -pi}, 1e-9);
  path.shape = ArcPath::Shape::kRSL;
  ExpectPose(path.At(path.length()), {20, -25, 0});
  path.lengths = {5 * pi, 10 * pi, 5 * pi};
  path.shape = ArcPath::Shape::kLRL;
  ExpectPose(path.At(path.length()), {40, 0, 0});
  ExpectPose(path.At(10 * pi), {20, 20, 0});
  path.shape = ArcPath::Shape::kRLR;
  ExpectPose(path.At(10 * pi), {20, -20, 0});
}

TEST(ArcPathTest, YawStaysBelowPi) {
  const ArcPath path = {.start = {0, 0, pi}, .radius = 10, .lengths = {0, 5, 0}};
  EXPECT_DOUBLE_EQ(path.At(2)[2], -pi);
}

TEST(ArcPathTest, YawStaysAboveMinusPi) {
  const ArcPath path = {
      .start = {0, 0, -3}, .shape = ArcPath::Shape::kRSR, .radius = 10, .lengths = {5, 0, 0}};
  EXPECT_DOUBLE_EQ(path.At(5)[2], 2 * pi - 3.5);
}

TEST(ArcPathTest, ArcLengthBeyondEitherEndIsTheEnd) {
  EXPECT_EQ(kTurn.At(-3), kTurn.At(0));
  EXPECT_EQ(kTurn.At(1000), kTurn.At(kTurn.length()));
  EXPECT_EQ(kTurn.Curvature(1000), 1 / kTurn.radius);
}

TEST(ArcPathTest, CurvatureIsUnsignedAndZeroOnStraightPieces) {
  const ArcPath path = {.shape = ArcPath::Shape::kRSL, .radius = 8, .lengths = {2, 3, 4}};
  EXPECT_EQ(path.Curvature(0), 1.0 / 8);
  EXPECT_EQ(path.Curvature(2), 1.0 / 8);
  EXPECT_EQ(path.Curvature(2.01), 0);
  EXPECT_EQ(path.Curvature(5), 0);
  EXPECT_EQ(path.Curvature(5.01), 1.0 / 8);
}

TEST(ArcPathTest, CurvatureAlongPathsGoesOnFromPathToPath) {
  const ArcPath straight = {.lengths = {0, 10, 0}};
  const ArcPath bend = {.radius = 8, .lengths = {6, 0, 0}};
  const std::array paths = {straight, bend, straight};
  EXPECT_EQ(CurvatureAlong(paths, 4), 0);
  EXPECT_EQ(CurvatureAlong(paths, 10), 0);
  EXPECT_EQ(CurvatureAlong(paths, 10.5), 1.0 / 8);
  EXPECT_EQ(CurvatureAlong(paths, 16), 1.0 / 8);
  EXPECT_EQ(CurvatureAlong(paths, 17), 0);
  EXPECT_EQ(CurvatureAlong({}, 3), 0);
}

// Pieces shorter than the step lie wholly between two points.
TEST(ArcPathTest, PointsLieOnThePathThoughPiecesAreShorterThanTheStep) {
  const ArcPath path = {
      .start = {3, 4, 1}, .shape = ArcPath::Shape::kLRL, .radius = 6, .lengths = {0.2, 0.1, 7.3}};
  const auto poses = Discretise(std::array{path}, 1);
  ASSERT_EQ(poses.size(), 9u);
  for (size_t i = 0; i < poses.size(); ++i)
    ExpectPose(poses[i], path.At(path.length() * static_cast<double>(i) / 8), 1e-12);
}

TEST(ArcPathTest, PointsAreNoFartherApartThanTheStep) {
  for (const double step : {0.1, 0.5, 1.0, 3.0}) {
    const auto poses = Discretise(std::array{kTurn}, step);
    EXPECT_EQ(poses.size(), static_cast<size_t>(std::ceil(kTurn.length() / step)) + 1);
    for (size_t i = 1; i < poses.size(); ++i) {
      EXPECT_LE(std::hypot(poses[i][0] - poses[i - 1][0], poses[i][1] - poses[i - 1][1]),
                step + 1e-9);
    }
  }
}

}  // namespace
}  // namespace occvla::data::nuscenes

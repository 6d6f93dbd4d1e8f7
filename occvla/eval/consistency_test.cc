#include "occvla/eval/consistency.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <numbers>

#include "occvla/base/json.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::eval {
namespace {

using data::Direction;
using data::MetaAction;
using data::Velocity;
using geom::VoxelGrid;
using Track = std::array<std::array<double, 2>, 6>;

// Straight ahead from `speed` m/s on with constant acceleration.
Track Straight(double speed, double acceleration) {
  Track track{};
  for (size_t k = 0; k < track.size(); ++k) {
    const double t = 0.5 * static_cast<double>(k + 1);
    track[k] = {speed * t + acceleration * t * t / 2, 0};
  }
  return track;
}

// An arc at 6 m/s whose heading changes by `degrees` in three seconds, + = left.
Track Arc(double degrees) {
  const double turn = degrees * std::numbers::pi / 180, radius = 18 / turn;
  Track track{};
  for (size_t k = 0; k < track.size(); ++k) {
    const double angle = turn * static_cast<double>(k + 1) / 6;
    track[k] = {radius * std::sin(angle), radius * (1 - std::cos(angle))};
  }
  return track;
}

TEST(ConsistencyTest, MotionIsReadOffTheTrack) {
  EXPECT_NEAR(MotionOf(Straight(5, 1.2)).acceleration_mps2, 1.2, 1e-12);
  EXPECT_NEAR(MotionOf(Straight(5, 1.2)).end_speed_mps, 5 + 1.2 * 2.75, 1e-12);
  EXPECT_NEAR(MotionOf(Arc(60)).turn_deg, 55, 1e-9) << "the last chord's direction";
  EXPECT_GT(MotionOf(Arc(60)).side_m, 4);
  EXPECT_EQ(MotionOf(Track{}).turn_deg, 0);
}

TEST(ConsistencyTest, VelocityIsContradictedOnlyByClearMotion) {
  const auto contradicted = [](double acceleration, Velocity velocity) {
    return ContradictsVelocity(MotionOf(Straight(9, acceleration)), velocity);
  };
  EXPECT_FALSE(contradicted(1, Velocity::kAccelerate));
  EXPECT_FALSE(contradicted(0.25, Velocity::kAccelerate));
  EXPECT_TRUE(contradicted(0.1, Velocity::kAccelerate));
  EXPECT_FALSE(contradicted(-0.25, Velocity::kDecelerate));
  EXPECT_TRUE(contradicted(-0.1, Velocity::kDecelerate));
  EXPECT_FALSE(contradicted(0.7, Velocity::kMaintain));
  EXPECT_TRUE(contradicted(0.9, Velocity::kMaintain));
  EXPECT_TRUE(contradicted(-0.9, Velocity::kMaintain));
}

TEST(ConsistencyTest, DirectionIsContradictedOnlyByClearMotion) {
  const auto contradicted = [](const Track& track, Direction direction) {
    return ContradictsDirection(MotionOf(track), direction);
  };
  EXPECT_FALSE(contradicted(Arc(60), Direction::kTurnLeft));
  EXPECT_TRUE(contradicted(Arc(60), Direction::kTurnRight));
  EXPECT_TRUE(contradicted(Arc(-60), Direction::kTurnLeft));
  EXPECT_TRUE(contradicted(Straight(6, 0), Direction::kTurnLeft));
  EXPECT_TRUE(contradicted(Arc(60), Direction::kGoStraight));
  EXPECT_FALSE(contradicted(Arc(20), Direction::kGoStraight));
  EXPECT_TRUE(contradicted(Straight(6, 0), Direction::kStop));
  EXPECT_FALSE(contradicted(Track{}, Direction::kStop));
  EXPECT_TRUE(contradicted(Track{}, Direction::kGoStraight));
  EXPECT_FALSE(contradicted(Straight(0.4, 0), Direction::kGoStraight)) << "near the border";
  Track shifted = Straight(9, 0);
  for (size_t k = 0; k < shifted.size(); ++k) shifted[k][1] = 0.5 * static_cast<double>(k + 1);
  EXPECT_FALSE(contradicted(shifted, Direction::kChangeLaneLeft));
  EXPECT_TRUE(contradicted(shifted, Direction::kChangeLaneRight));
}

// Mirrored tracks contradict mirrored actions.
TEST(ConsistencyTest, LeftAndRightAreTreatedAlike) {
  for (double degrees = -90; degrees <= 90; degrees += 7.5) {
    if (degrees == 0) continue;
    const TrackMotion one = MotionOf(Arc(degrees)), other = MotionOf(Arc(-degrees));
    EXPECT_EQ(ContradictsDirection(one, Direction::kTurnLeft),
              ContradictsDirection(other, Direction::kTurnRight));
    EXPECT_EQ(ContradictsDirection(one, Direction::kChangeLaneLeft),
              ContradictsDirection(other, Direction::kChangeLaneRight));
    EXPECT_EQ(ContradictsDirection(one, Direction::kGoStraight),
              ContradictsDirection(other, Direction::kGoStraight));
  }
}

data::OccupancyGrid FreeGrid() { return {std::vector<uint8_t>(VoxelGrid::kCount, 17)}; }
void Put(data::OccupancyGrid& grid, double x, double y, double z, uint8_t label) {
  const auto at = VoxelGrid::Locate({x, y, z});
  ASSERT_TRUE(at.has_value());
  grid.labels[VoxelGrid::Index((*at)[0], (*at)[1], (*at)[2])] = label;
}

TEST(ConsistencyTest, FootprintHitsWhatStandsOnTheTrack) {
  const Track track = Straight(6, 0);  // The origin gets to 18 m, the bumper to 21.5 m.
  data::OccupancyGrid grid = FreeGrid();
  Put(grid, 15, 0.3, 0.5, 15);  // A wall.
  Put(grid, 21, -0.5, 0.5, 4);  // A car.
  Put(grid, 10, 0, -0.9, 11);   // Road.
  Put(grid, 10, 0, 0.5, 13);    // A sidewalk, though high: ground is no obstacle.
  Put(grid, 12, 0, 3, 16);      // Leaves above.
  Put(grid, 12, 1.4, 0.5, 15);  // Beside the track: 0.925 m is half the width.
  Put(grid, 22.3, 0, 0.5, 15);  // Beyond its end.
  Put(grid, 2, 0, 0.5, 4);      // Under the car as it stands.
  const FootprintHits hits = CoveredVoxels(track, grid);
  EXPECT_EQ(hits.fixed, 1);
  EXPECT_EQ(hits.movable, 1);
}

TEST(ConsistencyTest, FootprintTurnsWithTheTrack) {
  Track track{};  // To the left, across the car's axis.
  for (size_t k = 0; k < track.size(); ++k) track[k] = {0, 2.0 * static_cast<double>(k + 1)};
  data::OccupancyGrid grid = FreeGrid();
  Put(grid, 0.3, 15, 0.5, 1);  // 12 m and 3.53 m of bonnet.
  Put(grid, 1.8, 10, 0.5, 1);  // Beyond half the width.
  EXPECT_EQ(CoveredVoxels(track, grid).fixed, 1);
}

// At 45 degrees a footprint is long along the track and narrow across it.
TEST(ConsistencyTest, FootprintLiesAlongASlantingTrack) {
  Track track{};
  for (size_t k = 0; k < track.size(); ++k) track[k].fill(2.0 * static_cast<double>(k + 1));
  data::OccupancyGrid grid = FreeGrid();
  Put(grid, 13.9, 13.9, 0.5, 1);  // 19.7 m along; the bumper gets to 16.97 m + 3.53 m.
  Put(grid, 12.6, 15.4, 0.5, 1);  // As far, but 2 m beside it.
  EXPECT_EQ(CoveredVoxels(track, grid).fixed, 1);
}

TEST(ConsistencyTest, TracksOutOfTheGridAreHarmless) {
  Track track = Straight(6, 0);
  track[3] = {1e12, -1e12};
  EXPECT_EQ(CoveredVoxels(track, FreeGrid()).fixed, 0);
  track[0] = {60, 60};
  EXPECT_EQ(CoveredVoxels(track, FreeGrid()).fixed, 0);
}

data::Prediction Predicted(const std::string& token, const std::string& text) {
  data::Prediction prediction;
  prediction.token = token;
  prediction.text = text;
  prediction.trajectory_E = Straight(9, 1);
  prediction.meta_action = MetaAction{Velocity::kAccelerate, Direction::kGoStraight};
  return prediction;
}

TEST(ConsistencyTest, RatesCountOnlyFramesThatCanBeJudged) {
  std::vector<data::Prediction> predictions = {
      Predicted("a", "Accelerate, Go Straight"), Predicted("b", "Let us see"),
      Predicted("c", "Meta action: Decelerate, Turn Left"), Predicted("d", "Accelerate, Stop")};
  predictions[1].meta_action = MetaAction{Velocity::kDecelerate, Direction::kStop};
  predictions[2].occupancy = FreeGrid();
  Put(*predictions[2].occupancy, 15, 0, 0.5, 15);
  predictions[3].trajectory_E.reset();
  std::vector<FrameConsistency> frames;
  for (const auto& prediction : predictions) frames.push_back(CheckConsistency(prediction));
  const auto rates = ConsistencyRates(frames);
  ASSERT_EQ(rates.size(), 6U);
  const auto expect = [&](size_t i, const std::string& name, int64_t judged,
                          const std::vector<std::string>& tokens) {
    EXPECT_EQ(rates[i].name, name);
    EXPECT_EQ(rates[i].judged, judged) << name;
    EXPECT_EQ(rates[i].tokens, tokens) << name;
  };
  expect(0, "velocity_contradicted", 3, {"b"});
  expect(1, "direction_contradicted", 3, {"b"});
  expect(2, "footprint_hits_fixed", 1, {"c"});
  expect(3, "footprint_hits_movable", 1, {});
  expect(4, "text_unparsable", 4, {"b"});
  expect(5, "text_differs", 3, {"c", "d"});
  EXPECT_DOUBLE_EQ(*rates[0].Rate(), 1.0 / 3);
  const auto report = nlohmann::json::parse(ConsistencyReportJson(rates));
  EXPECT_EQ(report["text_unparsable"],
            nlohmann::json::parse(R"({"rate": 0.25, "judged": 4, "frames": ["b"]})"));
}

}  // namespace
}  // namespace occvla::eval

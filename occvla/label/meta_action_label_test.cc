#include "occvla/label/meta_action_label.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <memory>
#include <numbers>

#include "occvla/data/nuscenes/map.h"

namespace occvla::label {
namespace {

using data::Direction;
using data::Velocity;
using data::nuscenes::ArcPath;
using data::nuscenes::Map;
using data::nuscenes::MapRecords;

constexpr double kDegree = std::numbers::pi / 180;

/// One constant curvature (1 / radius, left +; 0 = straight) from a pose on.
ArcPath Arc(std::array<double, 3> start, double length, double curvature) {
  ArcPath path;
  path.start = start;
  path.radius = curvature == 0 ? 1000 : 1 / std::abs(curvature);
  path.shape = curvature < 0 ? ArcPath::Shape::kRSR : ArcPath::Shape::kLSL;
  path.lengths =
      curvature == 0 ? std::array<double, 3>{0, length, 0} : std::array<double, 3>{length, 0, 0};
  path.end = path.At(length);
  return path;
}

/// Lanes without areas: their centrelines and what follows what. Lanes come before connectors.
struct Roads {
  void Lane(const ArcPath& path) {
    map.lanes.emplace_back().token = "lane-" + std::to_string(map.lanes.size());
    Add(path);
  }
  void Connector(const ArcPath& path) {
    map.lane_connectors.push_back(
        {"connector-" + std::to_string(map.lane_connectors.size()), MapRecords::kNone});
    Add(path);
  }
  void Join(uint32_t from, uint32_t to) {
    map.outgoing[from].push_back(to);
    map.incoming[to].push_back(from);
  }
  /// Left for right, by y -> -y.
  Roads Mirrored() const {
    Roads roads = *this;
    for (auto& paths : roads.map.paths) {
      for (ArcPath& path : paths) {
        for (auto* pose : {&path.start, &path.end}) (*pose)[1] *= -1, (*pose)[2] *= -1;
        path.shape =
            path.shape == ArcPath::Shape::kLSL ? ArcPath::Shape::kRSR : ArcPath::Shape::kLSL;
      }
    }
    return roads;
  }

  MapRecords map;

 private:
  void Add(const ArcPath& path) {
    map.paths.push_back({path});
    map.incoming.emplace_back();
    map.outgoing.emplace_back();
  }
};

using Drive = std::function<PlanePose(double)>;

/// Three seconds of a drive from t = 0 on, over roads or, without, by geometry.
MetaActionLabel LabelOf(const Drive& drive, const Roads* roads, double slower = 1,
                        const MetaActionRules& rules = {}) {
  std::optional<Map> map;
  std::optional<LaneNetwork> lanes;
  if (roads != nullptr) {
    map.emplace(roads->map);
    lanes.emplace(*map, rules.matching);
  }
  std::array<double, kWindow> times{};
  std::array<LanePlace, kWindow> places;
  for (size_t k = 0; k < kWindow; ++k) {
    const double t = 0.5 * static_cast<double>(k);
    times[k] = t * slower;
    places[k] = lanes ? lanes->Place(drive(t)) : LanePlace{.pose = drive(t), .candidates = {}};
  }
  return LabelWindow(times, places, lanes ? &*lanes : nullptr, rules);
}

PlanePose OnArc(const ArcPath& path, double s) {
  const auto [x, y, yaw] = path.At(std::clamp(s, 0.0, path.length()));
  const double past = s - std::clamp(s, 0.0, path.length());
  return {{x + past * std::cos(yaw), y + past * std::sin(yaw)}, yaw};
}

Drive Mirrored(const Drive& drive) {
  return [drive](double t) {
    const PlanePose pose = drive(t);
    return PlanePose{{pose.p_G.x(), -pose.p_G.y()}, -pose.yaw};
  };
}

/// 3.5 m to the left within three seconds, at 10 m/s.
PlanePose ChangingLeft(double t) {
  const double part = std::clamp(t / 3, 0.0, 1.0);
  const double y = 3.5 * part * part * (3 - 2 * part);
  return {{5 + 10 * t, y}, std::atan2(3.5 * 6 * part * (1 - part) / 3, 10)};
}

Roads TwoLanes() {
  Roads roads;
  roads.Lane(Arc({0, 0, 0}, 100, 0));
  roads.Lane(Arc({0, 3.5, 0}, 100, 0));
  return roads;
}

/// A lane to x = 20, a junction of 12 m, lanes straight on and to the left.
Roads Junction() {
  const double quarter = 12 * std::numbers::pi / 2;
  Roads roads;
  roads.Lane(Arc({0, 0, 0}, 20, 0));
  roads.Lane(Arc({32, 0, 0}, 60, 0));
  roads.Lane(Arc({32, 12, std::numbers::pi / 2}, 60, 0));
  roads.Connector(Arc({20, 0, 0}, 12, 0));
  roads.Connector(Arc({20, 0, 0}, quarter, 1.0 / 12));
  roads.Join(0, 3);
  roads.Join(0, 4);
  roads.Join(3, 1);
  roads.Join(4, 2);
  return roads;
}

PlanePose TurningLeft(double t) {
  const double s = 8 * t;  // From x = 14 on.
  return s < 6 ? PlanePose{{14 + s, 0}, 0}
               : OnArc(Arc({20, 0, 0}, 6 * std::numbers::pi, 1.0 / 12), s - 6);
}

TEST(MetaActionLabelTest, AStationaryCarStopsAndMaintains) {
  const Roads roads = TwoLanes();
  const auto label = LabelOf([](double) { return PlanePose{{10, 0}, 0}; }, &roads);
  EXPECT_EQ(ToString(label.action), "Maintain speed, Stop");
  EXPECT_EQ(label.evidence.rule, DirectionRule::kAtRest);
  EXPECT_GT(label.confidence(), 0.9);
}

TEST(MetaActionLabelTest, AStopNeedsTheLastSecondOrAllOfItAsAsked) {
  const Roads roads = TwoLanes();
  const Drive braking = [](double t) {
    const double moved = std::min(t, 1.5);
    return PlanePose{{10 + 6 * moved - 2 * moved * moved, 0}, 0};
  };
  EXPECT_EQ(ToString(LabelOf(braking, &roads).action), "Decelerate, Stop");
  MetaActionRules always;
  always.speed.stop = StopMode::kAlways;
  EXPECT_EQ(ToString(LabelOf(braking, &roads, 1, always).action), "Decelerate, Go Straight");
}

// v = 5 + a t: the slope of the mean speeds is a.
TEST(MetaActionLabelTest, VelocityIsTheSlopeOfSpeed) {
  const Roads roads = TwoLanes();
  const auto with = [&](double a) {
    return LabelOf([a](double t) { return PlanePose{{5 + 5 * t + a * t * t / 2, 0}, 0}; }, &roads);
  };
  EXPECT_NEAR(with(0.7).evidence.acceleration, 0.7, 1e-9);
  EXPECT_EQ(with(0.41).action.velocity, Velocity::kAccelerate);
  EXPECT_EQ(with(0.39).action.velocity, Velocity::kMaintain);
  EXPECT_EQ(with(-0.39).action.velocity, Velocity::kMaintain);
  EXPECT_EQ(with(-0.41).action.velocity, Velocity::kDecelerate);
  EXPECT_GT(with(2).velocity_confidence, with(0.5).velocity_confidence);
  EXPECT_NEAR(with(0.4).velocity_confidence, 0.5, 1e-6);
}

TEST(MetaActionLabelTest, AJunctionsConnectorIsATurn) {
  const Roads roads = Junction();
  const auto label = LabelOf(TurningLeft, &roads);
  EXPECT_EQ(label.action.direction, Direction::kTurnLeft);
  EXPECT_EQ(label.evidence.rule, DirectionRule::kConnector);
  EXPECT_EQ(label.evidence.connector, 4U);
  EXPECT_NEAR(label.evidence.yaw_change, 18.0 / 12, 1e-9);
}

TEST(MetaActionLabelTest, ATurnThatHasOnlyBegunCountsFromTenDegrees) {
  const Roads roads = Junction();
  const auto begun = [&](double deg) {
    return LabelOf(
               [deg](double t) {
                 const double s = 12 * deg * kDegree;  // Into the connector at the end.
                 const PlanePose end =
                     OnArc(Arc({20, 0, 0}, 6 * std::numbers::pi, 1.0 / 12), s - 4 * (3 - t));
                 return end.p_G.x() > 20 || s > 4 * (3 - t)
                            ? end
                            : PlanePose{{20 + s - 4 * (3 - t), 0}, 0};
               },
               &roads)
        .action.direction;
  };
  EXPECT_EQ(begun(14), Direction::kTurnLeft);
  EXPECT_EQ(begun(8), Direction::kGoStraight);
}

TEST(MetaActionLabelTest, StraightThroughAForkIsNoLaneChangeAndNoTurn) {
  const Roads roads = Junction();
  const auto label = LabelOf([](double t) { return PlanePose{{12 + 10 * t, 0}, 0}; }, &roads);
  EXPECT_EQ(ToString(label.action), "Maintain speed, Go Straight");
  EXPECT_NEAR(label.evidence.lane_shift.value(), 0, 1e-9);
}

// One lane parts into two lanes 3.5 m aside of each other, as where a pocket opens.
TEST(MetaActionLabelTest, AForkOfOneLaneIsNoLaneChange) {
  Roads roads;
  roads.Lane(Arc({0, 0, 0}, 20, 0));
  roads.Lane(Arc({50, 0, 0}, 50, 0));
  roads.Lane(Arc({50, 3.5, 0}, 50, 0));
  roads.Connector(Arc({20, 0, 0}, 30, 0));
  ArcPath s_curve = Arc({20, 0, 0}, 30, 0);
  const double radius = 65, angle = std::acos(1 - 1.75 / radius);
  s_curve.shape = ArcPath::Shape::kLSR;
  s_curve.radius = radius;
  s_curve.lengths = {radius * angle, 30 - 2 * radius * std::sin(angle), radius * angle};
  s_curve.end = s_curve.At(s_curve.length());
  roads.Connector(s_curve);
  for (const uint32_t connector : {3, 4}) roads.Join(0, connector);
  roads.Join(3, 1);
  roads.Join(4, 2);
  const auto label = LabelOf(
      [&](double t) {
        const double s = 12 * t;
        return s < 4 ? PlanePose{{16 + s, 0}, 0} : OnArc(s_curve, s - 4);
      },
      &roads);
  EXPECT_GT(label.evidence.end_E[1], 3) << "it does go aside";
  EXPECT_EQ(label.action.direction, Direction::kGoStraight);
  EXPECT_LT(std::abs(label.evidence.lane_shift.value()), 0.3);
}

TEST(MetaActionLabelTest, AGentleCurveIsStraightAndSoIsARoadsBend) {
  for (const double radius : {500.0, 60.0}) {
    Roads roads;
    const ArcPath curve = Arc({0, 0, 0}, 100, 1 / radius);
    roads.Lane(curve);
    const auto label = LabelOf([&](double t) { return OnArc(curve, 5 + 12 * t); }, &roads);
    EXPECT_EQ(label.action.direction, Direction::kGoStraight) << radius;
    EXPECT_EQ(label.evidence.rule, DirectionRule::kLane);
  }
}

TEST(MetaActionLabelTest, SoMuchHeadingIsATurnWhereverItIs) {
  Roads roads;
  const ArcPath bend = Arc({0, 0, 0}, 60, 1.0 / 20);
  roads.Lane(bend);
  const auto label = LabelOf([&](double t) { return OnArc(bend, 5 + 8 * t); }, &roads);
  EXPECT_EQ(label.action.direction, Direction::kTurnLeft);
  EXPECT_EQ(label.evidence.rule, DirectionRule::kHeading);
}

TEST(MetaActionLabelTest, OverToTheLaneBesideIsALaneChange) {
  const Roads roads = TwoLanes();
  const auto label = LabelOf(ChangingLeft, &roads);
  EXPECT_EQ(ToString(label.action), "Maintain speed, Change Lane Left");
  EXPECT_EQ(label.evidence.rule, DirectionRule::kLaneShift);
  EXPECT_NEAR(label.evidence.lane_shift.value(), 3.5, 1e-6);
}

TEST(MetaActionLabelTest, AsideWhereNoLaneIsBesideIsStraight) {
  Roads roads;
  roads.Lane(Arc({0, 0, 0}, 100, 0));
  const auto label = LabelOf(
      [](double t) {
        return PlanePose{{5 + 10 * t, t / 3 * 2}, 0.066};
      },
      &roads);
  EXPECT_EQ(label.action.direction, Direction::kGoStraight);
  EXPECT_EQ(label.evidence.rule, DirectionRule::kShiftWithoutLane);
}

TEST(MetaActionLabelTest, MirroredRoadsAndPosesSwapLeftAndRight) {
  const std::pair<Roads, Drive> left[] = {{Junction(), TurningLeft}, {TwoLanes(), ChangingLeft}};
  const Direction right[] = {Direction::kTurnRight, Direction::kChangeLaneRight};
  for (size_t i = 0; i < 2; ++i) {
    const auto& [roads, drive] = left[i];
    const Roads mirrored = roads.Mirrored();
    const auto label = LabelOf(drive, &roads), other = LabelOf(Mirrored(drive), &mirrored);
    EXPECT_EQ(other.action.direction, right[i]);
    EXPECT_EQ(other.action.velocity, label.action.velocity);
    EXPECT_NEAR(other.confidence(), label.confidence(), 1e-9);
    EXPECT_NEAR(other.evidence.yaw_change, -label.evidence.yaw_change, 1e-9);
    EXPECT_EQ(other.evidence.lanes, label.evidence.lanes);
    const auto by_geometry = LabelOf(drive, nullptr),
               other_by_geometry = LabelOf(Mirrored(drive), nullptr);
    EXPECT_NE(by_geometry.action.direction, other_by_geometry.action.direction);
    EXPECT_NEAR(by_geometry.confidence(), other_by_geometry.confidence(), 1e-9);
  }
}

TEST(MetaActionLabelTest, TheSamePlacesSlowerHaveTheSameDirection) {
  const Roads junction = Junction(), two = TwoLanes();
  for (const double slower : {0.5, 1.0, 1.5, 3.0}) {
    const auto turn = LabelOf(TurningLeft, &junction, slower);
    EXPECT_EQ(turn.action.direction, Direction::kTurnLeft);
    EXPECT_NEAR(turn.evidence.speeds[0], 8 / slower, 1e-9);
    EXPECT_EQ(LabelOf(ChangingLeft, &two, slower).action.direction, Direction::kChangeLaneLeft);
  }
}

TEST(MetaActionLabelTest, WithoutAMapGeometryDecidesAndSaysSo) {
  const auto label = LabelOf(TurningLeft, nullptr);
  EXPECT_EQ(label.action.direction, Direction::kTurnLeft);
  EXPECT_EQ(label.evidence.fallback, Fallback::kNoMap);
  EXPECT_EQ(label.evidence.rule, DirectionRule::kAside);
  EXPECT_LE(label.direction_confidence, kFallbackTrust);
  EXPECT_EQ(LabelOf(ChangingLeft, nullptr).action.direction, Direction::kChangeLaneLeft);
  EXPECT_EQ(LabelOf(
                [](double t) {
                  return PlanePose{{10 * t, 0}, 0};
                },
                nullptr)
                .action.direction,
            Direction::kGoStraight);
}

TEST(MetaActionLabelTest, OffTheLanesGeometryDecides) {
  const Roads roads = TwoLanes();
  const auto label = LabelOf([](double t) { return PlanePose{{10 * t, 40}, 0}; }, &roads);
  EXPECT_EQ(label.evidence.fallback, Fallback::kFewLanes);
  EXPECT_EQ(label.action.direction, Direction::kGoStraight);
}

}  // namespace
}  // namespace occvla::label

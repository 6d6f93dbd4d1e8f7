#include "occvla/eval/planning/obstacles.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <unordered_map>
#include <unordered_set>

namespace occvla::eval {
namespace {

using data::nuscenes::PlanningAgent;
using data::nuscenes::PlanningTruth;

// The nuScenes detection classes; the first eight are UniAD's and BEV-Planner's vehicles, the first
// twelve are vehicles and people.
constexpr std::array<std::string_view, 14> kClasses = {"vehicle.car",
                                                       "vehicle.truck",
                                                       "vehicle.construction",
                                                       "vehicle.bus.bendy",
                                                       "vehicle.bus.rigid",
                                                       "vehicle.trailer",
                                                       "vehicle.motorcycle",
                                                       "vehicle.bicycle",
                                                       "human.pedestrian.adult",
                                                       "human.pedestrian.child",
                                                       "human.pedestrian.construction_worker",
                                                       "human.pedestrian.police_officer",
                                                       "movable_object.barrier",
                                                       "movable_object.trafficcone"};
constexpr size_t kVehicleClasses = 8, kMovingClasses = 12;

constexpr uint8_t Bit(ObstacleRule rule) {
  return static_cast<uint8_t>(1U << static_cast<unsigned>(rule));
}

size_t ClassOf(std::string_view category) {
  const auto* const found = std::find(kClasses.begin(), kClasses.end(), category);
  return static_cast<size_t>(found - kClasses.begin());
}

// Rules that follow the tracks which are there at t0 and that this track fulfils at t0.
uint8_t RulesNow(const PlanningAgent& agent, const PlanningTruth& truth) {
  uint8_t rules = 0;
  const double dx = agent.x_E - truth.lidar_translation[0];
  const double dy = agent.y_E - truth.lidar_translation[1];
  const double cosine = std::cos(truth.lidar_yaw), sine = std::sin(truth.lidar_yaw);
  const double x_L = cosine * dx + sine * dy, y_L = cosine * dy - sine * dx;
  if (ClassOf(agent.category) < kMovingClasses && agent.lidar_points > 0 && std::abs(x_L) < 15 &&
      std::abs(y_L) < 30)
    rules |= Bit(ObstacleRule::kVad);
  const bool vehicle = agent.category.starts_with("vehicle");
  if ((vehicle || agent.category.starts_with("human")) &&
      agent.lidar_points + agent.radar_points > 0)
    rules |= Bit(ObstacleRule::kOccWorld);
  if (vehicle) rules |= Bit(ObstacleRule::kOmniDrive);
  return rules;
}

// Rules that look at the annotations of the step itself.
uint8_t RulesThen(const PlanningAgent& agent, bool seen) {
  uint8_t rules = 0;
  if (ClassOf(agent.category) < kVehicleClasses) {
    rules |= Bit(ObstacleRule::kUniad);
    if (agent.lidar_points + agent.radar_points > 0) rules |= Bit(ObstacleRule::kBevPlanner);
  }
  const auto contains = [&](std::string_view word) {
    return agent.category.find(word) != std::string::npos;
  };
  if (seen && (contains("vehicle") || contains("human"))) rules |= Bit(ObstacleRule::kStp3);
  return rules;
}

std::array<std::array<double, 2>, 4> CornersOf(const PlanningAgent& agent) {
  const double cosine = std::cos(agent.yaw_E), sine = std::sin(agent.yaw_E);
  std::array<std::array<double, 2>, 4> corners{};
  constexpr std::array<std::array<int, 2>, 4> kSigns = {{{1, 1}, {1, -1}, {-1, -1}, {-1, 1}}};
  for (size_t corner = 0; corner < 4; ++corner) {
    const double along = kSigns[corner][0] * agent.length / 2;
    const double across = kSigns[corner][1] * agent.width / 2;
    corners[corner] = {agent.x_E + cosine * along - sine * across,
                       agent.y_E + sine * along + cosine * across};
  }
  return corners;
}

int64_t Rounded(double value) { return static_cast<int64_t>(std::nearbyint(value)); }

}  // namespace

int ImageSize(ObstacleRule rule) {
  return rule == ObstacleRule::kBevPlanner || rule == ObstacleRule::kOmniDrive ? 1000 : 200;
}

ObstaclesOfFrame FindObstacles(const PlanningTruth& truth) {
  std::unordered_map<std::string_view, uint8_t> now;
  for (const PlanningAgent& agent : truth.agents_now) now.emplace(agent.id, RulesNow(agent, truth));
  const std::unordered_set<std::string_view> seen(truth.seen.begin(), truth.seen.end());
  ObstaclesOfFrame obstacles;
  for (size_t step = 0; step < 6; ++step) {
    obstacles[step].reserve(truth.agents[step].size());
    for (const PlanningAgent& agent : truth.agents[step]) {
      uint8_t rules = RulesThen(agent, seen.contains(agent.id));
      if (const auto found = now.find(agent.id); found != now.end()) rules |= found->second;
      if (rules != 0) obstacles[step].push_back({CornersOf(agent), rules});
    }
  }
  return obstacles;
}

CellPlacer::CellPlacer(ObstacleRule rule, const PlanningTruth& truth, size_t step) : rule_(rule) {
  double yaw = 0;
  origin_ = {0, 0};
  if (rule == ObstacleRule::kStp3) {
    origin_ = truth.positions_E[step];
    yaw = truth.yaws_E[step];
  } else if (ImageSize(rule) == 200) {
    origin_ = {truth.lidar_translation[0], truth.lidar_translation[1]};
    yaw = truth.lidar_yaw;
  }
  cosine_ = std::cos(yaw);
  sine_ = std::sin(yaw);
}

Cell CellPlacer::Place(const std::array<double, 2>& p_E) const {
  const double dx = p_E[0] - origin_[0], dy = p_E[1] - origin_[1];
  const double x = cosine_ * dx + sine_ * dy, y = cosine_ * dy - sine_ * dx;
  switch (rule_) {
    case ObstacleRule::kStp3:
      return {Rounded((x + 50) / 0.5), Rounded((y + 50) / 0.5)};
    case ObstacleRule::kUniad:
      return {Rounded((y + 50) / 0.5), Rounded((x + 50) / 0.5)};
    case ObstacleRule::kVad:
    case ObstacleRule::kOccWorld:
      return {Rounded((-y + 50) / 0.5), Rounded((x + 50) / 0.5)};
    case ObstacleRule::kBevPlanner:
      return {static_cast<int64_t>((y + 49.95) / 0.1), static_cast<int64_t>((x + 49.95) / 0.1)};
    case ObstacleRule::kOmniDrive:
      break;
  }
  return {Rounded((y + 50) / 0.1), Rounded((x + 50) / 0.1)};
}

std::array<Cell, 4> CellPlacer::Corners(
    const std::array<std::array<double, 2>, 4>& corners_E) const {
  std::array<Cell, 4> cells;
  for (size_t corner = 0; corner < 4; ++corner) cells[corner] = Place(corners_E[corner]);
  return cells;
}

Cell WarpSource(const Cell& cell, const std::array<double, 2>& p_E, double yaw_E) {
  const double v = (static_cast<double>(cell.row) + 0.5) / 100 - 1;
  const double u = (static_cast<double>(cell.column) + 0.5) / 100 - 1;
  const double cosine = std::cos(yaw_E), sine = std::sin(yaw_E);
  const double from_u = cosine * u - sine * v + p_E[1] / 50;
  const double from_v = sine * u + cosine * v - p_E[0] / 50;
  return {Rounded(100 * (from_v + 1) - 0.5), Rounded(100 * (from_u + 1) - 0.5)};
}

CellImage DrawObstacles(ObstacleRule rule, const PlanningTruth& truth, size_t step) {
  CellImage image(ImageSize(rule));
  if (rule == ObstacleRule::kUniad && !truth.valid[step]) {
    image.SetAll();
    return image;
  }
  const CellPlacer placer(rule, truth, step);
  const ObstaclesOfFrame obstacles = FindObstacles(truth);
  for (const Obstacle& obstacle : obstacles[step])
    if (obstacle.DrawnBy(rule)) image.Fill(placer.Corners(obstacle.corners_E));
  if (rule != ObstacleRule::kStp3) return image;
  CellImage warped(image.size());
  for (int row = 0; row < image.size(); ++row) {
    for (int column = 0; column < image.size(); ++column) {
      const Cell from = WarpSource({row, column}, truth.positions_E[step], truth.yaws_E[step]);
      if (image.IsSet(from.row, from.column)) warped.Set(row, column);
    }
  }
  return warped;
}

}  // namespace occvla::eval

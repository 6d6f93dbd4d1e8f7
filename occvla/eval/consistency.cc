#include "occvla/eval/consistency.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iomanip>
#include <numbers>
#include <sstream>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/json.h"
#include "occvla/data/text/prompt.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::eval {
namespace {

using geom::VoxelGrid;
using Track = std::array<std::array<double, 2>, 6>;

constexpr double kStep_s = 0.5;
// A step that moves less has no direction of its own.
constexpr double kDirectedStep_m = 0.25;
// The car of nuScenes as the published collision checks draw it.
constexpr double kLength_m = 4.084, kWidth_m = 1.85, kCentreAhead_m = 0.5 + 0.985793;
constexpr double kLow_m = 0.2, kHigh_m = 1.6;
constexpr double kStride_m = 0.4;
// Beyond it from E's origin no voxel can be covered.
constexpr double kReach_m = 65;

struct Place {
  double x = 0, y = 0, yaw = 0;
};

bool IsGround(uint8_t label) { return 11 <= label && label <= 14; }
bool IsFixed(uint8_t label) { return label == 1 || label == 8 || label == 15 || label == 16; }

// The places of the car along the track, one behind the other, beginning with where it stands now.
std::vector<Place> PlacesOf(const Track& trajectory_E) {
  std::vector<Place> places = {{}};
  for (const auto& [x, y] : trajectory_E) {
    const Place from = places.back();
    const double dx = x - from.x, dy = y - from.y, length = std::hypot(dx, dy);
    const double yaw = length >= kDirectedStep_m ? std::atan2(dy, dx) : from.yaw;
    if (std::hypot(x, y) > kReach_m || length > 2 * kReach_m) return places;
    const int parts = std::max(1, static_cast<int>(std::ceil(length / kStride_m)));
    for (int part = 1; part <= parts; ++part) {
      const double share = static_cast<double>(part) / parts;
      places.push_back({from.x + share * dx, from.y + share * dy, yaw});
    }
  }
  return places;
}

// Calls `visit(i, j)` for the columns of voxels whose centre lies in the footprint.
template <typename Visit>
void VisitFootprint(const Place& place, Visit&& visit) {
  const double c = std::cos(place.yaw), s = std::sin(place.yaw);
  const double x = place.x + kCentreAhead_m * c, y = place.y + kCentreAhead_m * s;
  const double reach = std::hypot(kLength_m, kWidth_m) / 2;
  const auto first = [&](double at, double minimum) {
    return std::max(0, static_cast<int>(std::floor((at - reach - minimum) / VoxelGrid::kVoxel)));
  };
  const auto last = [&](double at, double minimum, int size) {
    return std::min(size - 1,
                    static_cast<int>(std::ceil((at + reach - minimum) / VoxelGrid::kVoxel)));
  };
  for (int i = first(x, VoxelGrid::kMinX); i <= last(x, VoxelGrid::kMinX, VoxelGrid::kX); ++i) {
    for (int j = first(y, VoxelGrid::kMinY); j <= last(y, VoxelGrid::kMinY, VoxelGrid::kY); ++j) {
      const Eigen::Vector3d centre_E = VoxelGrid::Centre(i, j, 0);
      const double dx = centre_E.x() - x, dy = centre_E.y() - y;
      if (std::fabs(c * dx + s * dy) <= kLength_m / 2 && std::fabs(c * dy - s * dx) <= kWidth_m / 2)
        visit(i, j);
    }
  }
}

}  // namespace

TrackMotion MotionOf(const Track& trajectory_E) {
  TrackMotion motion;
  std::array<double, 6> speeds{};
  std::array<double, 2> from = {0, 0};
  for (size_t k = 0; k < trajectory_E.size(); ++k) {
    const double dx = trajectory_E[k][0] - from[0], dy = trajectory_E[k][1] - from[1];
    speeds[k] = std::hypot(dx, dy) / kStep_s;
    if (speeds[k] * kStep_s >= kDirectedStep_m)
      motion.turn_deg = std::atan2(dy, dx) * 180 / std::numbers::pi;
    from = trajectory_E[k];
  }
  // Mid-times are 0.25 s, 0.75 s, ...: 1.5 s on average, squares about it sum up to 4.375 s^2.
  for (size_t k = 0; k < speeds.size(); ++k)
    motion.acceleration_mps2 +=
        (kStep_s * (static_cast<double>(k) + 0.5) - 1.5) * speeds[k] / 4.375;
  motion.speed_before_mps = speeds[4];
  motion.end_speed_mps = speeds[5];
  motion.side_m = trajectory_E[5][1];
  return motion;
}

bool ContradictsVelocity(const TrackMotion& motion, data::Velocity velocity,
                         const ConsistencyThresholds& thresholds) {
  switch (velocity) {
    case data::Velocity::kAccelerate:
      return motion.acceleration_mps2 < thresholds.least_gain_mps2;
    case data::Velocity::kDecelerate:
      return motion.acceleration_mps2 > -thresholds.least_gain_mps2;
    case data::Velocity::kMaintain:
      break;
  }
  return std::fabs(motion.acceleration_mps2) > thresholds.most_drift_mps2;
}

bool ContradictsDirection(const TrackMotion& motion, data::Direction direction,
                          const ConsistencyThresholds& thresholds) {
  if (direction == data::Direction::kStop) return motion.end_speed_mps > thresholds.moving_mps;
  if (std::max(motion.speed_before_mps, motion.end_speed_mps) < thresholds.stopped_mps) return true;
  const auto turns = [&](double side) {
    return side * motion.turn_deg >= thresholds.least_turn_deg ||
           side * motion.side_m >= thresholds.least_side_m;
  };
  switch (direction) {
    case data::Direction::kTurnLeft:
      return !turns(1);
    case data::Direction::kTurnRight:
      return !turns(-1);
    case data::Direction::kChangeLaneLeft:
      return motion.side_m < thresholds.least_shift_m;
    case data::Direction::kChangeLaneRight:
      return -motion.side_m < thresholds.least_shift_m;
    default:
      return std::fabs(motion.turn_deg) > thresholds.most_straight_deg;
  }
}

FootprintHits CoveredVoxels(const Track& trajectory_E, const data::OccupancyGrid& occupancy) {
  OCCVLA_DCHECK(occupancy.labels.size() == VoxelGrid::kCount);
  std::vector<bool> seen(size_t{VoxelGrid::kX} * VoxelGrid::kY);
  FootprintHits hits;
  bool now = true;
  for (const Place& place : PlacesOf(trajectory_E)) {
    VisitFootprint(place, [&](int i, int j) {
      const size_t column = static_cast<size_t>(i) * VoxelGrid::kY + static_cast<size_t>(j);
      if (seen[column]) return;
      seen[column] = true;
      if (now) return;
      for (int k = 0; k < VoxelGrid::kZ; ++k) {
        const double z = VoxelGrid::Centre(i, j, k).z();
        const uint8_t label = occupancy.labels[VoxelGrid::Index(i, j, k)];
        if (z < kLow_m || z > kHigh_m || label >= data::kFreeClass || IsGround(label)) continue;
        ++(IsFixed(label) ? hits.fixed : hits.movable);
      }
    });
    now = false;
  }
  return hits;
}

FrameConsistency CheckConsistency(const data::Prediction& prediction,
                                  const ConsistencyThresholds& thresholds) {
  FrameConsistency frame;
  frame.token = prediction.token;
  if (prediction.trajectory_E && prediction.meta_action) {
    const TrackMotion motion = MotionOf(*prediction.trajectory_E);
    frame.velocity_contradicted =
        ContradictsVelocity(motion, prediction.meta_action->velocity, thresholds);
    frame.direction_contradicted =
        ContradictsDirection(motion, prediction.meta_action->direction, thresholds);
  }
  if (prediction.trajectory_E && prediction.occupancy) {
    const FootprintHits hits = CoveredVoxels(*prediction.trajectory_E, *prediction.occupancy);
    frame.hits_fixed = hits.fixed > 0;
    frame.hits_movable = hits.movable > 0;
  }
  if (prediction.meta_action || !prediction.text.empty()) {
    auto action = data::ParseMetaAction(prediction.text);
    if (!action) {
      const data::ParsedAnswer parsed = data::ParseChainOfThought(prediction.text, {});
      if (parsed.source == data::MetaActionSource::kAnswer) action = parsed.meta_action;
    }
    frame.unparsable = !action;
    if (action && prediction.meta_action) frame.text_differs = *action != *prediction.meta_action;
  }
  return frame;
}

std::optional<double> ConsistencyRate::Rate() const {
  if (judged == 0) return std::nullopt;
  return static_cast<double>(tokens.size()) / static_cast<double>(judged);
}

std::vector<ConsistencyRate> ConsistencyRates(std::span<const FrameConsistency> frames) {
  using Field = std::optional<bool> FrameConsistency::*;
  constexpr std::array<std::pair<const char*, Field>, 6> kKinds{{
      {"velocity_contradicted", &FrameConsistency::velocity_contradicted},
      {"direction_contradicted", &FrameConsistency::direction_contradicted},
      {"footprint_hits_fixed", &FrameConsistency::hits_fixed},
      {"footprint_hits_movable", &FrameConsistency::hits_movable},
      {"text_unparsable", &FrameConsistency::unparsable},
      {"text_differs", &FrameConsistency::text_differs},
  }};
  std::vector<ConsistencyRate> rates;
  for (const auto& [name, field] : kKinds) {
    ConsistencyRate rate{name, 0, {}};
    for (const FrameConsistency& frame : frames) {
      const std::optional<bool>& found = frame.*field;
      if (!found) continue;
      ++rate.judged;
      if (*found) rate.tokens.push_back(frame.token);
    }
    rates.push_back(std::move(rate));
  }
  return rates;
}

std::string ConsistencyReportJson(std::span<const ConsistencyRate> rates) {
  nlohmann::ordered_json json = nlohmann::ordered_json::object();
  for (const ConsistencyRate& one : rates) {
    const auto rate = one.Rate();
    json[one.name] = {{"rate", rate ? nlohmann::ordered_json(*rate) : nullptr},
                      {"judged", one.judged},
                      {"frames", one.tokens}};
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string ConsistencyReportText(std::span<const ConsistencyRate> rates) {
  std::ostringstream text;
  for (const ConsistencyRate& one : rates) {
    text << std::left << std::setw(24) << one.name << std::right << std::fixed
         << std::setprecision(2) << std::setw(8);
    if (const auto rate = one.Rate()) {
      text << 100 * *rate << " % of " << one.judged << " frames\n";
    } else {
      text << "-"
           << " no frame can be judged\n";
    }
  }
  return text.str();
}

}  // namespace occvla::eval

#include "occvla/world/traffic/intents.h"

#include <array>
#include <cmath>
#include <numbers>

namespace occvla::world::traffic {

namespace {

constexpr size_t kPieces = 6;  // Half seconds in the window.
constexpr double kDegree = std::numbers::pi / 180;

data::Velocity VelocityOf(const std::array<double, kPieces>& speeds) {
  bool rests = true;
  double slope = 0, weight = 0;
  for (size_t k = 0; k < kPieces; ++k) {
    rests &= speeds[k] < kStandstill;
    const double t = 0.5 * (static_cast<double>(k) - 2.5);  // Around the window's middle.
    slope += t * speeds[k];
    weight += t * t;
  }
  if (rests) return data::Velocity::kMaintain;
  const double a = slope / weight;
  if (a >= kChangingSpeed) return data::Velocity::kAccelerate;
  return a <= -kChangingSpeed ? data::Velocity::kDecelerate : data::Velocity::kMaintain;
}

}  // namespace

double HeadingChange(const Lane& lane) {
  double change = 0;
  for (size_t i = 0; i + 1 < lane.centreline.size(); ++i)
    change += Wrapped(lane.centreline[i + 1][2] - lane.centreline[i][2]);
  return change;
}

std::vector<data::MetaAction> Intents(const Roads& roads, const std::vector<Decision>& decisions,
                                      size_t shown, double step_s) {
  const auto piece = static_cast<size_t>(std::lround(0.5 / step_s));
  std::vector<data::MetaAction> intents(shown);
  for (size_t i = 0; i < shown; ++i) {
    std::array<double, kPieces> speeds{};
    for (size_t k = 0; k < kPieces; ++k) {
      for (size_t j = 0; j <= piece; ++j)
        speeds[k] += decisions[i + k * piece + j].speed * (j == 0 || j == piece ? 0.5 : 1.0);
      speeds[k] /= static_cast<double>(piece);
    }
    const size_t end = i + kPieces * piece;
    const double turned = decisions[end].yaw - decisions[i].yaw;
    const double shifted = decisions[end].lateral - decisions[i].lateral;
    bool through_turn = false;
    for (size_t j = i, last = decisions.size(); j <= end; ++j) {
      const Lane& lane = roads.lane(decisions[j].lane);
      if (j > i && last == j - 1 && decisions[j].lane == decisions[j - 1].lane) {
        last = j;
        continue;
      }
      last = j;
      const double heading = lane.connector ? HeadingChange(lane) : 0;
      through_turn |= std::abs(heading) >= 30 * kDegree && heading * turned > 0;
    }
    data::MetaAction& intent = intents[i];
    intent.velocity = VelocityOf(speeds);
    if (speeds[4] < kStandstill && speeds[5] < kStandstill) {
      intent.direction = data::Direction::kStop;
    } else if ((through_turn && std::abs(turned) >= 10 * kDegree) ||
               std::abs(turned) >= 45 * kDegree) {
      intent.direction = turned > 0 ? data::Direction::kTurnLeft : data::Direction::kTurnRight;
    } else if (std::abs(turned) < 20 * kDegree && std::abs(shifted) >= kLaneShift) {
      intent.direction =
          shifted > 0 ? data::Direction::kChangeLaneLeft : data::Direction::kChangeLaneRight;
    }
  }
  return intents;
}

}  // namespace occvla::world::traffic

#include "occvla/world/traffic/idm.h"

#include <algorithm>
#include <cmath>

namespace occvla::world::traffic {

double FreeAcceleration(const Driver& driver, double speed, double desired) {
  const double ratio = speed / std::max(desired, 0.1);
  // Above the desired speed the model's fourth power would brake hard for a lower limit.
  if (ratio > 1) return std::max(-driver.deceleration, -driver.acceleration * 4 * (ratio - 1));
  return driver.acceleration * (1 - ratio * ratio * ratio * ratio);
}

double FollowAcceleration(const Driver& driver, double speed, double desired, double gap,
                          double lead_speed) {
  const double free = FreeAcceleration(driver, speed, desired);
  const double approach =
      speed * (speed - lead_speed) / (2 * std::sqrt(driver.acceleration * driver.deceleration));
  const double wanted = driver.gap + std::max(0.0, speed * driver.headway_s + approach);
  const double share = wanted / std::max(gap, 0.05);
  return std::max(-kHardest, free - driver.acceleration * share * share);
}

double HaltAcceleration(const Driver& driver, double speed, double desired, double distance) {
  const double free = FreeAcceleration(driver, speed, desired);
  if (distance <= 0.02) return std::min(free, -std::min(5 * speed, kHardest / 2));
  const double needed = speed * speed / (2 * distance);
  if (needed < kHalting) {
    // Near the line no more speed than can be braked away softly, and ever more softly at the end.
    const double soft = std::min(std::sqrt(2 * kHalting * 0.8 * distance), 1.3 * distance + 0.08);
    return std::min(free, 1.5 * (soft - speed));
  }
  return std::max(-kHardest, std::min(free, -needed * needed / kHalting));
}

bool WorthChanging(const LaneChange& change, double politeness, double threshold) {
  if (change.new_follower_then < -kSafeBraking || change.own_then < -kSafeBraking) return false;
  const double own = change.own_then - change.own_now;
  const double others = change.new_follower_then - change.new_follower_now +
                        change.old_follower_then - change.old_follower_now;
  return own + politeness * others > threshold;
}

}  // namespace occvla::world::traffic

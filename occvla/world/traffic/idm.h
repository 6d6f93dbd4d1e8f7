#pragma once

/// How drivers keep their speed and their distance (the intelligent-driver model: Treiber,
/// Hennecke, Helbing, "Congested traffic states in empirical observations and microscopic
/// simulations", 2000) and when changing lanes pays (MOBIL: Kesting, Treiber, Helbing, "General
/// lane-changing model MOBIL for car-following models", 2007).
namespace occvla::world::traffic {

/// What a driver likes.
struct Driver {
  double headway_s = 1.4;
  double gap = 2.2;           ///< To the vehicle ahead at rest; metres.
  double acceleration = 1.5;  ///< m/s^2, from rest.
  double deceleration = 2.0;  ///< Comfortable; m/s^2.
  double haste = 1;           ///< Desired speed as a share of what the lane allows.
  double politeness = 0.3;    ///< Weight of the others' loss when changing lanes.
};

/// Acceleration on a free road at `speed` towards `desired` (m/s).
double FreeAcceleration(const Driver& driver, double speed, double desired);
/// Acceleration behind a vehicle `gap` metres ahead that drives `lead_speed`; never above the free
/// one, never below -kHardest.
double FollowAcceleration(const Driver& driver, double speed, double desired, double gap,
                          double lead_speed);
/// Acceleration that halts the front `distance` metres ahead: nothing (the free one) while braking
/// later is still soft.
double HaltAcceleration(const Driver& driver, double speed, double desired, double distance);

inline constexpr double kHardest = 8;    ///< Emergency deceleration, m/s^2.
inline constexpr double kHalting = 1.6;  ///< Deceleration at which braking for a line begins.

/// What the accelerations would be without and with a lane change.
struct LaneChange {
  double own_now = 0, own_then = 0;
  double new_follower_now = 0, new_follower_then = 0;
  double old_follower_now = 0, old_follower_then = 0;
};
/// MOBIL: safe for the new follower (never below -`kSafeBraking`), and worth it by more than
/// `threshold` (m/s^2).
bool WorthChanging(const LaneChange& change, double politeness, double threshold);
inline constexpr double kSafeBraking = 2.0;

}  // namespace occvla::world::traffic

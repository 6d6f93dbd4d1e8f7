#pragma once
#include <Eigen/Core>
#include <cstdint>
#include <span>
#include <vector>

#include "occvla/world/traffic/collisions.h"
#include "occvla/world/traffic/flow.h"

/// People on foot and animals: they walk along the sidewalks, go round each other, wait at
/// crossings and cross when traffic lets them.
namespace occvla::world::traffic {

inline constexpr uint8_t kAnimal = 1, kAdult = 2, kChild = 3, kWorker = 4, kPersonalMobility = 5,
                         kOfficer = 6, kStroller = 7, kWheelchair = 8;

struct Person {
  uint8_t category = kAdult;
  Eigen::Vector3d size = Eigen::Vector3d::Zero();
  uint64_t look = 0;
  Eigen::Vector3d pusher = Eigen::Vector3d::Zero();  ///< An adult behind it (strollers); 0 = none.
  double pace = 1.3;                                 ///< m/s.

  enum class Mode : uint8_t { kWalk, kApproach, kWait, kCross, kStand };
  Mode mode = Mode::kWalk;
  bool sits = false;
  Eigen::Vector2d p_G = Eigen::Vector2d::Zero();
  double yaw = 0, speed = 0, stride = 0;

  int walk = kNoIndex;
  bool forward = true;  ///< Along the walk's path.
  double s = 0;         ///< Along the path.
  double aside = 0.5;   ///< Keeps this far to the right of the path's middle.
  int crossing = kNoIndex;
  bool from_from = true;    ///< Crosses from `Crossing::from`.
  double jitter = 0;        ///< Keeps this far from the crossing's middle line.
  int declined = kNoIndex;  ///< Crossing that it chose to pass by.
  double eager = 0.4;       ///< Chance of crossing where it can.
  bool blocked = false;     ///< Found no way round at the last try.
  Rng choices{0, "choices"};

  static constexpr double kPusherBehind = 0.95;
  double Radius() const { return 0.5 * size.head<2>().norm(); }
};

class People {
 public:
  explicit People(const Roads& roads);

  /// Puts people on the walks near the way, the more the larger `crowd`, none on an obstacle; those
  /// of `wanted` first and nearest to its beginning.
  void Populate(std::span<const Eigen::Vector2d> way_G, double crowd,
                const std::vector<uint8_t>& wanted, Rng& rng);
  /// One step; sets the flow's claims and wishes.
  void Step(double time_s, double step_s, Flow& flow);

  std::vector<Person> persons;
  std::vector<Rectangle> obstacles;  ///< That nobody walks through.

 private:
  struct Foot {
    int crossing;
    bool from;
    double s;  // Along the walk.
  };
  struct Path {
    std::vector<Eigen::Vector2d> points;
    std::vector<double> lengths;
    std::vector<Foot> feet;
    double width = 2;
    // Walks that begin (forward) or end where this one begins and ends.
    std::vector<std::pair<int, bool>> at_start, at_end;
    double length() const { return lengths.back(); }
  };
  Eigen::Vector2d PointOn(const Path& path, double s, double left) const;
  double FootOf(const Path& path, const Eigen::Vector2d& p_G, double near, double reach) const;
  Eigen::Vector2d KerbPoint(const Person& person, bool far) const;
  bool IsFree(const Person& person, const Eigen::Vector2d& p_G, double yaw, size_t self) const;
  bool MayCross(const Person& person, double time_s, const Flow& flow) const;
  void Decide(Person& person, double time_s, Flow& flow);
  void Walk(Person& person, size_t self, double step_s);
  void Turn(Person& person) const;
  bool Put(uint8_t category, int walk, double s, Rng& rng);

  const Roads& roads_;
  std::vector<Path> paths_;
  std::vector<double> widths_;             // Of the walk at a crossing's end, the smaller.
  std::vector<Eigen::Vector2d> places_G_;  // Everybody's, close together in memory.
  uint64_t steps_ = 0;
};

}  // namespace occvla::world::traffic

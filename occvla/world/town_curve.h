#pragma once
#include <Eigen/Core>
#include <array>
#include <optional>
#include <vector>

#include "occvla/world/town.h"

/// Curves of straight lines and circular arcs: what roads and lanes are laid along.
namespace occvla::world {

/// x, y, yaw in frame G.
using Pose2 = std::array<double, 3>;

/// `angle` in [-pi, pi).
double WrapAngle(double angle);

/// Pieces of constant curvature one after the other; positive curvature turns left. Offsets
/// (`left`) are metres to the left of the curve, negative to the right.
class Curve {
 public:
  struct Piece {
    double curvature = 0, length = 0;
  };

  Curve() = default;
  Curve(const Pose2& start, std::vector<Piece> pieces)
      : start_(start), pieces_(std::move(pieces)) {}

  double length() const;
  const Pose2& start() const { return start_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  /// Pose at arc length s; beyond the ends the end pieces go on.
  Pose2 At(double s) const;
  Eigen::Vector2d Point(double s, double left) const;
  Eigen::Vector2d Direction(double s) const;

  /// The parallel curve. Every curvature must leave 1 - curvature * left positive.
  Curve Offset(double left) const;
  Curve Reversed() const;
  Curve Between(double from, double to) const;

  /// Arc lengths from `from` to `to`, both included, close enough that chords stay within a
  /// centimetre or two of the curve.
  std::vector<double> Stations(double from, double to) const;

 private:
  Pose2 start_{};
  std::vector<Piece> pieces_;
};

/// The polyline with arcs of the radii in its inner corners (radii[i] for points[i + 1]); absent
/// where the arcs do not fit between the corners.
std::optional<Curve> Rounded(const std::vector<Eigen::Vector2d>& points,
                             const std::vector<double>& radii);

/// A curve from pose to pose: straight, one arc of about `radius`, straight, where the two lines
/// meet so; else the gentlest of the paths arc, straight, arc. No radius is below `least_radius`.
std::optional<Curve> Turning(const Pose2& from, const Pose2& to, double radius,
                             double least_radius);
/// The gentlest path arc, straight, arc that does not wind: radii from 400 m down to
/// `least_radius`.
std::optional<Curve> Gliding(const Pose2& from, const Pose2& to, double least_radius);

/// The same curve as the map expansion writes it.
std::vector<data::nuscenes::ArcPath> ToArcPaths(const Curve& curve);

/// The band between two offsets of the curve, counter-clockwise.
Polygon2 Band(const Curve& curve, double from, double to, double right, double left);
/// The points at one offset.
std::vector<Eigen::Vector2d> Polyline(const Curve& curve, double from, double to, double left);

}  // namespace occvla::world

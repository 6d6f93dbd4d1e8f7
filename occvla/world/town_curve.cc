#include "occvla/world/town_curve.h"

#include <Eigen/Geometry>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace occvla::world {

namespace {

using Eigen::Vector2d;

constexpr double kPi = std::numbers::pi;
constexpr double kNothing = 1e-9;  // Metres: a shorter piece is none.

Pose2 Moved(const Pose2& pose, double curvature, double s) {
  const double turned = curvature * s;
  // sin(x)/x and (1 - cos x)/x without loss for small angles.
  const double half = turned / 2;
  const double chord = std::abs(half) < 1e-9 ? s : s * std::sin(half) / half;
  return {pose[0] + chord * std::cos(pose[2] + half), pose[1] + chord * std::sin(pose[2] + half),
          pose[2] + turned};
}

Vector2d Along(double yaw) { return {std::cos(yaw), std::sin(yaw)}; }
Vector2d LeftOf(double yaw) { return {-std::sin(yaw), std::cos(yaw)}; }

/// In [0, 2 pi), with what rounding leaves just below a full turn taken as none.
double TurnAmount(double angle) {
  double turn = std::fmod(angle, 2 * kPi);
  if (turn < 0) turn += 2 * kPi;
  return turn > 2 * kPi - 1e-9 ? 0 : turn;
}

/// Arc, straight, arc of one radius; `first` and `last` are +1 for left.
std::optional<Curve> ArcStraightArc(const Pose2& from, const Pose2& to, double radius, double first,
                                    double last) {
  const Vector2d c1 = Vector2d(from[0], from[1]) + first * radius * LeftOf(from[2]);
  const Vector2d c2 = Vector2d(to[0], to[1]) + last * radius * LeftOf(to[2]);
  const Vector2d v = c2 - c1;
  double straight = v.norm(), heading = std::atan2(v.y(), v.x());
  if (first == last) {
    if (straight < kNothing) heading = from[2];
  } else {
    const double squared = v.squaredNorm() - 4 * radius * radius;
    if (squared < 0) return std::nullopt;
    straight = std::sqrt(squared);
    heading += first * std::atan2(2 * radius, straight);
  }
  const double a = TurnAmount(first * (heading - from[2]));
  const double b = TurnAmount(last * (to[2] - heading));
  return Curve(from, {{first / radius, radius * a}, {0, straight}, {last / radius, radius * b}});
}

}  // namespace

double WrapAngle(double angle) {
  const double wrapped = angle - 2 * kPi * std::floor((angle + kPi) / (2 * kPi));
  return wrapped >= kPi ? -kPi : wrapped;
}

double Curve::length() const {
  double sum = 0;
  for (const Piece& piece : pieces_) sum += piece.length;
  return sum;
}

Pose2 Curve::At(double s) const {
  Pose2 pose = start_;
  for (size_t i = 0; i < pieces_.size(); ++i) {
    if (i + 1 == pieces_.size() || s <= pieces_[i].length) {
      pose = Moved(pose, pieces_[i].curvature, s);
      break;
    }
    pose = Moved(pose, pieces_[i].curvature, pieces_[i].length);
    s -= pieces_[i].length;
  }
  pose[2] = WrapAngle(pose[2]);
  return pose;
}

Vector2d Curve::Point(double s, double left) const {
  const Pose2 pose = At(s);
  return Vector2d(pose[0], pose[1]) + left * LeftOf(pose[2]);
}

Vector2d Curve::Direction(double s) const { return Along(At(s)[2]); }

Curve Curve::Offset(double left) const {
  const Vector2d p = Point(0, left);
  Curve out({p.x(), p.y(), start_[2]}, pieces_);
  for (Piece& piece : out.pieces_) {
    const double scale = 1 - piece.curvature * left;
    piece = {piece.curvature / scale, piece.length * scale};
  }
  return out;
}

Curve Curve::Reversed() const {
  const Pose2 end = At(length());
  Curve out({end[0], end[1], WrapAngle(end[2] + kPi)}, {pieces_.rbegin(), pieces_.rend()});
  for (Piece& piece : out.pieces_) piece.curvature = -piece.curvature;
  return out;
}

Curve Curve::Between(double from, double to) const {
  Curve out(At(from), {});
  double s = 0;
  for (const Piece& piece : pieces_) {
    const double begin = std::max(s, from), end = std::min(s + piece.length, to);
    if (end - begin > kNothing) out.pieces_.push_back({piece.curvature, end - begin});
    s += piece.length;
  }
  return out;
}

std::vector<double> Curve::Stations(double from, double to) const {
  std::vector<double> stations{from};
  double s = 0;
  for (const Piece& piece : pieces_) {
    const double begin = std::max(s, from), end = std::min(s + piece.length, to);
    s += piece.length;
    if (end - begin <= kNothing) continue;
    // A chord of 2.5 m on a radius of 40 m is 2 cm off the arc.
    const int n = piece.curvature == 0
                      ? 1
                      : static_cast<int>(std::ceil((end - begin) /
                                                   std::min(2.5, 0.1 / std::abs(piece.curvature))));
    for (int i = 1; i <= n; ++i) stations.push_back(begin + (end - begin) * i / n);
  }
  if (stations.size() == 1) stations.push_back(to);
  stations.back() = to;
  return stations;
}

std::optional<Curve> Rounded(const std::vector<Vector2d>& points,
                             const std::vector<double>& radii) {
  std::vector<Curve::Piece> pieces;
  const Vector2d first = points[1] - points[0];
  double yaw = std::atan2(first.y(), first.x()), used = 0;
  const double start_yaw = yaw;
  for (size_t i = 0; i + 1 < points.size(); ++i) {
    const double length = (points[i + 1] - points[i]).norm();
    double tangent = 0, turn = 0;
    if (i + 2 < points.size()) {
      const Vector2d next = points[i + 2] - points[i + 1];
      turn = WrapAngle(std::atan2(next.y(), next.x()) - yaw);
      tangent = radii[i] * std::tan(std::abs(turn) / 2);
    }
    if (length - used - tangent < 0) return std::nullopt;
    pieces.push_back({0, length - used - tangent});
    if (std::abs(turn) > 1e-9)
      pieces.push_back({(turn > 0 ? 1 : -1) / radii[i], radii[i] * std::abs(turn)});
    yaw += turn;
    used = tangent;
  }
  return Curve({points[0].x(), points[0].y(), start_yaw}, pieces);
}

std::optional<Curve> Gliding(const Pose2& from, const Pose2& to, double least_radius) {
  const Vector2d chord(to[0] - from[0], to[1] - from[1]);
  const double turn = std::abs(WrapAngle(to[2] - from[2]));
  std::optional<Curve> best;
  for (double radius = 400; radius >= least_radius && !best; radius *= 0.85) {
    double shortest = std::numeric_limits<double>::max();
    for (const double first : {1.0, -1.0}) {
      for (const double last : {1.0, -1.0}) {
        const auto curve = ArcStraightArc(from, to, radius, first, last);
        if (!curve || curve->length() >= shortest) continue;
        double turned = 0;
        for (const auto& piece : curve->pieces())
          turned += std::abs(piece.curvature) * piece.length;
        // More turning than this would be a loop.
        if (turned > turn + 1.6 || curve->length() > 1.6 * chord.norm()) continue;
        shortest = curve->length();
        best = curve;
      }
    }
  }
  return best;
}

std::optional<Curve> Turning(const Pose2& from, const Pose2& to, double radius,
                             double least_radius) {
  const Vector2d u = Along(from[2]), v = Along(to[2]), p(to[0] - from[0], to[1] - from[1]);
  const double turn = WrapAngle(to[2] - from[2]);
  const double sine = u.x() * v.y() - u.y() * v.x();
  if (std::abs(sine) > 0.2) {
    // from + a u = to - b v
    const double a = (p.x() * v.y() - p.y() * v.x()) / sine;
    const double b = (u.x() * p.y() - u.y() * p.x()) / sine;
    const double tangent_most = std::min(a, b);
    const double half = std::tan(std::abs(turn) / 2);
    const double r = std::min(radius, tangent_most / half);
    if (tangent_most > 0 && r >= least_radius) {
      const double tangent = r * half;
      return Curve(
          from,
          {{0, a - tangent}, {(turn > 0 ? 1 : -1) / r, r * std::abs(turn)}, {0, b - tangent}});
    }
  }
  return Gliding(from, to, least_radius);
}

std::vector<data::nuscenes::ArcPath> ToArcPaths(const Curve& curve) {
  using data::nuscenes::ArcPath;
  std::vector<Curve::Piece> pieces;
  for (const auto& piece : curve.pieces())
    if (piece.length > kNothing) pieces.push_back(piece);
  std::vector<ArcPath> paths;
  double s = 0;
  for (size_t i = 0; i < pieces.size();) {
    // As many as one record holds: arc, straight, arc of the same radius, each of them optional.
    double first = 0, last = 0;
    ArcPath path;
    path.start = curve.At(s);
    if (pieces[i].curvature != 0) {
      first = pieces[i].curvature;
      path.lengths[0] = pieces[i++].length;
    }
    if (i < pieces.size() && pieces[i].curvature == 0) path.lengths[1] = pieces[i++].length;
    if (i < pieces.size() && pieces[i].curvature != 0 &&
        (first == 0 || std::abs(std::abs(first) - std::abs(pieces[i].curvature)) < 1e-12)) {
      last = pieces[i].curvature;
      path.lengths[2] = pieces[i++].length;
    }
    if (first == 0) first = last;
    if (last == 0) last = first;
    path.radius = first == 0 ? 1 : 1 / std::abs(first);
    path.shape = first >= 0 ? (last >= 0 ? ArcPath::Shape::kLSL : ArcPath::Shape::kLSR)
                            : (last >= 0 ? ArcPath::Shape::kRSL : ArcPath::Shape::kRSR);
    s += path.length();
    path.end = curve.At(s);
    paths.push_back(path);
  }
  return paths;
}

std::vector<Vector2d> Polyline(const Curve& curve, double from, double to, double left) {
  std::vector<Vector2d> points;
  for (const double s : curve.Stations(from, to)) points.push_back(curve.Point(s, left));
  return points;
}

Polygon2 Band(const Curve& curve, double from, double to, double right, double left) {
  Polygon2 band{Polyline(curve, from, to, right)};
  const auto back = Polyline(curve, from, to, left);
  band.points.insert(band.points.end(), back.rbegin(), back.rend());
  return band;
}

}  // namespace occvla::world

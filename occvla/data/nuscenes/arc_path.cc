#include <algorithm>
#include <cmath>
#include <numbers>

#include "occvla/data/nuscenes/map.h"

namespace occvla::data::nuscenes {
namespace {

using Pose2 = std::array<double, 3>;

/// Into [-pi, pi), with the remainder that Python's % gives, so that yaws agree to the last bit.
double WrapAngle(double angle) {
  constexpr double kTurn = 2 * std::numbers::pi;
  double remainder = std::fmod(angle + std::numbers::pi, kTurn);
  if (remainder < 0) remainder += kTurn;
  return remainder - std::numbers::pi;
}

/// +1 where the piece turns left, -1 right, 0 straight.
double Sign(ArcPath::Shape shape, size_t piece) {
  // In the order of ArcPath::Shape.
  static constexpr std::array<const char*, 6> kLetters = {"LRL", "RLR", "LSL", "LSR", "RSL", "RSR"};
  const char letter = kLetters[static_cast<size_t>(shape)][piece];
  return letter == 'L' ? 1 : letter == 'R' ? -1 : 0;
}

/// Where `s` metres along a piece of constant curvature lead from `pose`.
Pose2 Advance(const Pose2& pose, double curvature, double s) {
  const double turned = curvature * s;
  double ahead = s, left = 0;
  if (std::abs(curvature) >= 1e-6) {  // Flatter arcs would divide by almost nothing.
    ahead = std::sin(turned) / curvature;
    left = (1 - std::cos(turned)) / curvature;
  }
  const double c = std::cos(pose[2]), sn = std::sin(pose[2]);
  return {c * ahead - sn * left + pose[0], sn * ahead + c * left + pose[1],
          WrapAngle(pose[2] + turned)};
}

/// The devkit steps from the last pose at which a piece was entered; so do we, because starting
/// anew from the path's start at each point differs in the last digits.
void DiscretisePath(const ArcPath& path, double step, std::vector<Pose2>& poses) {
  const double length = path.length();
  const auto count = static_cast<int64_t>(std::max(std::ceil(length / step) + 1.5, 2.0));
  const double spacing = length / static_cast<double>(count - 1);
  const std::array<double, 2> ends = {path.lengths[0], path.lengths[0] + path.lengths[1]};
  Pose2 entry = path.start;
  double entered_at = 0;
  size_t piece = 0;
  for (int64_t i = 0; i < count; ++i) {
    const double s = static_cast<double>(i) * spacing;
    // One piece a point, though a short piece may lie wholly between two points: the pose comes
    // from At, and the next point enters the piece after it.
    if (piece < 2 && s > ends[piece]) {
      entry = path.At(s);
      entered_at = s;
      ++piece;
    }
    poses.push_back(Advance(entry, Sign(path.shape, piece) / path.radius, s - entered_at));
  }
}

}  // namespace

std::array<double, 3> ArcPath::At(double s) const {
  double left = std::clamp(s, 0.0, std::max(length(), 0.0));
  Pose2 pose = start;
  for (size_t piece = 0; piece < 3; ++piece) {
    const double along = std::min(left, lengths[piece]);
    pose = Advance(pose, Sign(shape, piece) / radius, along);
    if (left <= lengths[piece]) break;
    left -= lengths[piece];
  }
  return pose;
}

double ArcPath::Curvature(double s) const {
  size_t piece = 0;
  double piece_end = lengths[0];
  while (piece < 2 && s > piece_end) piece_end += lengths[++piece];
  return Sign(shape, piece) == 0 ? 0 : 1 / radius;
}

std::vector<std::array<double, 3>> Discretise(std::span<const ArcPath> paths, double step) {
  std::vector<Pose2> poses;
  for (const ArcPath& path : paths) DiscretisePath(path, step, poses);
  return poses;
}

double CurvatureAlong(std::span<const ArcPath> paths, double s) {
  if (paths.empty()) return 0;
  double before = 0;
  size_t i = 0;
  while (i + 1 < paths.size() && s > before + paths[i].length()) before += paths[i++].length();
  return paths[i].Curvature(s - before);
}

}  // namespace occvla::data::nuscenes

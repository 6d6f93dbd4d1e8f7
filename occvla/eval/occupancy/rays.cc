#include "occvla/eval/occupancy/rays.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "occvla/base/error.h"
#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_grid.h"

namespace occvla::eval {
namespace {

using geom::VoxelGrid;

constexpr int kSteepPitches = 10;
constexpr double kLastPitch = 0.21;
constexpr int kAzimuths = 360;
constexpr int kMostVoxels = 1001;
constexpr float kVoxel = 0.4F;
constexpr std::array<int, 3> kSize = {VoxelGrid::kX, VoxelGrid::kY, VoxelGrid::kZ};
constexpr std::array<int, 3> kStride = {VoxelGrid::kY * VoxelGrid::kZ, VoxelGrid::kZ, 1};

std::vector<Eigen::Vector3f> MakeDirections() {
  std::vector<double> pitches;
  for (int k = 0; k < kSteepPitches; ++k)
    pitches.push_back(-(std::numbers::pi / 2 - std::atan(k + 1.0)));
  while (pitches.back() < kLastPitch)
    pitches.push_back(pitches.back() + (pitches.back() - pitches[pitches.size() - 2]));
  std::vector<Eigen::Vector3f> directions;
  for (const double pitch : pitches) {
    for (int degrees = 0; degrees < kAzimuths; ++degrees) {
      const double azimuth = degrees * (std::numbers::pi / 180);
      directions.push_back(Eigen::Vector3d(std::cos(pitch) * std::cos(azimuth),
                                           std::cos(pitch) * std::sin(azimuth), std::sin(pitch))
                               .cast<float>());
    }
  }
  return directions;
}

// A point in voxels from the grid's corner, rounded to single precision on the way as the published
// code rounds it. Through memory: GCC 12 vectorises double to float to double by leaving it out.
Eigen::Vector3d ToVoxels(const Eigen::Vector3d& p_E) {
  const Eigen::Vector3d from_corner = p_E - VoxelGrid::Minimum();
  Eigen::Vector3d voxels;
  for (Eigen::Index axis = 0; axis < 3; ++axis) {
    const volatile float rounded = static_cast<float>(from_corner[axis] / double{kVoxel});
    voxels[axis] = rounded;
  }
  return voxels;
}

// Amanatides and Woo's walk in double precision. No step branches on its axis: rays come in no
// order that a processor could foresee. Ties go to z, then y.
class Walk {
 public:
  Walk(const Eigen::Vector3d& start, const Eigen::Vector3d& direction) {
    constexpr double kNever = std::numeric_limits<double>::max();
    for (size_t i = 0; i < 3; ++i) {
      const auto axis = static_cast<Eigen::Index>(i);
      const double along = direction[axis];
      const bool forward = along >= 0;
      // Truncated, not floored: what is just below the grid counts as in it.
      const int voxel = static_cast<int>(start[axis]);
      const int step = forward ? 1 : -1;
      next_[i] = along != 0 ? (voxel + (forward ? 1 : 0) - start[axis]) / along : kNever;
      delta_[i] = along != 0 ? step / along : kNever;
      // Steps until the grid begins, and until it has ended; never where it is not met.
      until_in_[i] = forward ? -voxel : voxel - (kSize[i] - 1);
      until_out_[i] = forward ? kSize[i] - voxel : voxel + 1;
      at_ += voxel * kStride[i];
      by_[i] = step * kStride[i];
    }
  }

  bool inside() const {
    return (until_in_[0] <= 0) & (until_in_[1] <= 0) & (until_in_[2] <= 0) & !Beyond();
  }
  /// Past one of the grid's faces for good.
  bool Beyond() const { return (until_out_[0] <= 0) | (until_out_[1] <= 0) | (until_out_[2] <= 0); }
  size_t index() const { return static_cast<size_t>(at_); }
  /// How far along the direction the line leaves the voxel.
  double exit() const { return std::fmin(next_[0], std::fmin(next_[1], next_[2])); }

  void Next() {
    const bool x = (next_[0] < next_[1]) & (next_[0] < next_[2]);
    const bool y = !x & (next_[1] < next_[2]);
    const bool z = !(x | y);
    next_[0] = x ? next_[0] + delta_[0] : next_[0];
    next_[1] = y ? next_[1] + delta_[1] : next_[1];
    next_[2] = z ? next_[2] + delta_[2] : next_[2];
    until_in_[0] -= x, until_in_[1] -= y, until_in_[2] -= z;
    until_out_[0] -= x, until_out_[1] -= y, until_out_[2] -= z;
    at_ += (by_[0] & -int{x}) + (by_[1] & -int{y}) + (by_[2] & -int{z});
  }

 private:
  std::array<double, 3> next_{}, delta_{};
  std::array<int, 3> until_in_{}, until_out_{}, by_{};
  int at_ = 0;
};

float Metres(double exit) { return static_cast<float>(exit) * kVoxel; }

}  // namespace

const std::vector<Eigen::Vector3f>& RayDirections() {
  static const std::vector<Eigen::Vector3f> directions = MakeDirections();
  return directions;
}

RayPair CastRay(const Eigen::Vector3d& origin_E, const Eigen::Vector3f& direction_E,
                std::span<const uint8_t> truth, std::span<const uint8_t> prediction) {
  OCCVLA_DCHECK(truth.size() == VoxelGrid::kCount && prediction.size() == VoxelGrid::kCount);
  const Eigen::Vector3d start = ToVoxels(origin_E);
  const Eigen::Vector3d towards = ToVoxels(direction_E.cast<double>() + origin_E) - start;
  // In this order of summation: another one's last bit moves a distance across a threshold.
  const double length =
      std::sqrt(towards.x() * towards.x() + towards.y() * towards.y() + towards.z() * towards.z());
  Walk walk(start, towards / length);
  int walked = 0;
  while (!walk.inside() && walked < kMostVoxels && !walk.Beyond()) walk.Next(), ++walked;
  if (!walk.inside()) return {{truth[0], -kVoxel}, {prediction[0], -kVoxel}};

  std::optional<RayHit> hit, predicted_hit;
  double exit = 0;
  for (; walked < kMostVoxels && !walk.Beyond(); walk.Next(), ++walked) {
    const uint8_t label = truth[walk.index()], guess = prediction[walk.index()];
    exit = walk.exit();
    if ((label == data::kFreeClass) & (guess == data::kFreeClass)) continue;
    if (!hit && label != data::kFreeClass) hit = RayHit{label, Metres(exit)};
    if (!predicted_hit && guess != data::kFreeClass) predicted_hit = RayHit{guess, Metres(exit)};
    if (hit && predicted_hit) break;
  }
  const RayHit nothing{data::kFreeClass, Metres(exit)};
  return {hit.value_or(nothing), predicted_hit.value_or(nothing)};
}

void RayCounts::Merge(const RayCounts& other) {
  rays += other.rays;
  for (size_t label = 0; label < kOccupiedClasses; ++label) {
    truth[label] += other.truth[label];
    predicted[label] += other.predicted[label];
    for (size_t t = 0; t < right.size(); ++t) right[t][label] += other.right[t][label];
  }
}

RayCounts CountRays(std::span<const Eigen::Vector3d> origins_E, std::span<const uint8_t> truth,
                    std::span<const uint8_t> prediction) {
  RayCounts counts;
  for (const Eigen::Vector3d& origin_E : origins_E) {
    for (const Eigen::Vector3f& direction_E : RayDirections()) {
      const RayPair pair = CastRay(origin_E, direction_E, truth, prediction);
      if (pair.truth.label == data::kFreeClass) continue;
      ++counts.rays;
      if (pair.truth.label < kOccupiedClasses) ++counts.truth[pair.truth.label];
      if (pair.prediction.label < kOccupiedClasses) ++counts.predicted[pair.prediction.label];
      if (pair.truth.label != pair.prediction.label || pair.truth.label >= kOccupiedClasses)
        continue;
      // In double precision: rounded, a difference just below a threshold would reach it.
      const double off = std::fabs(double{pair.truth.distance} - double{pair.prediction.distance});
      for (size_t t = 0; t < kRayThresholds_m.size(); ++t)
        counts.right[t][pair.truth.label] += off < kRayThresholds_m[t];
    }
  }
  return counts;
}

RayIou RayIouOf(const RayCounts& counts) {
  RayIou result;
  std::vector<std::optional<double>> all;
  for (size_t t = 0; t < kRayThresholds_m.size(); ++t) {
    for (size_t label = 0; label < kOccupiedClasses; ++label) {
      const int64_t right = counts.right[t][label];
      const int64_t either = counts.truth[label] + counts.predicted[label] - right;
      if (either > 0)
        result.iou[t][label] = static_cast<double>(right) / static_cast<double>(either);
      all.push_back(result.iou[t][label]);
    }
    result.at[t] = MeanOf(result.iou[t]);
  }
  result.mean = MeanOf(all);
  return result;
}

}  // namespace occvla::eval

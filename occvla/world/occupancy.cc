#include "occvla/world/occupancy.h"

#include <algorithm>
#include <climits>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <new>

#include "occvla/data/nuscenes/category.h"
#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_walk.h"

namespace occvla::world {
namespace {

using Eigen::Vector3d;
using Eigen::Vector3f;
using geom::VoxelGrid;

constexpr int kClasses = 17;
constexpr float kSpacing = 0.1f / static_cast<float>(VoxelGrid::kVoxel);  // In voxels.
constexpr std::array<float, 3> kSize = {VoxelGrid::kX, VoxelGrid::kY, VoxelGrid::kZ};

/// X_EA as one affine map into voxels: v = R p + t.
struct ToGrid {
  Eigen::Matrix3f R;
  Vector3f t;

  explicit ToGrid(const geom::Pose& X_EA)
      : R((X_EA.linear() / VoxelGrid::kVoxel).cast<float>()),
        t(VoxelGrid::ToVoxels(X_EA.translation()).cast<float>()) {}
  Vector3f operator()(const Vector3f& p_A) const { return R * p_A + t; }
};

bool InGrid(const Vector3f& v) {
  return v.x() > 0 && v.y() > 0 && v.z() > 0 && v.x() < kSize[0] && v.y() < kSize[1] &&
         v.z() < kSize[2];
}

size_t IndexOf(const Vector3f& v) {
  return VoxelGrid::Index(static_cast<int>(v.x()), static_cast<int>(v.y()),
                          static_cast<int>(v.z()));
}

/// Counts samples a voxel and class.
class SampleCounts {
 public:
  SampleCounts()
      : touched_(VoxelGrid::kCount, 0),
        counts_(
            static_cast<uint16_t*>(std::calloc(VoxelGrid::kCount * kClasses, sizeof(uint16_t)))) {
    if (!counts_) throw std::bad_alloc();
  }

  void AddTriangle(const std::array<Vector3f, 3>& corners, uint8_t label) {
    Corners polygon;
    polygon.count = 3;
    std::copy(corners.begin(), corners.end(), polygon.points.begin());
    if (!Clip(polygon)) return;
    for (int i = 1; i + 1 < polygon.count; ++i)
      Sample(polygon.points[0], polygon.points[static_cast<size_t>(i)],
             polygon.points[static_cast<size_t>(i) + 1], label);
  }

  std::vector<uint8_t> Labels() const {
    std::vector<uint8_t> labels(VoxelGrid::kCount, data::kFreeClass);
    for (size_t voxel = 0; voxel < labels.size(); ++voxel) {
      if (!touched_[voxel]) continue;
      const uint16_t* counts = &counts_[voxel * kClasses];
      labels[voxel] = static_cast<uint8_t>(std::max_element(counts, counts + kClasses) - counts);
    }
    return labels;
  }

 private:
  // A triangle cut by six planes has at most nine corners.
  struct Corners {
    std::array<Vector3f, 9> points;
    int count = 0;
  };

  /// Cuts a polygon down to the grid; false when nothing is left.
  static bool Clip(Corners& polygon) {
    for (int axis = 0; axis < 3; ++axis) {
      const float limit = kSize[static_cast<size_t>(axis)];
      const auto outside = [&](bool low) {
        int n = 0;
        for (int i = 0; i < polygon.count; ++i) {
          const float x = polygon.points[static_cast<size_t>(i)][axis];
          n += low ? x < 0 : x > limit;
        }
        return n;
      };
      for (const bool low : {true, false}) {
        const int n = outside(low);
        if (n == polygon.count) return false;
        if (n > 0) polygon = Cut(polygon, axis, low ? 0 : limit, low);
      }
    }
    return polygon.count >= 3;
  }

  static Corners Cut(const Corners& polygon, int axis, float limit, bool keep_above) {
    Corners kept;
    for (int i = 0; i < polygon.count; ++i) {
      const Vector3f& a = polygon.points[static_cast<size_t>(i)];
      const Vector3f& b = polygon.points[static_cast<size_t>((i + 1) % polygon.count)];
      const float da = keep_above ? a[axis] - limit : limit - a[axis];
      const float db = keep_above ? b[axis] - limit : limit - b[axis];
      if (da >= 0 && kept.count < 9) kept.points[static_cast<size_t>(kept.count++)] = a;
      if ((da >= 0) != (db >= 0) && kept.count < 9)
        kept.points[static_cast<size_t>(kept.count++)] = a + (da / (da - db)) * (b - a);
    }
    return kept;
  }

  /// Points on a lattice along the two shorter edges, so that a sliver gets few.
  void Sample(const Vector3f& a, const Vector3f& b, const Vector3f& c, uint8_t label) {
    const float ab = (b - a).squaredNorm(), bc = (c - b).squaredNorm(), ca = (a - c).squaredNorm();
    const Vector3f& apex = bc >= ab && bc >= ca ? a : (ca >= ab ? b : c);
    const Vector3f& second = &apex == &a ? b : (&apex == &b ? c : a);
    const Vector3f& third = &apex == &a ? c : (&apex == &b ? a : b);
    const Vector3f u = second - apex, v = third - apex;
    const int columns = std::max(1, static_cast<int>(std::ceil(u.norm() / kSpacing)));
    const int rows = std::max(1, static_cast<int>(std::ceil(v.norm() / kSpacing)));
    const Vector3f du = u / static_cast<float>(columns), dv = v / static_cast<float>(rows);
    for (int i = 0; i < columns; ++i) {
      // Half a step in, so that neighbouring triangles do not count their edge twice.
      const float share = (static_cast<float>(i) + 0.5f) / static_cast<float>(columns);
      const int most =
          std::max(1, static_cast<int>(std::ceil((1 - share) * static_cast<float>(rows))));
      const Vector3f column = apex + (static_cast<float>(i) + 0.5f) * du;
      const float squeeze = (1 - share) * static_cast<float>(rows) / static_cast<float>(most);
      for (int j = 0; j < most; ++j) {
        const Vector3f p = column + ((static_cast<float>(j) + 0.5f) * squeeze) * dv;
        if (InGrid(p)) Count(IndexOf(p), label);
      }
    }
  }

  void Count(size_t voxel, uint8_t label) {
    touched_[voxel] = 1;
    uint16_t& count = counts_[voxel * kClasses + label];
    if (count < UINT16_MAX) ++count;
  }

  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  std::vector<uint8_t> touched_;
  std::unique_ptr<uint16_t[], Free>
      counts_;  // [voxel][class]; pages that no sample meets cost nothing.
};

/// What the sweeps' rays met.
struct Seen {
  std::vector<uint16_t> hits = std::vector<uint16_t>(VoxelGrid::kCount, 0);
  std::vector<uint16_t> passes = std::vector<uint16_t>(VoxelGrid::kCount, 0);

  static void Count(uint16_t& value) {
    value = static_cast<uint16_t>(value + (value < UINT16_MAX));
  }
};

int Apart(const Vector3f& a, const Vector3d& b) {
  int steps = 0;
  for (int axis = 0; axis < 3; ++axis)
    steps += std::abs(static_cast<int>(a[axis]) - static_cast<int>(std::floor(b[axis])));
  return steps;
}

void CastBack(const Vector3f& point, const Vector3d& origin, const VisibilityRules& rules,
              bool walked, Seen& seen) {
  if (!InGrid(point)) return;  // H.2: rays to points outside of the grid are lost.
  Seen::Count(seen.hits[IndexOf(point)]);
  if (!walked) return;
  // A step of the walk goes one voxel from the point and one towards the origin.
  const int near = static_cast<int>(std::floor(rules.ignore_near / VoxelGrid::kVoxel));
  const int steps = rules.ignore_near > 0 ? Apart(point, origin) - near - 1 : INT_MAX;
  int step = 0;
  geom::WalkSegment(point.cast<double>(), origin, [&](size_t voxel) {
    if (++step > near && step <= steps) Seen::Count(seen.passes[voxel]);
  });
}

std::vector<uint8_t> LidarMask(const OccupancyInput& input) {
  const geom::Pose X_EG = input.X_GE.inverse();
  std::vector<std::optional<ToGrid>> actors(input.actors.size());
  for (size_t a = 0; a < actors.size(); ++a)
    if (input.actors[a]) actors[a].emplace(X_EG * *input.actors[a]);
  const Vector3d own_origin = VoxelGrid::ToVoxels(X_EG * input.p_GL);
  Seen seen;
  for (const LidarFrame* sweep : input.sweeps) {
    const geom::Pose X_EL = X_EG * sweep->X_GL;
    const ToGrid from_L(X_EL);
    const Vector3d origin = VoxelGrid::ToVoxels(X_EL.translation());
    for (size_t i = 0; i < sweep->returns.size(); ++i) {
      const LidarReturn& point = sweep->returns[i];
      // Every second ray, chosen across beams and azimuths, so that no beam is left out.
      const bool walked = !input.rules.half_the_rays || ((i ^ (i >> 5)) & 1) == 0;
      if (point.actor < 0) {
        CastBack(from_L(point.p), origin, input.rules, walked, seen);
      } else if (const auto& from_A = actors[static_cast<size_t>(point.actor)]) {
        CastBack((*from_A)(point.p), own_origin, input.rules, walked, seen);
      }
    }
  }
  std::vector<uint8_t> mask(VoxelGrid::kCount);
  for (size_t i = 0; i < mask.size(); ++i)
    mask[i] = seen.hits[i] >= input.rules.least_hits || seen.passes[i] >= input.rules.least_passes;
  return mask;
}

/// Pixels between rays that meet every voxel of the grid more than twice across: 0.4 m as wide as
/// it looks where the rays of that row leave the grid. Rows that look down or up leave it soon.
double Stride(const geom::PinholeCamera& camera, const Vector3d& origin,
              const Eigen::Matrix3d& to_E, double row_px) {
  constexpr double kFarthest = 57, kNearest = 2, kRaysPerVoxel = 2.2;
  constexpr int kLooks = 16;
  double reach = kNearest;
  for (int i = 0; i <= kLooks; ++i) {
    const Vector3d direction = to_E * Vector3d(i * camera.width_px / double{kLooks}, row_px, 1);
    if (const auto interval = geom::GridInterval(origin, direction))
      reach = std::max(reach, (*interval)[1] * direction.norm() * VoxelGrid::kVoxel);
  }
  return camera.K(0, 0) * VoxelGrid::kVoxel / std::min(reach, kFarthest) / kRaysPerVoxel;
}

/// What a ray does with a voxel.
enum class Pass : uint8_t { kUnseen, kFree, kSolid };

void SeeWith(const geom::PinholeCamera& camera, const std::vector<Pass>& passes,
             std::vector<uint8_t>& mask) {
  const Vector3d origin = VoxelGrid::ToVoxels(camera.X_EC.translation());
  const Eigen::Matrix3d to_E = camera.X_EC.linear() * camera.K.inverse();
  double row_px = 0;
  while (row_px < camera.height_px) {
    // The row below may look farther: half a step down it is asked again.
    double stride_px = Stride(camera, origin, to_E, row_px);
    stride_px = std::min(stride_px, Stride(camera, origin, to_E, row_px + stride_px));
    const double v = row_px + stride_px / 2;
    row_px += stride_px;
    const int columns = static_cast<int>(std::ceil(camera.width_px / stride_px));
    for (int column = 0; column < columns; ++column) {
      const Vector3d pixel((column + 0.5) * camera.width_px / columns, v, 1);
      geom::WalkRay(origin, to_E * pixel, [&](size_t voxel) {
        const Pass pass = passes[voxel];
        if (pass == Pass::kUnseen) return true;
        mask[voxel] = 1;
        return pass == Pass::kFree;
      });
    }
  }
}

}  // namespace

std::vector<uint8_t> Voxelise(const geom::Pose& X_GE, std::span<const PlacedMesh> meshes) {
  const geom::Pose X_EG = X_GE.inverse();
  SampleCounts counts;
  std::vector<Vector3f> points;
  for (const PlacedMesh& mesh : meshes) {
    const ToGrid to_grid(X_EG * mesh.X_GA);
    points.clear();
    for (const Vector3f& p_A : mesh.vertices_A) points.push_back(to_grid(p_A));
    for (size_t t = 0; t < mesh.triangles.size(); ++t) {
      const auto& [a, b, c] = mesh.triangles[t];
      counts.AddTriangle({points[a], points[b], points[c]},
                         data::nuscenes::kCategories[mesh.categories[t]].occupancy);
    }
  }
  return counts.Labels();
}

data::occ3d::Labels MakeLabels(const OccupancyInput& input) {
  data::occ3d::Labels labels;
  labels.semantics = Voxelise(input.X_GE, input.meshes);
  labels.mask_lidar = LidarMask(input);
  labels.mask_camera.assign(VoxelGrid::kCount, 0);
  std::vector<Pass> passes(VoxelGrid::kCount, Pass::kUnseen);
  for (size_t i = 0; i < passes.size(); ++i) {
    if (labels.mask_lidar[i])
      passes[i] = labels.semantics[i] == data::kFreeClass ? Pass::kFree : Pass::kSolid;
  }
  for (const auto& camera : input.cameras) SeeWith(camera, passes, labels.mask_camera);
  for (size_t i = 0; i < labels.semantics.size(); ++i)
    if (!labels.mask_lidar[i]) labels.semantics[i] = data::kFreeClass;
  return labels;
}

}  // namespace occvla::world

#include "occvla/view/voxel_view.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <optional>
#include <thread>
#include <vector>

#include "occvla/base/error.h"
#include "occvla/data/prediction.h"
#include "occvla/geom/voxel_grid.h"
#include "occvla/geom/voxel_walk.h"
#include "occvla/view/palette.h"

namespace occvla::view {
namespace {

using Eigen::Vector3d;
using Eigen::Vector3i;
using geom::VoxelGrid;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
const Vector3d kSun_E = Vector3d(0.35, 0.55, 0.9).normalized();  // To the sun: left ahead, high.

struct Hit {
  double distance = kInfinity;  // Along the ray, in its own unit.
  int axis = 2;                 // Of the face that was met.
  double sign = 1;              // The face's outward direction along the axis.
};

// Where a ray enters a box; nothing if it misses it or the box lies behind.
std::optional<Hit> EnterBox(const Vector3d& from, const Vector3d& along, const Vector3d& low,
                            const Vector3d& high) {
  Hit hit{.distance = -kInfinity};
  double leave = kInfinity;
  for (int axis = 0; axis < 3; ++axis) {
    if (along[axis] == 0) {
      if (from[axis] < low[axis] || from[axis] > high[axis]) return std::nullopt;
      continue;
    }
    const double a = (low[axis] - from[axis]) / along[axis];
    const double b = (high[axis] - from[axis]) / along[axis];
    if (std::min(a, b) > hit.distance)
      hit = {.distance = std::min(a, b), .axis = axis, .sign = along[axis] > 0 ? -1.0 : 1.0};
    leave = std::min(leave, std::max(a, b));
  }
  if (hit.distance > leave || leave < 0) return std::nullopt;
  return hit;
}

class Scene {
 public:
  Scene(std::span<const uint8_t> labels, const VoxelStyle& style)
      : labels_(labels), style_(style) {}

  Colour Trace(const Vector3d& eye_E, const Vector3d& ray_E) const;

 private:
  struct VoxelHit {
    Vector3i voxel;
    Hit hit;  // Distance in voxels.
  };
  std::optional<VoxelHit> Walk(const Vector3d& from_V, const Vector3d& along) const;
  bool Solid(int i, int j, int k) const {
    return VoxelGrid::Holds(i, j, k) && labels_[VoxelGrid::Index(i, j, k)] < data::kFreeClass;
  }
  double Occlusion(const VoxelHit& at, const Vector3d& p_V) const;
  Colour ShadeVoxel(const VoxelHit& at, const Vector3d& p_V) const;
  double Sunlight(const Vector3d& p_V, const Vector3d& normal) const;
  std::optional<std::pair<double, Colour>> TraceCar(const Vector3d& eye_E,
                                                    const Vector3d& ray_E) const;
  Colour Base(const Vector3d& eye_V, const Vector3d& ray) const;

  std::span<const uint8_t> labels_;
  const VoxelStyle& style_;  // Not owned; outlives the scene.
};

std::optional<Scene::VoxelHit> Scene::Walk(const Vector3d& from_V, const Vector3d& along) const {
  const Vector3d size(VoxelGrid::kX, VoxelGrid::kY, VoxelGrid::kZ);
  const auto entry = EnterBox(from_V, along, Vector3d::Zero(), size);
  if (!entry) return std::nullopt;
  Hit hit = *entry;
  hit.distance = std::max(0.0, hit.distance);
  // A hair inside, so that rounding does not begin outside.
  const double start = hit.distance + 1e-9;
  geom::VoxelWalk walk(from_V + start * along, along);
  std::array<int, 3> voxel = walk.voxel();
  while (VoxelGrid::Holds(voxel[0], voxel[1], voxel[2])) {
    if (Solid(voxel[0], voxel[1], voxel[2])) return VoxelHit{{voxel[0], voxel[1], voxel[2]}, hit};
    hit.distance = start + walk.exit();
    walk.Next();
    hit.axis = walk.voxel()[0] != voxel[0] ? 0 : walk.voxel()[1] != voxel[1] ? 1 : 2;
    hit.sign = -static_cast<double>(walk.step()[static_cast<size_t>(hit.axis)]);
    voxel = walk.voxel();
  }
  return std::nullopt;
}

// From 0 (open) to 1: how far the eight voxels around the one before the face close it in,
// interpolated between the face's corners.
double Scene::Occlusion(const VoxelHit& at, const Vector3d& p_V) const {
  const int u = (at.hit.axis + 1) % 3, v = (at.hit.axis + 2) % 3;
  Vector3i before = at.voxel;
  before[at.hit.axis] += at.hit.sign > 0 ? 1 : -1;
  const auto solid = [&](int du, int dv) {
    Vector3i voxel = before;
    voxel[u] += du;
    voxel[v] += dv;
    return Solid(voxel[0], voxel[1], voxel[2]) ? 1.0 : 0.0;
  };
  const auto corner = [&](int du, int dv) {
    const double side = solid(du, 0), other = solid(0, dv);
    return side + other == 2 ? 1.0 : (side + other + solid(du, dv)) / 3;
  };
  const double s = std::clamp(p_V[u] - at.voxel[u], 0.0, 1.0);
  const double t = std::clamp(p_V[v] - at.voxel[v], 0.0, 1.0);
  return (1 - s) * ((1 - t) * corner(-1, -1) + t * corner(-1, 1)) +
         s * ((1 - t) * corner(1, -1) + t * corner(1, 1));
}

double Scene::Sunlight(const Vector3d& p_V, const Vector3d& normal) const {
  const double direct = std::max(0.0, normal.dot(kSun_E));
  // A hair off the face, or it would shade itself.
  if (direct == 0 || Walk(p_V + 1e-3 * normal, kSun_E)) return 0;
  return direct;
}

Colour Scene::ShadeVoxel(const VoxelHit& at, const Vector3d& p_V) const {
  Vector3d normal = Vector3d::Zero();
  normal[at.hit.axis] = at.hit.sign;
  const uint8_t label = labels_[VoxelGrid::Index(at.voxel[0], at.voxel[1], at.voxel[2])];
  const double sky = 0.5 + 0.12 * normal.z() + 0.05 * normal.x();
  const double light = sky * (1 - 0.55 * Occlusion(at, p_V)) + 0.52 * Sunlight(p_V, normal);
  const Colour colour = kOccupancyColours[label];
  const auto shine = [&](double channel) { return std::clamp(channel * light, 0.0, 1.0); };
  Colour lit{shine(colour.red), shine(colour.green), shine(colour.blue)};
  // Thin seams keep neighbours of one class apart; far away they would only darken everything.
  const int u = (at.hit.axis + 1) % 3, v = (at.hit.axis + 2) % 3;
  const auto to_edge = [&](int axis) {
    const double share = p_V[axis] - at.voxel[axis];
    return std::min(share, 1 - share);
  };
  const double seam = std::min(to_edge(u), to_edge(v));
  const double nearness = std::clamp((140 - at.hit.distance) / 90, 0.0, 1.0);
  if (seam < 0.06) lit = Blend(lit, Rgb(0x000000), 0.22 * nearness);
  return lit;
}

// A body and a cabin.
std::optional<std::pair<double, Colour>> Scene::TraceCar(const Vector3d& eye_E,
                                                         const Vector3d& ray_E) const {
  struct Part {
    Vector3d low, high;
    unsigned colour;
  };
  static const std::array<Part, 2> kParts = {
      {{{-0.66, -0.865, 0.2}, {3.424, 0.865, 0.85}, 0xf2f4f7},
       {{-0.35, -0.75, 0.85}, {2.3, 0.75, 1.55}, 0x2b3a4c}}};
  std::optional<std::pair<double, Colour>> nearest;
  for (const Part& part : kParts) {
    const auto hit = EnterBox(eye_E, ray_E, part.low, part.high);
    if (!hit || hit->distance < 0 || (nearest && nearest->first <= hit->distance)) continue;
    Vector3d normal = Vector3d::Zero();
    normal[hit->axis] = hit->sign;
    const double light = 0.6 + 0.4 * std::max(0.0, normal.dot(kSun_E));
    nearest = {hit->distance, Blend(Rgb(0x000000), Rgb(part.colour), light)};
  }
  return nearest;
}

// The plate that the grid stands on, a line each ten metres; elsewhere the background.
Colour Scene::Base(const Vector3d& eye_V, const Vector3d& ray) const {
  if (!(ray.z() < 0) || eye_V.z() <= 0) return style_.background;
  const Vector3d p = eye_V + ray * (-eye_V.z() / ray.z());
  if (p.x() < 0 || p.x() > VoxelGrid::kX || p.y() < 0 || p.y() > VoxelGrid::kY)
    return style_.background;
  const auto to_line = [](double value) { return std::abs(value - 25 * std::round(value / 25)); };
  const bool line = std::min(to_line(p.x()), to_line(p.y())) < 0.25;
  return Blend(style_.background, Rgb(0xffffff), line ? 0.14 : 0.055);
}

Colour Scene::Trace(const Vector3d& eye_E, const Vector3d& ray_E) const {
  const Vector3d eye_V = VoxelGrid::ToVoxels(eye_E);
  const auto at = Walk(eye_V, ray_E);  // Voxels are cubes: directions stay.
  if (style_.draw_car) {
    const auto car = TraceCar(eye_E, ray_E);
    if (car && (!at || car->first < at->hit.distance * VoxelGrid::kVoxel)) return car->second;
  }
  if (!at) return Base(eye_V, ray_E);
  return ShadeVoxel(*at, eye_V + at->hit.distance * ray_E);
}

}  // namespace

data::Image DrawVoxels(std::span<const uint8_t> labels, const geom::PinholeCamera& camera,
                       const VoxelStyle& style) {
  OCCVLA_DCHECK(labels.size() == VoxelGrid::kCount);
  const Scene scene(labels, style);
  const int width = camera.width_px, height = camera.height_px, edge = style.rays_per_pixel_edge;
  data::Image image{.width_px = width, .height_px = height, .rgb = {}};
  image.rgb.resize(static_cast<size_t>(width) * static_cast<size_t>(height) * 3);
  const Eigen::Matrix3d K_inverse = camera.K.inverse();
  const auto draw_row = [&](int y) {
    for (int x = 0; x < width; ++x) {
      Vector3d sum = Vector3d::Zero();
      for (int ray = 0; ray < edge * edge; ++ray) {
        const Vector3d pixel(x + (ray % edge + 0.5) / edge, y + (ray / edge + 0.5) / edge, 1);
        const Vector3d ray_E = (camera.X_EC.linear() * (K_inverse * pixel)).normalized();
        const Colour colour = scene.Trace(camera.X_EC.translation(), ray_E);
        sum += Vector3d(colour.red, colour.green, colour.blue);
      }
      sum *= 255.0 / (edge * edge);
      const auto at = static_cast<size_t>(y * width + x) * 3;
      for (int channel = 0; channel < 3; ++channel)
        image.rgb[at + static_cast<size_t>(channel)] =
            static_cast<uint8_t>(std::lround(sum[channel]));
    }
  };
  const int threads = std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, 8);
  std::vector<std::jthread> workers;
  for (int first = 0; first < threads; ++first) {
    workers.emplace_back([&, first] {
      for (int y = first; y < height; y += threads) draw_row(y);
    });
  }
  workers.clear();  // Joins.
  return image;
}

geom::PinholeCamera LookAt(const Vector3d& eye_E, const Vector3d& target_E, double width_deg,
                           int width_px, int height_px) {
  const Vector3d forward = (target_E - eye_E).normalized();
  const Vector3d right = forward.cross(Vector3d::UnitZ()).normalized();
  geom::PinholeCamera camera;
  camera.width_px = width_px;
  camera.height_px = height_px;
  const double focal = width_px / (2 * std::tan(width_deg * std::numbers::pi / 360));
  camera.K << focal, 0, width_px / 2.0, 0, focal, height_px / 2.0, 0, 0, 1;
  camera.X_EC.linear().col(0) = right;
  camera.X_EC.linear().col(1) = forward.cross(right);
  camera.X_EC.linear().col(2) = forward;
  camera.X_EC.translation() = eye_E;
  return camera;
}

geom::PinholeCamera ChaseCamera(int width_px, int height_px) {
  return LookAt({-46, 0, 34}, {1.5, 0, -4}, 62, width_px, height_px);
}

}  // namespace occvla::view

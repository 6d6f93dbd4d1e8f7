#include "occvla/world/synth/visibility.h"

#include <algorithm>
#include <cmath>

#include "occvla/base/rng.h"

namespace occvla::world::synth {
namespace {

using Eigen::Vector3d, Eigen::Vector3f;

constexpr int kPoints = 48;    // The share is then known to about 0.07.
constexpr double kNear = 0.2;  // Metres ahead of the camera.

/// Points on faces that look at the camera, spread by solid angle. In frame R.
std::vector<Vector3d> PointsTowards(const Scene::Moment::Present& who, const Vector3d& eye_R,
                                    Rng& rng) {
  const auto& mesh = *who.mesh;
  const Vector3f eye_A = (who.X_RA.inverse() * eye_R).cast<float>();
  std::vector<double> sums;
  sums.reserve(mesh.triangles.size());
  double sum = 0;
  for (const auto& [a, b, c] : mesh.triangles) {
    const Vector3f &p = mesh.vertices[a], &q = mesh.vertices[b], &r = mesh.vertices[c];
    const Vector3f to_eye = eye_A - (p + q + r) / 3;
    const double distance = std::max(0.1f, to_eye.norm());
    const double facing = (q - p).cross(r - p).dot(to_eye);
    sum += std::max(0.0, facing / (distance * distance * distance));
    sums.push_back(sum);
  }
  std::vector<Vector3d> points;
  for (int i = 0; i < kPoints && sum > 0; ++i) {
    // One draw a stratum: an even spread from few points.
    const double draw = (i + rng.Uniform()) / kPoints * sum;
    const auto t =
        static_cast<size_t>(std::upper_bound(sums.begin(), sums.end(), draw) - sums.begin());
    const auto& [a, b, c] = mesh.triangles[std::min(t, mesh.triangles.size() - 1)];
    const double root = std::sqrt(rng.Uniform()), along = rng.Uniform();
    const Vector3f p_A = mesh.vertices[a] * static_cast<float>(1 - root) +
                         mesh.vertices[b] * static_cast<float>(root * (1 - along)) +
                         mesh.vertices[c] * static_cast<float>(root * along);
    points.push_back(who.X_RA * p_A.cast<double>());
  }
  return points;
}

bool InImage(const geom::PinholeCamera& camera, const Vector3d& p_CQ) {
  if (p_CQ.z() < kNear) return false;
  const Vector3d uv = camera.K * (p_CQ / p_CQ.z());
  return uv.x() > 0 && uv.x() < camera.width_px && uv.y() > 0 && uv.y() < camera.height_px;
}

}  // namespace

void AddVisibility(const Scene::Moment& moment, const geom::PinholeCamera& camera, double range,
                   Visibility* visibility) {
  const Scene& scene = moment.scene();
  visibility->actors.resize(scene.drive().actors.size());
  const geom::Pose X_GC = EgoAt(scene.drive(), moment.time_s()).X_GE * camera.X_EC;
  const geom::Pose X_CG = X_GC.inverse();
  const Vector3d eye_R = X_GC.translation() - scene.origin_G();
  std::vector<Ray> rays;
  std::vector<int32_t> aims;
  for (const auto& who : moment.present()) {
    const Vector3d to_R = who.X_RA.translation() - eye_R;
    const double reach = scene.drive().actors[static_cast<size_t>(who.actor)].size.norm();
    if (to_R.norm() > range + reach) continue;
    // Wholly behind the image plane.
    if ((X_CG.linear() * to_R).z() < -reach) continue;
    Rng rng(scene.drive().seed, "synth.visibility", static_cast<uint64_t>(who.actor),
            static_cast<uint64_t>(std::llround(moment.time_s() * 1e6)));
    for (const auto& p_R : PointsTowards(who, eye_R, rng)) {
      if (!InImage(camera, X_CG * (p_R + scene.origin_G()))) continue;
      rays.push_back({.origin_G = X_GC.translation(),
                      .direction_G = (p_R - eye_R).normalized(),
                      .reach = 1000});
      aims.push_back(who.actor);
    }
  }
  const auto hits = moment.Cast(rays);
  for (size_t i = 0; i < hits.size(); ++i) {
    auto& count = visibility->actors[static_cast<size_t>(aims[i])];
    ++count.in_view;
    count.seen += hits[i].actor == aims[i];
  }
}

}  // namespace occvla::world::synth

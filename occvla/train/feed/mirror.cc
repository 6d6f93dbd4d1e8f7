#include "occvla/train/feed/mirror.h"

#include <algorithm>

#include "occvla/base/error.h"

namespace occvla::train {
namespace {

constexpr size_t kGridX = 200, kGridY = 200, kGridZ = 16;

// -0.0 would tell a mirrored zero from a zero.
double Opposite(double y) { return y == 0 ? 0 : -y; }

}  // namespace

data::MetaAction Mirrored(data::MetaAction action) {
  using data::Direction;
  switch (action.direction) {
    case Direction::kTurnLeft:
      action.direction = Direction::kTurnRight;
      break;
    case Direction::kTurnRight:
      action.direction = Direction::kTurnLeft;
      break;
    case Direction::kChangeLaneLeft:
      action.direction = Direction::kChangeLaneRight;
      break;
    case Direction::kChangeLaneRight:
      action.direction = Direction::kChangeLaneLeft;
      break;
    case Direction::kGoStraight:
    case Direction::kStop:
      break;
  }
  return action;
}

data::EgoState Mirrored(data::EgoState ego) {
  if (ego.velocity_E) ego.velocity_E->at(1) = Opposite(ego.velocity_E->at(1));
  for (auto& p_E : ego.past_positions_E) p_E[1] = Opposite(p_E[1]);
  for (data::MetaAction& action : ego.past_meta_actions) action = Mirrored(action);
  return ego;
}

geom::PinholeCamera Mirrored(const geom::PinholeCamera& camera) {
  geom::PinholeCamera mirrored = camera;
  mirrored.K(0, 1) = Opposite(camera.K(0, 1));
  mirrored.K(0, 2) = camera.width_px - camera.K(0, 2);
  // Mirrored on both sides: in E the place, in C the x axis, which keeps it a rotation.
  const Eigen::DiagonalMatrix<double, 3> mirror_E(1, -1, 1), mirror_C(-1, 1, 1);
  mirrored.X_EC.linear() = mirror_E * camera.X_EC.linear() * mirror_C;
  mirrored.X_EC.translation() = mirror_E * camera.X_EC.translation();
  return mirrored;
}

void MirrorGrid(std::vector<uint8_t>& grid_E) {
  OCCVLA_DCHECK(grid_E.size() == kGridX * kGridY * kGridZ);
  for (size_t i = 0; i < kGridX; ++i) {
    uint8_t* const plane = grid_E.data() + i * kGridY * kGridZ;
    for (size_t j = 0; j < kGridY / 2; ++j)
      std::swap_ranges(plane + j * kGridZ, plane + (j + 1) * kGridZ,
                       plane + (kGridY - 1 - j) * kGridZ);
  }
}

void MirrorImages(std::vector<uint8_t>& rgb, int size_px) {
  const auto size = static_cast<size_t>(size_px);
  const size_t camera_bytes = size * size * 3;
  OCCVLA_DCHECK(rgb.size() == 6 * camera_bytes);
  for (size_t row = 0; row < 6 * size; ++row) {
    uint8_t* const pixels = rgb.data() + row * size * 3;
    for (size_t left = 0, right = size - 1; left < right; ++left, --right)
      std::swap_ranges(pixels + left * 3, pixels + left * 3 + 3, pixels + right * 3);
  }
  for (size_t i = 0; i < kMirroredCamera.size(); ++i) {
    const size_t other = kMirroredCamera[i];
    if (other > i)
      std::swap_ranges(rgb.data() + i * camera_bytes, rgb.data() + (i + 1) * camera_bytes,
                       rgb.data() + other * camera_bytes);
  }
}

void MirrorAllButTexts(Example& example) {
  if (!example.rgb.empty()) MirrorImages(example.rgb, example.size_px);
  if (example.labels) {
    MirrorGrid(example.labels->semantics);
    MirrorGrid(example.labels->mask_lidar);
    MirrorGrid(example.labels->mask_camera);
  }
  example.ego = Mirrored(std::move(example.ego));
  if (example.meta_action) example.meta_action = Mirrored(*example.meta_action);
  for (auto& p_E : example.trajectory_E) p_E[1] = Opposite(p_E[1]);
  if (example.cameras) {
    const auto seen = *example.cameras;
    for (size_t i = 0; i < seen.size(); ++i)
      (*example.cameras)[kMirroredCamera[i]] = Mirrored(seen[i]);
  }
  example.flipped = !example.flipped;
}

}  // namespace occvla::train

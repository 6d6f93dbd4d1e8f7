#include "occvla/eval/occupancy/lidar_origins.h"

#include <cmath>

#include "occvla/base/json.h"

namespace occvla::eval {
namespace {

constexpr double kReach_m = 39;
constexpr size_t kMostOrigins = 8;

}  // namespace

std::vector<Eigen::Vector3d> RayOrigins(std::span<const LidarPlace> keyframes, size_t frame) {
  const LidarPlace& now = keyframes[frame];
  const geom::Pose X_LG = (now.X_GE * now.X_EL).inverse();
  std::vector<Eigen::Vector3d> near_E;
  for (const LidarPlace& other : keyframes) {
    const Eigen::Vector3d p_E = now.X_EL * (X_LG * (other.X_GE * other.X_EL).translation());
    if (std::fabs(p_E.x()) < kReach_m && std::fabs(p_E.y()) < kReach_m) near_E.push_back(p_E);
  }
  if (near_E.size() <= kMostOrigins) return near_E;
  std::vector<Eigen::Vector3d> chosen_E;
  for (size_t i = 0; i < kMostOrigins; ++i) {
    // As numpy: the last is exact, halves go to the even number.
    const double step = static_cast<double>(near_E.size() - 1) / (kMostOrigins - 1);
    const double at = i + 1 == kMostOrigins ? static_cast<double>(near_E.size() - 1)
                                            : static_cast<double>(i) * step;
    chosen_E.push_back(near_E[static_cast<size_t>(std::nearbyint(at))]);
  }
  return chosen_E;
}

std::map<std::string, std::vector<Eigen::Vector3d>> ReadRayOrigins(
    const std::filesystem::path& path) {
  const nlohmann::json document = ReadJsonFile(path);
  const JsonNode root(document, path.string());
  std::map<std::string, std::vector<Eigen::Vector3d>> origins;
  for (const std::string& name : root.Names()) {
    const JsonNode list = root.At(name);
    std::vector<Eigen::Vector3d>& origins_E = origins[name];
    for (size_t i = 0; i < list.size(); ++i) {
      const std::vector<double> point = list.At(i).Numbers(3);
      // Farther ones have no voxel numbers; a lidar is on its car.
      constexpr double kFarthest = 1000;
      for (const double coordinate : point)
        if (std::abs(coordinate) > kFarthest) list.At(i).Fail("must lie within 1000 m of the car");
      origins_E.emplace_back(point[0], point[1], point[2]);
    }
  }
  return origins;
}

}  // namespace occvla::eval

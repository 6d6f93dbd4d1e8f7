#pragma once
#include <Eigen/Core>
#include <array>
#include <cstdint>
#include <vector>

/// Triangles and what they are made of.
namespace occvla::world {

/// How a surface's colour varies over it; evaluated where a ray hits.
enum class Texture : uint8_t {
  kPlain,
  kGrass,
  kAsphalt,
  kParking,
  kPaving,
  kGravel,
  kKerb,
  kFacade,     ///< Wall with rows of windows: `bay`, `storey`.
  kTiles,      ///< Roof tiles.
  kBrick,      ///< Wall without windows.
  kLeaves,     ///< Round crown: shaded as a sphere around `origin`.
  kBark,       //
  kGlass,      ///< Mirrors the sky.
  kPaint,      ///< Car paint: mirrors a little.
  kStripes,    ///< `colour` and `second` in slanted bands.
  kWindows,    ///< A bus's row of windows with posts.
  kCorrugated  ///< Sheet steel of cargo boxes.
};

/// What makes a surface glow.
enum class Lamp : uint8_t {
  kNone,
  kHead,
  kTail,
  kBrake,
  kLeft,   ///< Indicators.
  kRight,  //
  kBeacon,
  kStreet,
  kRed,  ///< Traffic lights.
  kAmber,
  kGreen
};
inline constexpr size_t kLampCount = 11;

struct Material {
  Texture texture = Texture::kPlain;
  Lamp lamp = Lamp::kNone;
  Eigen::Vector3f colour = Eigen::Vector3f::Constant(0.5f);  ///< Linear albedo, RGB.
  /// Of stripes and window posts. A facade: (1 = brick, storeys with windows, half a window's share
  /// of its bay); leaves: (1 = keep the facets' normals, -, -).
  Eigen::Vector3f second = Eigen::Vector3f::Zero();
  float mirror = 0;    ///< Share of light mirrored at normal incidence.
  float lidar = 0.4f;  ///< Share of lidar light that comes back at normal incidence.
  uint32_t key = 0;    ///< Of the variation.
  int link = -1;       ///< Of traffic lamps: index into Town::lights.
  /// Where texture coordinates start, and their x axis; in the mesh's frame.
  Eigen::Vector3f origin = Eigen::Vector3f::Zero();
  float axis_x = 1, axis_y = 0;
  Eigen::Vector2f half = Eigen::Vector2f::Ones();  ///< Half lengths along x and y.
  Eigen::Vector2f bay = Eigen::Vector2f::Ones();   ///< Window spacing along x and y.
  float storey = 3;
};

/// Triangles with one lidarseg category each (index into data::nuscenes::kCategories). Seen from
/// outside the corners run counter-clockwise.
struct Mesh {
  std::vector<Eigen::Vector3f> vertices;
  std::vector<std::array<uint32_t, 3>> triangles;
  std::vector<uint8_t> categories;  ///< Per triangle.
  std::vector<uint16_t> materials;  ///< Per triangle: index into `palette`.
  std::vector<int32_t> props;       ///< Per triangle: index of the prop, -1 = none.
  std::vector<Material> palette;
};

/// Adds `part`, its palette too.
void Append(Mesh& mesh, const Mesh& part);

/// Smallest and largest coordinates over all triangles' corners.
struct Extent {
  Eigen::Vector3f low = Eigen::Vector3f::Constant(1e30f), high = Eigen::Vector3f::Constant(-1e30f);
};
Extent ExtentOf(const Mesh& mesh);

}  // namespace occvla::world

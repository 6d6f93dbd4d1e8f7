#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "occvla/data/nuscenes/map.h"
#include "occvla/world/town.h"

/// A town as nuScenes tells of a place: the vector map, the semantic prior and the base map.
namespace occvla::world {

/// All layers of the map expansion. Element i is `town.lanes[i]`, whose lanes come before its
/// connectors; token and paths are its own, all other tokens depend on the town's seed and location
/// alone. Areas that touch share their corners' nodes, and an area has a node wherever a lane or
/// road block begins or ends on its boundary, so that the devkit's get_next_roads finds what
/// follows. Coordinates are the town's.
data::nuscenes::MapRecords ToMapRecords(const Town& town);

/// True for a sidewalk that no lot is built upon: a walkway of the map.
bool IsWalkway(const Town& town, const Area& area);
/// True for what stands raised in a road: a hole of the drivable area.
bool IsIsland(const Area& area);

/// An 8-bit grey PNG of the canvas, north up; the same town gives the same bytes. The pixel in
/// column i and row j shows the point (i / scale, height - j / scale), as the devkit's map mask
/// looks points up. Made row by row: a town of 3 km needs no gigabyte.
enum class MapPicture : uint8_t {
  /// 255 where cars or people go (road, car park, walkway), else 0; 10 pixels a metre, which the
  /// devkit's MapMask takes for granted.
  kSemanticPrior,
  /// The surfaces in shades of grey with the paint on them; 5 pixels a metre (the devkit stretches
  /// it over the canvas).
  kBaseMap
};
std::string EncodeMapPicture(const Town& town, MapPicture picture);

/// The semantic prior's file name below `maps`, under which the devkit looks for the location's:
/// "36092f0b03a857c6a3403e25b4b7aab3.png" for boston-seaport. Throws ConfigError for a location
/// that is none of kTownLocations.
std::string SemanticPriorName(std::string_view location);

/// Writes `maps/expansion/<location>.json`, the semantic prior and `maps/basemap/<location>.png`
/// below the data root, whose folders are made. Each file appears when it is whole.
void WriteTownMap(const std::filesystem::path& dataroot, const Town& town);

}  // namespace occvla::world

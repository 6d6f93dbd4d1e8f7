#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/geom/box.h"
#include "occvla/world/drive.h"
#include "occvla/world/synth/scene_record.h"

/// Boxes of a scene as rows of `instance` and `sample_annotation`.
namespace occvla::world::synth {

/// An actor as a keyframe's sensors saw it.
struct Sighting {
  geom::Box box_G;
  Activity activity = Activity::kNone;
  int64_t lidar_points = 0;  ///< Of the keyframe's sweep, in the box, faces included.
  double visible_share = 0;  ///< Of what the six cameras would see of it alone, 0 to 1.
  bool annotated = false;    ///< Near enough, and touched by the lidar or seen by a camera.
};

/// Sightings by keyframe and actor: [keyframe][actor].
using Sightings = std::vector<std::vector<Sighting>>;

struct AnnotationKeys {
  uint64_t seed = 0;                     ///< Of the data set.
  size_t scene = 0;                      ///< Its place in the plan.
  std::span<const std::string> samples;  ///< Token of every keyframe.
};

/// Adds a row of `instance` for every actor that was annotated at least once, and its chain of
/// annotations, grouped by instance.
void AddAnnotations(const Drive& drive, const Sightings& sightings, const AnnotationKeys& keys,
                    SceneRecord* record);

/// "vehicle.parked", "pedestrian.moving", ...; empty for what has no attribute.
std::string_view AttributeOf(uint8_t category, Activity activity);
/// The visibility table's token: "1" below 40 %, "2" below 60 %, "3" below 80 %, then "4".
std::string_view VisibilityOf(double visible_share);

/// Tokens of the rows that every synthetic data set shares.
std::string CategoryToken(uint8_t category);
std::string AttributeToken(std::string_view attribute);

}  // namespace occvla::world::synth

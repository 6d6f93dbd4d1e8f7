#include "occvla/world/synth/annotate.h"

#include <Eigen/Geometry>
#include <algorithm>

#include "occvla/data/nuscenes/category.h"
#include "occvla/data/nuscenes/write_tables.h"
#include "occvla/world/synth/token.h"

namespace occvla::world::synth {
namespace {

using data::nuscenes::kAttributes;
using data::nuscenes::kCategories;

bool IsCycle(std::string_view category) {
  return category == "vehicle.bicycle" || category == "vehicle.motorcycle";
}

data::nuscenes::SampleAnnotationRecord Row(const Sighting& sighting, std::string_view attribute) {
  data::nuscenes::SampleAnnotationRecord row;
  if (!attribute.empty()) row.attribute_tokens = {AttributeToken(attribute)};
  row.visibility_token = VisibilityOf(sighting.visible_share);
  const auto& box = sighting.box_G;
  Eigen::Map<Eigen::Vector3d>(row.translation.data()) = box.X_AB.translation();
  row.size = {box.size.y(), box.size.x(), box.size.z()};
  const Eigen::Quaterniond rotation(box.X_AB.linear());
  row.rotation = {rotation.w(), rotation.x(), rotation.y(), rotation.z()};
  row.num_lidar_pts = sighting.lidar_points;
  return row;
}

}  // namespace

std::string_view AttributeOf(uint8_t category, Activity activity) {
  const std::string_view name = kCategories[category].name;
  if (activity == Activity::kNone) return "";
  if (IsCycle(name)) {
    const bool alone = activity == Activity::kWithoutRider || activity == Activity::kParked;
    return alone ? "cycle.without_rider" : "cycle.with_rider";
  }
  if (name.starts_with("vehicle.")) {
    if (activity == Activity::kMoving) return "vehicle.moving";
    return activity == Activity::kParked ? "vehicle.parked" : "vehicle.stopped";
  }
  if (name.starts_with("human.")) {
    if (activity == Activity::kMoving) return "pedestrian.moving";
    return activity == Activity::kSitting ? "pedestrian.sitting_lying_down" : "pedestrian.standing";
  }
  return "";
}

std::string_view VisibilityOf(double visible_share) {
  if (visible_share < 0.4) return "1";
  if (visible_share < 0.6) return "2";
  return visible_share < 0.8 ? "3" : "4";
}

std::string CategoryToken(uint8_t category) { return Token(0, "category", 0, category); }

std::string AttributeToken(std::string_view attribute) {
  const auto at = std::find(kAttributes.begin(), kAttributes.end(), attribute);
  return Token(0, "attribute", 0, static_cast<uint64_t>(at - kAttributes.begin()));
}

void AddAnnotations(const Drive& drive, const Sightings& sightings, const AnnotationKeys& keys,
                    SceneRecord* record) {
  const size_t keyframes = sightings.size();
  const auto token = [&](size_t actor, size_t keyframe) {
    return Token(keys.seed, "sample_annotation", keys.scene, actor * keyframes + keyframe);
  };
  for (size_t actor = 0; actor < drive.actors.size(); ++actor) {
    std::vector<size_t> seen;
    for (size_t k = 0; k < keyframes; ++k)
      if (sightings[k][actor].annotated) seen.push_back(k);
    if (seen.empty()) continue;
    const uint8_t category = drive.actors[actor].category;
    const auto instance = Token(keys.seed, "instance", keys.scene, actor);
    for (size_t i = 0; i < seen.size(); ++i) {
      const auto& sighting = sightings[seen[i]][actor];
      auto row = Row(sighting, AttributeOf(category, sighting.activity));
      row.token = token(actor, seen[i]);
      row.sample_token = keys.samples[seen[i]];
      row.instance_token = instance;
      if (i > 0) row.prev = token(actor, seen[i - 1]);
      if (i + 1 < seen.size()) row.next = token(actor, seen[i + 1]);
      record->Add(Part::kSampleAnnotation, ToJson(row));
    }
    record->Add(Part::kInstance, ToJson(data::nuscenes::InstanceRecord{
                                     .token = instance,
                                     .category_token = CategoryToken(category),
                                     .nbr_annotations = seen.size(),
                                     .first_annotation_token = token(actor, seen.front()),
                                     .last_annotation_token = token(actor, seen.back())}));
  }
}

}  // namespace occvla::world::synth

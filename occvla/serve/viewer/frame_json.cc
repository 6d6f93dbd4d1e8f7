#include "occvla/serve/viewer/frame_json.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "occvla/data/nuscenes/category.h"
#include "occvla/view/frame_facts.h"
#include "occvla/view/local_map.h"
#include "occvla/view/path.h"

namespace occvla::serve::viewer {
namespace {

using Json = nlohmann::ordered_json;
constexpr double kMapRadius = 60;  // Metres; the grid's corner is 57 m away.

/// To so many decimals, in the shortest form; what is not finite becomes null.
Json Rounded(double value, double steps = 100) {
  if (!std::isfinite(value)) return nullptr;
  const double rounded = std::round(value * steps) / steps + 0.0;
  return rounded;
}

template <typename Vector>
Json Point(const Vector& p) {
  Json json = Json::array();
  for (Eigen::Index index = 0; index < p.size(); ++index) json.push_back(Rounded(p[index]));
  return json;
}

/// {"rotation": row-major [9], "translation": [3]}.
Json PoseToJson(const geom::Pose& pose) {
  Json rotation = Json::array();
  for (int row = 0; row < 3; ++row)
    for (int column = 0; column < 3; ++column)
      rotation.push_back(Rounded(pose.linear()(row, column), 1e7));
  Json translation = Json::array();
  for (int axis = 0; axis < 3; ++axis)
    translation.push_back(Rounded(pose.translation()[axis], 1e4));
  return {{"rotation", rotation}, {"translation", translation}};
}

Json Cameras(const data::Frame& frame) {
  Json cameras = Json::array();
  for (size_t index = 0; index < frame.images.size(); ++index) {
    const data::CameraImage& image = frame.images[index];
    Json json{{"name", data::kCameraNames[index]},
              {"image", !image.path.empty() || !image.bytes.empty()},
              {"timestamp_us", image.timestamp_us},
              {"calibration", nullptr}};
    if (image.camera) {
      Json intrinsic = Json::array();
      for (int row = 0; row < 3; ++row)
        for (int column = 0; column < 3; ++column)
          intrinsic.push_back(Rounded(image.camera->K(row, column), 1e4));
      json["calibration"] = {{"width", image.camera->width_px},
                             {"height", image.camera->height_px},
                             {"intrinsic", intrinsic},
                             {"camera_in_ego", PoseToJson(image.camera->X_EC)}};
    }
    cameras.push_back(std::move(json));
  }
  return cameras;
}

Json Boxes(const data::Frame& frame) {
  Json boxes = Json::array();
  if (!frame.now) return boxes;
  const geom::Pose X_EG = frame.now->X_GE.inverse();
  for (const data::Annotation& one : frame.annotations) {
    const geom::Box box_E{.X_AB = X_EG * one.box_G.X_AB, .size = one.box_G.size};
    if (!box_E.X_AB.matrix().allFinite()) continue;
    Json corners = Json::array();
    for (const Eigen::Vector3d& corner_E : geom::Corners(box_E)) corners.push_back(Point(corner_E));
    const auto category = data::nuscenes::CategoryIndex(one.category);
    Json json{{"token", one.token},
              {"instance", one.instance_token},
              {"category", one.category},
              {"class", category ? data::nuscenes::kCategories[*category].occupancy : 0},
              {"corners_E", corners},
              {"size", Point(box_E.size)},
              {"centre_E", Point(box_E.X_AB.translation())},
              {"velocity_E", nullptr},
              {"attributes", one.attributes},
              {"visibility", one.visibility},
              {"lidar_points", one.lidar_points},
              {"radar_points", one.radar_points}};
    if (one.velocity_G) {
      const Eigen::Vector3d velocity_E = X_EG.linear() * *one.velocity_G;
      json["velocity_E"] = Point(Eigen::Vector2d(velocity_E.head<2>()));
    }
    boxes.push_back(std::move(json));
  }
  return boxes;
}

Json MapNear(const data::Frame& frame) {
  constexpr std::array<std::string_view, 3> kLineKinds = {"lane_divider", "road_divider",
                                                          "centreline"};
  const view::LocalMap map = view::MapAround(frame, kMapRadius);
  Json areas = Json::array(), lines = Json::array();
  const auto points = [](const std::vector<Eigen::Vector3d>& line_E) {
    Json json = Json::array();
    for (const Eigen::Vector3d& p_E : line_E) json.push_back(Point(p_E));
    return json;
  };
  for (const auto& area : map.areas) {
    Json rings = Json::array();
    for (const auto& ring_E : area.rings_E) rings.push_back(points(ring_E));
    areas.push_back({{"layer", data::nuscenes::kLayerNames[static_cast<size_t>(area.layer)]},
                     {"rings_E", rings}});
  }
  for (const auto& line : map.lines)
    lines.push_back({{"kind", kLineKinds[static_cast<size_t>(line.kind)]},
                     {"points_E", points(line.points_E)}});
  return {{"known", frame.map != nullptr}, {"areas", areas}, {"lines", lines}};
}

/// [[x, y, z, t]...] in E.
Json Way(const std::vector<view::PathPoint>& path) {
  Json json = Json::array();
  for (const auto& point : path)
    json.push_back({Rounded(point.p_E.x()), Rounded(point.p_E.y()), Rounded(point.z_E),
                    Rounded(point.time, 1000)});
  return json;
}

}  // namespace

Json FrameToJson(const data::Frame& frame) {
  Json json{{"token", frame.token}, {"scene", frame.scene}, {"location", frame.location}};
  json["timestamp_us"] = frame.now ? frame.now->timestamp_us : int64_t{0};
  json["utc"] = view::UtcText(frame.now ? frame.now->timestamp_us : 0);
  json["ego_in_global"] = frame.now ? PoseToJson(frame.now->X_GE) : Json(nullptr);
  json["velocity_E"] = nullptr;
  if (frame.ego.velocity_E)
    json["velocity_E"] = {Rounded((*frame.ego.velocity_E)[0]), Rounded((*frame.ego.velocity_E)[1])};
  json["cameras"] = Cameras(frame);
  json["boxes"] = Boxes(frame);
  json["map"] = MapNear(frame);
  const view::DrivenPath driven = view::DrivenPathOf(frame);
  json["way"] = {{"past", Way(driven.past)}, {"future", Way(driven.future)}};
  Json truth = Json::array();  // The six keyframes that follow; null where the scene has ended.
  for (const auto& moment : frame.future) {
    if (!moment || !frame.now) {
      truth.push_back(nullptr);
      continue;
    }
    const Eigen::Vector3d p_E = frame.now->X_GE.inverse() * moment->X_GE.translation();
    truth.push_back({Rounded(p_E.x()), Rounded(p_E.y())});
  }
  json["trajectory"] = truth;
  json["meta_action"] = frame.meta_action ? Json(data::ToString(*frame.meta_action)) : nullptr;
  Json questions = Json::array();
  for (const auto& one : frame.questions)
    questions.push_back({{"question", one.question}, {"answer", one.answer}, {"kind", one.kind}});
  json["questions"] = questions;
  json["occupancy"] = !frame.occupancy.empty();
  return json;
}

Json ChainOfThoughtToJson(const data::CotLabel& label) {
  Json past = Json::array();
  for (const auto& action : label.past) past.push_back(data::ToString(action));
  return {{"past", past},
          {"scene", label.text.scene},
          {"intent", label.text.intent},
          {"meta_action", data::ToString(label.text.meta_action)},
          {"maker", label.maker}};
}

}  // namespace occvla::serve::viewer

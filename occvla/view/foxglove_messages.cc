#include "occvla/view/foxglove_messages.h"

#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "occvla/base/base64.h"
#include "occvla/base/error.h"
#include "occvla/geom/voxel_grid.h"
#include "occvla/view/map_colours.h"
#include "occvla/view/palette.h"
#include "occvla/view/scene_box.h"

namespace occvla::view {
namespace {

using Json = nlohmann::ordered_json;
using data::nuscenes::Layer;

constexpr double kSlowest = 0.3;  // m/s; slower boxes get no arrow.

// Annotations' texts come from files: what is no UTF-8 becomes U+FFFD.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Json Time(uint64_t time_ns) {
  return {{"sec", time_ns / 1'000'000'000}, {"nsec", time_ns % 1'000'000'000}};
}
Json Vector(const Eigen::Vector3d& v) { return {{"x", v.x()}, {"y", v.y()}, {"z", v.z()}}; }
Json Rotation(const Eigen::Matrix3d& R) {
  const Eigen::Quaterniond q(R);
  return {{"x", q.x()}, {"y", q.y()}, {"z", q.z()}, {"w", q.w()}};
}
Json Pose(const geom::Pose& X) {
  return {{"position", Vector(X.translation())}, {"orientation", Rotation(X.linear())}};
}
Json Color(const Colour& colour) {
  return {{"r", colour.red}, {"g", colour.green}, {"b", colour.blue}, {"a", colour.alpha}};
}

/// An entity without content; every list must be there.
Json Entity(uint64_t time_ns, std::string_view id) {
  Json entity = {{"timestamp", Time(time_ns)},
                 {"frame_id", kEgoFrame},
                 {"id", id},
                 {"lifetime", {{"sec", 0}, {"nsec", 0}}},
                 {"frame_locked", true},
                 {"metadata", Json::array()}};
  for (const char* list :
       {"arrows", "cubes", "spheres", "cylinders", "lines", "triangles", "texts", "models"})
    entity[list] = Json::array();
  return entity;
}

/// Takes away what the topic showed before.
Json Update(uint64_t time_ns, Json entities) {
  return {{"deletions", {{{"timestamp", Time(time_ns)}, {"type", 1}, {"id", ""}}}},
          {"entities", std::move(entities)}};
}

Json Line(const std::vector<Eigen::Vector3d>& points_E, bool closed, double thickness,
          const Colour& colour) {
  Json points = Json::array();
  for (const Eigen::Vector3d& p_E : points_E) points.push_back(Vector(p_E));
  return {{"type", closed ? 1 : 0},      {"pose", Pose(geom::Pose::Identity())},
          {"thickness", thickness},      {"scale_invariant", false},
          {"points", std::move(points)}, {"color", Color(colour)},
          {"colors", Json::array()},     {"indices", Json::array()}};
}

Json Arrow(const geom::Box& box_E, const Eigen::Vector2d& velocity_E, const Colour& colour) {
  geom::Pose X_EA = geom::Pose::Identity();
  X_EA.translation() = box_E.X_AB.translation();
  X_EA.linear() =
      Eigen::AngleAxisd(std::atan2(velocity_E.y(), velocity_E.x()), Eigen::Vector3d::UnitZ())
          .toRotationMatrix();
  return {{"pose", Pose(X_EA)},     {"shaft_length", velocity_E.norm()},
          {"shaft_diameter", 0.15}, {"head_length", 0.5},
          {"head_diameter", 0.45},  {"color", Color(colour)}};
}

Json BoxEntity(uint64_t time_ns, const data::Annotation& one, const SceneBox& box) {
  Json entity = Entity(time_ns, one.instance_token);
  const double strength = box.faint ? 0.25 : 0.5;
  entity["metadata"] = {{{"key", "category"}, {"value", one.category}},
                        {{"key", "annotation"}, {"value", one.token}},
                        {{"key", "lidar_points"}, {"value", std::to_string(one.lidar_points)}}};
  entity["cubes"].push_back({{"pose", Pose(box.box_E.X_AB)},
                             {"size", Vector(box.box_E.size)},
                             {"color", Color(box.colour.WithAlpha(strength))}});
  if (box.velocity_E && box.velocity_E->norm() >= kSlowest)
    entity["arrows"].push_back(Arrow(box.box_E, *box.velocity_E, box.colour));
  geom::Pose X_ET = geom::Pose::Identity();
  X_ET.translation() =
      box.box_E.X_AB.translation() + Eigen::Vector3d(0, 0, box.box_E.size.z() / 2 + 0.5);
  const size_t dot = one.category.find('.');
  entity["texts"].push_back(
      {{"pose", Pose(X_ET)},
       {"billboard", true},
       {"font_size", 0.6},
       {"scale_invariant", false},
       {"color", Color(box.colour)},
       {"text", dot == std::string::npos ? one.category : one.category.substr(dot + 1)}});
  return entity;
}

Json Field(std::string_view name, size_t offset, int type) {
  return {{"name", name}, {"offset", offset}, {"type", type}};
}

/// Whether something free lies at one of a voxel's six faces; the grid's outside is free.
bool CanBeSeen(std::span<const uint8_t> labels, size_t i, size_t j, size_t k) {
  using geom::VoxelGrid;
  const auto occupied = [&](size_t x, size_t y, size_t z) {
    // 0 - 1 is beyond every border.
    return x < VoxelGrid::kX && y < VoxelGrid::kY && z < VoxelGrid::kZ &&
           labels[(x * VoxelGrid::kY + y) * VoxelGrid::kZ + z] < data::kFreeClass;
  };
  return !(occupied(i - 1, j, k) && occupied(i + 1, j, k) && occupied(i, j - 1, k) &&
           occupied(i, j + 1, k) && occupied(i, j, k - 1) && occupied(i, j, k + 1));
}

uint8_t Byte(double share) { return static_cast<uint8_t>(std::lround(share * 255)); }

}  // namespace

std::string ImageMessage(uint64_t time_ns, std::string_view camera, std::string_view bytes,
                         std::string_view format) {
  return Dump({{"timestamp", Time(time_ns)},
               {"frame_id", camera},
               {"data", EncodeBase64(bytes)},
               {"format", format}});
}

std::string CalibrationMessage(uint64_t time_ns, std::string_view camera,
                               const geom::PinholeCamera& calibration) {
  Json K = Json::array(), P = Json::array();
  for (int row = 0; row < 3; ++row) {
    for (int column = 0; column < 3; ++column) {
      K.push_back(calibration.K(row, column));
      P.push_back(calibration.K(row, column));
    }
    P.push_back(0.0);
  }
  return Dump({{"timestamp", Time(time_ns)},
               {"frame_id", camera},
               {"width", calibration.width_px},
               {"height", calibration.height_px},
               {"distortion_model", "plumb_bob"},
               {"D", Json(std::vector<double>(5, 0.0))},
               {"K", std::move(K)},
               {"R", Json({1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0})},
               {"P", std::move(P)}});
}

std::string TransformsMessage(uint64_t time_ns, std::span<const FramePlace> places) {
  Json transforms = Json::array();
  for (const FramePlace& place : places) {
    transforms.push_back({{"timestamp", Time(time_ns)},
                          {"parent_frame_id", place.parent},
                          {"child_frame_id", place.child},
                          {"translation", Vector(place.X_ParentChild.translation())},
                          {"rotation", Rotation(place.X_ParentChild.linear())}});
  }
  return Dump({{"transforms", std::move(transforms)}});
}

std::string BoxesMessage(uint64_t time_ns, const data::Frame& frame) {
  OCCVLA_DCHECK(frame.now.has_value());
  Json entities = Json::array();
  for (const data::Annotation& one : frame.annotations) {
    data::Frame alone;
    alone.now = frame.now;
    alone.annotations = {one};
    for (const SceneBox& box : SceneBoxes(alone)) entities.push_back(BoxEntity(time_ns, one, box));
  }
  return Dump(Update(time_ns, std::move(entities)));
}

std::string MapMessage(uint64_t time_ns, const LocalMap& map) {
  Json entity = Entity(time_ns, "map");
  for (const LocalMap::Area& area : map.areas) {
    const bool border = area.layer == Layer::kDrivableArea;
    if (!border && area.layer != Layer::kPedCrossing && area.layer != Layer::kStopLine) continue;
    for (const auto& ring_E : area.rings_E)
      entity["lines"].push_back(
          Line(ring_E, true, 0.1, border ? kBorder : LayerColour(area.layer)));
  }
  for (const LocalMap::Line& line : map.lines) {
    const double thickness = line.kind == LocalMap::LineKind::kCentreline ? 0.05 : 0.1;
    entity["lines"].push_back(Line(line.points_E, false, thickness, LineColour(line.kind)));
  }
  return Dump(Update(time_ns, Json::array({std::move(entity)})));
}

std::string PathMessage(uint64_t time_ns, std::string_view id, std::span<const PathPoint> path,
                        std::span<const PathPoint> marks, const Colour& colour) {
  // A hand's breadth above the ground, in which it would vanish.
  const auto above = [](const PathPoint& point) {
    return Eigen::Vector3d(point.p_E.x(), point.p_E.y(), point.z_E + 0.1);
  };
  Json entity = Entity(time_ns, id);
  std::vector<Eigen::Vector3d> points_E;
  for (const PathPoint& point : path) points_E.push_back(above(point));
  if (points_E.size() > 1) entity["lines"].push_back(Line(points_E, false, 0.3, colour));
  for (const PathPoint& mark : marks) {
    geom::Pose X_EB = geom::Pose::Identity();
    X_EB.translation() = above(mark);
    entity["spheres"].push_back({{"pose", Pose(X_EB)},
                                 {"size", Vector(Eigen::Vector3d::Constant(0.6))},
                                 {"color", Color(colour)}});
  }
  return Dump(Update(time_ns, Json::array({std::move(entity)})));
}

std::string VoxelsMessage(uint64_t time_ns, std::span<const uint8_t> labels) {
  using geom::VoxelGrid;
  OCCVLA_DCHECK(labels.size() == VoxelGrid::kCount);
  constexpr size_t kStride = 3 * sizeof(float) + 5;
  std::string data;
  for (size_t index = 0; index < labels.size(); ++index) {
    const uint8_t label = labels[index];
    if (label >= data::kFreeClass) continue;
    const size_t k = index % VoxelGrid::kZ, j = index / VoxelGrid::kZ % VoxelGrid::kY,
                 i = index / VoxelGrid::kZ / VoxelGrid::kY;
    if (!CanBeSeen(labels, i, j, k)) continue;
    const auto centre = [](double low, size_t cell) {
      return static_cast<float>(low + (static_cast<double>(cell) + 0.5) * VoxelGrid::kVoxel);
    };
    const std::array<float, 3> p_E = {centre(VoxelGrid::kMinX, i), centre(VoxelGrid::kMinY, j),
                                      centre(VoxelGrid::kMinZ, k)};
    const Colour& colour = kOccupancyColours[label];
    const std::array<uint8_t, 5> rest = {Byte(colour.red), Byte(colour.green), Byte(colour.blue),
                                         255, label};
    data.append(reinterpret_cast<const char*>(p_E.data()), sizeof(p_E));
    data.append(reinterpret_cast<const char*>(rest.data()), sizeof(rest));
  }
  constexpr int kUint8 = 1, kFloat32 = 7;
  return Dump({{"timestamp", Time(time_ns)},
               {"frame_id", kEgoFrame},
               {"pose", Pose(geom::Pose::Identity())},
               {"point_stride", kStride},
               {"fields",
                {Field("x", 0, kFloat32), Field("y", 4, kFloat32), Field("z", 8, kFloat32),
                 Field("red", 12, kUint8), Field("green", 13, kUint8), Field("blue", 14, kUint8),
                 Field("alpha", 15, kUint8), Field("class", 16, kUint8)}},
               {"data", EncodeBase64(data)}});
}

std::string LogMessage(uint64_t time_ns, LogLevel level, std::string_view name,
                       std::string_view text) {
  return Dump({{"timestamp", Time(time_ns)},
               {"level", static_cast<int>(level)},
               {"message", text},
               {"name", name},
               {"file", ""},
               {"line", 0}});
}

}  // namespace occvla::view

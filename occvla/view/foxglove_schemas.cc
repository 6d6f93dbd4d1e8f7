#include "occvla/view/foxglove_schemas.h"

#include <initializer_list>
#include <nlohmann/json.hpp>
#include <string_view>
#include <utility>

namespace occvla::view {
namespace {

using Json = nlohmann::ordered_json;
using Fields = std::initializer_list<std::pair<std::string_view, Json>>;

Json Object(std::string_view title, Fields fields) {
  Json properties = Json::object();
  for (const auto& [name, type] : fields) properties[std::string(name)] = type;
  return {{"type", "object"}, {"title", title}, {"properties", std::move(properties)}};
}

Json ListOf(Json type) { return {{"type", "array"}, {"items", std::move(type)}}; }
Json Numbers(size_t count) {
  return {
      {"type", "array"}, {"items", {{"type", "number"}}}, {"minItems", count}, {"maxItems", count}};
}

const Json kText = {{"type", "string"}};
const Json kNumber = {{"type", "number"}};
const Json kFlag = {{"type", "boolean"}};
const Json kCount = {{"type", "integer"}, {"minimum", 0}};
const Json kBytes = {{"type", "string"}, {"contentEncoding", "base64"}};

Json Time() { return Object("time", {{"sec", kCount}, {"nsec", kCount}}); }
Json Duration() { return Object("duration", {{"sec", {{"type", "integer"}}}, {"nsec", kCount}}); }
Json Vector3() {
  return Object("foxglove.Vector3", {{"x", kNumber}, {"y", kNumber}, {"z", kNumber}});
}
Json Point3() {
  return Object("foxglove.Point3", {{"x", kNumber}, {"y", kNumber}, {"z", kNumber}});
}
Json Quaternion() {
  return Object("foxglove.Quaternion",
                {{"x", kNumber}, {"y", kNumber}, {"z", kNumber}, {"w", kNumber}});
}
Json Pose() {
  return Object("foxglove.Pose", {{"position", Vector3()}, {"orientation", Quaternion()}});
}
Json Color() {
  return Object("foxglove.Color", {{"r", kNumber}, {"g", kNumber}, {"b", kNumber}, {"a", kNumber}});
}

/// An enumeration of integers, with the name of each value.
Json Choice(std::string_view title, std::initializer_list<std::string_view> names) {
  Json values = Json::array();
  for (const std::string_view name : names)
    values.push_back({{"title", name}, {"const", values.size()}});
  return {{"title", title}, {"oneOf", std::move(values)}};
}

Json Arrow() {
  return Object("foxglove.ArrowPrimitive", {{"pose", Pose()},
                                            {"shaft_length", kNumber},
                                            {"shaft_diameter", kNumber},
                                            {"head_length", kNumber},
                                            {"head_diameter", kNumber},
                                            {"color", Color()}});
}
Json Solid(std::string_view title) {
  return Object(title, {{"pose", Pose()}, {"size", Vector3()}, {"color", Color()}});
}
Json Cylinder() {
  return Object("foxglove.CylinderPrimitive", {{"pose", Pose()},
                                               {"size", Vector3()},
                                               {"bottom_scale", kNumber},
                                               {"top_scale", kNumber},
                                               {"color", Color()}});
}
Json Line() {
  return Object("foxglove.LinePrimitive",
                {{"type", Choice("foxglove.LineType", {"LINE_STRIP", "LINE_LOOP", "LINE_LIST"})},
                 {"pose", Pose()},
                 {"thickness", kNumber},
                 {"scale_invariant", kFlag},
                 {"points", ListOf(Point3())},
                 {"color", Color()},
                 {"colors", ListOf(Color())},
                 {"indices", ListOf(kCount)}});
}
Json Triangles() {
  return Object("foxglove.TriangleListPrimitive", {{"pose", Pose()},
                                                   {"points", ListOf(Point3())},
                                                   {"color", Color()},
                                                   {"colors", ListOf(Color())},
                                                   {"indices", ListOf(kCount)}});
}
Json Text() {
  return Object("foxglove.TextPrimitive", {{"pose", Pose()},
                                           {"billboard", kFlag},
                                           {"font_size", kNumber},
                                           {"scale_invariant", kFlag},
                                           {"color", Color()},
                                           {"text", kText}});
}
Json Model() {
  return Object("foxglove.ModelPrimitive", {{"pose", Pose()},
                                            {"scale", Vector3()},
                                            {"color", Color()},
                                            {"override_color", kFlag},
                                            {"url", kText},
                                            {"media_type", kText},
                                            {"data", kBytes}});
}

Json Entity() {
  return Object(
      "foxglove.SceneEntity",
      {{"timestamp", Time()},
       {"frame_id", kText},
       {"id", kText},
       {"lifetime", Duration()},
       {"frame_locked", kFlag},
       {"metadata", ListOf(Object("foxglove.KeyValuePair", {{"key", kText}, {"value", kText}}))},
       {"arrows", ListOf(Arrow())},
       {"cubes", ListOf(Solid("foxglove.CubePrimitive"))},
       {"spheres", ListOf(Solid("foxglove.SpherePrimitive"))},
       {"cylinders", ListOf(Cylinder())},
       {"lines", ListOf(Line())},
       {"triangles", ListOf(Triangles())},
       {"texts", ListOf(Text())},
       {"models", ListOf(Model())}});
}

}  // namespace

std::string CompressedImageSchema() {
  return Object("foxglove.CompressedImage",
                {{"timestamp", Time()}, {"frame_id", kText}, {"data", kBytes}, {"format", kText}})
      .dump();
}

std::string CameraCalibrationSchema() {
  return Object("foxglove.CameraCalibration", {{"timestamp", Time()},
                                               {"frame_id", kText},
                                               {"width", kCount},
                                               {"height", kCount},
                                               {"distortion_model", kText},
                                               {"D", ListOf(kNumber)},
                                               {"K", Numbers(9)},
                                               {"R", Numbers(9)},
                                               {"P", Numbers(12)}})
      .dump();
}

std::string FrameTransformsSchema() {
  const Json transform = Object("foxglove.FrameTransform", {{"timestamp", Time()},
                                                            {"parent_frame_id", kText},
                                                            {"child_frame_id", kText},
                                                            {"translation", Vector3()},
                                                            {"rotation", Quaternion()}});
  return Object("foxglove.FrameTransforms", {{"transforms", ListOf(transform)}}).dump();
}

std::string SceneUpdateSchema() {
  const Json deletion =
      Object("foxglove.SceneEntityDeletion",
             {{"timestamp", Time()},
              {"type", Choice("foxglove.SceneEntityDeletionType", {"MATCHING_ID", "ALL"})},
              {"id", kText}});
  return Object("foxglove.SceneUpdate",
                {{"deletions", ListOf(deletion)}, {"entities", ListOf(Entity())}})
      .dump();
}

std::string PointCloudSchema() {
  const Json field = Object(
      "foxglove.PackedElementField",
      {{"name", kText},
       {"offset", kCount},
       {"type", Choice("foxglove.NumericType", {"UNKNOWN", "UINT8", "INT8", "UINT16", "INT16",
                                                "UINT32", "INT32", "FLOAT32", "FLOAT64"})}});
  return Object("foxglove.PointCloud", {{"timestamp", Time()},
                                        {"frame_id", kText},
                                        {"pose", Pose()},
                                        {"point_stride", kCount},
                                        {"fields", ListOf(field)},
                                        {"data", kBytes}})
      .dump();
}

std::string LogSchema() {
  return Object("foxglove.Log",
                {{"timestamp", Time()},
                 {"level", Choice("foxglove.LogLevel",
                                  {"UNKNOWN", "DEBUG", "INFO", "WARNING", "ERROR", "FATAL"})},
                 {"message", kText},
                 {"name", kText},
                 {"file", kText},
                 {"line", kCount}})
      .dump();
}

}  // namespace occvla::view

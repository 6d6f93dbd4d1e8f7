#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "occvla/data/nuscenes/tables.h"

/// What each table's records hold: the one list of fields, which the fast reader, the complaints
/// and the tests walk (facts/data-and-metrics.md A.2).
namespace occvla::data::nuscenes {

enum class FieldKind : uint8_t {
  kToken,          ///< Token, not all zero.
  kTokenOrNone,    ///< Token; "" = all zero.
  kTokens,         ///< Range in TableBlock::tokens.
  kText,           ///< TextRef.
  kPath,           ///< TextRef: a relative path that stays inside the data set.
  kRepeated,       ///< TextRef: one of few texts, such as "jpg", kept once a block.
  kTime,           ///< int64_t microseconds, at least 0.
  kCount,          ///< int32_t or uint32_t, at least 0.
  kPixels,         ///< uint16_t.
  kBool,           ///< bool.
  kPoint,          ///< array<double, 3>.
  kSize,           ///< array<double, 3>, each above 0.
  kQuaternion,     ///< array<double, 4> of unit length.
  kIntrinsic,      ///< array<double, 9> and the bool that follows it.
  kModality,       ///< Modality.
  kLevel,          ///< int32_t from a text such as "3".
  kLevelOrNone,    ///< The same; "" = 0.
  kOptionalCount,  ///< int32_t; the field may be absent.
};

struct FieldSpec {
  std::string_view name;
  FieldKind kind;
  size_t offset;  ///< In the raw row.
};

// Raw rows: a row as it will be kept, then the tokens that it refers by. All are filled through
// memory offsets, so they must be standard layout.
struct RawAttribute {
  AttributeRow row;
};
struct RawCategory {
  CategoryRow row;
};
struct RawVisibility {
  VisibilityRow row;
};
struct RawSensor {
  SensorRow row;
};
struct RawCalibratedSensor {
  CalibratedSensorRow row;
  Token sensor;
};
struct RawEgoPose {
  EgoPoseRow row;
};
struct RawLog {
  LogRow row;
};
struct RawMap {
  MapRow row;
};
struct RawScene {
  SceneRow row;
  Token log, first_sample, last_sample;
};
struct RawSample {
  SampleRow row;
  Token scene, next, previous;
};
struct RawInstance {
  InstanceRow row;
  Token category, first_annotation, last_annotation;
};
struct RawAnnotation {
  AnnotationRow row;
  Token sample, instance, next, previous;
};
struct RawSampleData {
  SampleDataRow row;
  Token sample, ego_pose, calibrated_sensor, next, previous;
};

/// Table name (without ".json") and fields, in the order in which the files state them.
template <typename Raw>
struct Schema;

#define OCCVLA_FIELD(name, kind, member) \
  FieldSpec { name, FieldKind::kind, offsetof(Raw, member) }

template <>
struct Schema<RawAttribute> {
  using Raw = RawAttribute;
  static constexpr std::string_view kName = "attribute";
  static constexpr FieldSpec kFields[] = {OCCVLA_FIELD("token", kToken, row.token),
                                          OCCVLA_FIELD("name", kText, row.name),
                                          OCCVLA_FIELD("description", kText, row.description)};
};

template <>
struct Schema<RawCategory> {
  using Raw = RawCategory;
  static constexpr std::string_view kName = "category";
  static constexpr FieldSpec kFields[] = {OCCVLA_FIELD("token", kToken, row.token),
                                          OCCVLA_FIELD("name", kText, row.name),
                                          OCCVLA_FIELD("description", kText, row.description),
                                          // Written by the lidarseg and panoptic expansions.
                                          OCCVLA_FIELD("index", kOptionalCount, row.index)};
};

template <>
struct Schema<RawVisibility> {
  using Raw = RawVisibility;
  static constexpr std::string_view kName = "visibility";
  static constexpr FieldSpec kFields[] = {OCCVLA_FIELD("description", kText, row.description),
                                          OCCVLA_FIELD("token", kLevel, row.level),
                                          OCCVLA_FIELD("level", kText, row.name)};
};

template <>
struct Schema<RawSensor> {
  using Raw = RawSensor;
  static constexpr std::string_view kName = "sensor";
  static constexpr FieldSpec kFields[] = {OCCVLA_FIELD("token", kToken, row.token),
                                          OCCVLA_FIELD("channel", kText, row.channel),
                                          OCCVLA_FIELD("modality", kModality, row.modality)};
};

template <>
struct Schema<RawCalibratedSensor> {
  using Raw = RawCalibratedSensor;
  static constexpr std::string_view kName = "calibrated_sensor";
  static_assert(offsetof(Raw, row.has_intrinsic) ==
                offsetof(Raw, row.intrinsic) + sizeof(CalibratedSensorRow::intrinsic));
  static constexpr FieldSpec kFields[] = {
      OCCVLA_FIELD("token", kToken, row.token), OCCVLA_FIELD("sensor_token", kToken, sensor),
      OCCVLA_FIELD("translation", kPoint, row.translation),
      OCCVLA_FIELD("rotation", kQuaternion, row.rotation),
      OCCVLA_FIELD("camera_intrinsic", kIntrinsic, row.intrinsic)};
};

template <>
struct Schema<RawEgoPose> {
  using Raw = RawEgoPose;
  static constexpr std::string_view kName = "ego_pose";
  static constexpr FieldSpec kFields[] = {OCCVLA_FIELD("token", kToken, row.token),
                                          OCCVLA_FIELD("timestamp", kTime, row.timestamp_us),
                                          OCCVLA_FIELD("rotation", kQuaternion, row.rotation),
                                          OCCVLA_FIELD("translation", kPoint, row.translation)};
};

template <>
struct Schema<RawLog> {
  using Raw = RawLog;
  static constexpr std::string_view kName = "log";
  static constexpr FieldSpec kFields[] = {OCCVLA_FIELD("token", kToken, row.token),
                                          OCCVLA_FIELD("logfile", kText, row.logfile),
                                          OCCVLA_FIELD("vehicle", kText, row.vehicle),
                                          OCCVLA_FIELD("date_captured", kText, row.date_captured),
                                          OCCVLA_FIELD("location", kText, row.location)};
};

template <>
struct Schema<RawMap> {
  using Raw = RawMap;
  static constexpr std::string_view kName = "map";
  static constexpr FieldSpec kFields[] = {
      OCCVLA_FIELD("category", kText, row.category), OCCVLA_FIELD("token", kToken, row.token),
      OCCVLA_FIELD("filename", kPath, row.filename), OCCVLA_FIELD("log_tokens", kTokens, row.logs)};
};

template <>
struct Schema<RawScene> {
  using Raw = RawScene;
  static constexpr std::string_view kName = "scene";
  static constexpr FieldSpec kFields[] = {OCCVLA_FIELD("token", kToken, row.token),
                                          OCCVLA_FIELD("log_token", kToken, log),
                                          OCCVLA_FIELD("nbr_samples", kCount, row.sample_count),
                                          OCCVLA_FIELD("first_sample_token", kToken, first_sample),
                                          OCCVLA_FIELD("last_sample_token", kToken, last_sample),
                                          OCCVLA_FIELD("name", kText, row.name),
                                          OCCVLA_FIELD("description", kText, row.description)};
};

template <>
struct Schema<RawSample> {
  using Raw = RawSample;
  static constexpr std::string_view kName = "sample";
  static constexpr FieldSpec kFields[] = {
      OCCVLA_FIELD("token", kToken, row.token), OCCVLA_FIELD("timestamp", kTime, row.timestamp_us),
      OCCVLA_FIELD("prev", kTokenOrNone, previous), OCCVLA_FIELD("next", kTokenOrNone, next),
      OCCVLA_FIELD("scene_token", kToken, scene)};
};

template <>
struct Schema<RawInstance> {
  using Raw = RawInstance;
  static constexpr std::string_view kName = "instance";
  static constexpr FieldSpec kFields[] = {
      OCCVLA_FIELD("token", kToken, row.token), OCCVLA_FIELD("category_token", kToken, category),
      OCCVLA_FIELD("nbr_annotations", kCount, row.annotation_count),
      OCCVLA_FIELD("first_annotation_token", kToken, first_annotation),
      OCCVLA_FIELD("last_annotation_token", kToken, last_annotation)};
};

template <>
struct Schema<RawAnnotation> {
  using Raw = RawAnnotation;
  static constexpr std::string_view kName = "sample_annotation";
  static constexpr FieldSpec kFields[] = {
      OCCVLA_FIELD("token", kToken, row.token),
      OCCVLA_FIELD("sample_token", kToken, sample),
      OCCVLA_FIELD("instance_token", kToken, instance),
      OCCVLA_FIELD("visibility_token", kLevelOrNone, row.visibility),
      OCCVLA_FIELD("attribute_tokens", kTokens, row.attributes),
      OCCVLA_FIELD("translation", kPoint, row.translation),
      OCCVLA_FIELD("size", kSize, row.size),
      OCCVLA_FIELD("rotation", kQuaternion, row.rotation),
      OCCVLA_FIELD("prev", kTokenOrNone, previous),
      OCCVLA_FIELD("next", kTokenOrNone, next),
      OCCVLA_FIELD("num_lidar_pts", kCount, row.lidar_points),
      OCCVLA_FIELD("num_radar_pts", kCount, row.radar_points)};
};

template <>
struct Schema<RawSampleData> {
  using Raw = RawSampleData;
  static constexpr std::string_view kName = "sample_data";
  static constexpr FieldSpec kFields[] = {
      OCCVLA_FIELD("token", kToken, row.token),
      OCCVLA_FIELD("sample_token", kToken, sample),
      OCCVLA_FIELD("ego_pose_token", kToken, ego_pose),
      OCCVLA_FIELD("calibrated_sensor_token", kToken, calibrated_sensor),
      OCCVLA_FIELD("timestamp", kTime, row.timestamp_us),
      OCCVLA_FIELD("fileformat", kRepeated, row.fileformat),
      OCCVLA_FIELD("is_key_frame", kBool, row.is_key_frame),
      OCCVLA_FIELD("height", kPixels, row.height_px),
      OCCVLA_FIELD("width", kPixels, row.width_px),
      OCCVLA_FIELD("filename", kPath, row.filename),
      OCCVLA_FIELD("prev", kTokenOrNone, previous),
      OCCVLA_FIELD("next", kTokenOrNone, next)};
};

#undef OCCVLA_FIELD

/// The names of all thirteen tables, in alphabetical order.
inline constexpr std::string_view kTableNames[] = {
    "attribute", "calibrated_sensor", "category",    "ego_pose", "instance", "log",       "map",
    "sample",    "sample_annotation", "sample_data", "scene",    "sensor",   "visibility"};

}  // namespace occvla::data::nuscenes

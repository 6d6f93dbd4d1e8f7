#pragma once
#include <array>
#include <compare>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

/// The thirteen tables of a nuScenes version folder (facts/data-and-metrics.md A.2), checked and
/// resolved: a reference is a row index. Rows are plain values, so that the binary cache is these
/// very arrays, mapped.
namespace occvla::data::nuscenes {

/// 32 lower-case hex digits.
struct Token {
  uint64_t high = 0, low = 0;
  auto operator<=>(const Token&) const = default;

  static std::optional<Token> Parse(std::string_view text);
  std::string ToString() const;
};

/// A row index; kNoRow where a linked list ends or nothing is named.
using Row = uint32_t;
inline constexpr Row kNoRow = UINT32_MAX;

/// Text in the tables' string pool (Tables::Text).
struct TextRef {
  uint64_t offset = 0;
  uint32_t size = 0;
};

/// A run of rows in one of Tables' lists.
struct Range {
  uint32_t begin = 0, end = 0;
};

enum class Modality : uint8_t { kCamera, kLidar, kRadar };

struct AttributeRow {
  Token token;
  TextRef name, description;
};
struct CategoryRow {
  Token token;
  TextRef name, description;
  int32_t index = -1;  ///< -1 = the file states none (no lidarseg installed).
};
struct VisibilityRow {
  int32_t level = 0;          ///< Its token, "1" to "4".
  TextRef name, description;  ///< `name` is the field `level`: "v40-60".
};
struct SensorRow {
  Token token;
  TextRef channel;
  Modality modality = Modality::kCamera;
};
struct CalibratedSensorRow {
  Token token;
  Row sensor = kNoRow;
  std::array<double, 3> translation{};  ///< Of the sensor in its ego frame; metres.
  std::array<double, 4> rotation{};     ///< w, x, y, z.
  std::array<double, 9> intrinsic{};    ///< Row-major; all zero for lidar and radar.
  bool has_intrinsic = false;
};
struct EgoPoseRow {
  Token token;
  int64_t timestamp_us = 0;
  std::array<double, 3> translation{};  ///< Of E in G; metres.
  std::array<double, 4> rotation{};
};
struct LogRow {
  Token token;
  TextRef logfile, vehicle, date_captured, location;
  Row map = kNoRow;
};
struct MapRow {
  Token token;
  TextRef category, filename;
  Range logs;  ///< In Tables::map_logs; tokens that name no log are left out there and counted.
};
struct SceneRow {
  Token token;
  TextRef name, description;
  Row log = kNoRow, first_sample = kNoRow, last_sample = kNoRow;
  uint32_t sample_count = 0;
};
struct SampleRow {
  Token token;
  int64_t timestamp_us = 0;
  Row scene = kNoRow, next = kNoRow, previous = kNoRow;
  Range annotations;  ///< In Tables::sample_annotation_rows.
  Range keyframes;    ///< Its keyframe sample_data, in Tables::sample_keyframe_rows.
};
struct InstanceRow {
  Token token;
  Row category = kNoRow, first_annotation = kNoRow, last_annotation = kNoRow;
  uint32_t annotation_count = 0;
};
struct AnnotationRow {
  Token token;
  Row sample = kNoRow, instance = kNoRow, next = kNoRow, previous = kNoRow;
  int32_t visibility = 0;               ///< Level; 0 = "".
  Range attributes;                     ///< In Tables::annotation_attribute_rows.
  std::array<double, 3> translation{};  ///< Box centre in G; metres.
  std::array<double, 3> size{};         ///< Width, length, height, as in the file.
  std::array<double, 4> rotation{};
  int32_t lidar_points = 0, radar_points = 0;
};
struct SampleDataRow {
  Token token;
  int64_t timestamp_us = 0;
  Row sample = kNoRow, ego_pose = kNoRow, calibrated_sensor = kNoRow, next = kNoRow,
      previous = kNoRow;
  TextRef filename, fileformat;
  uint16_t width_px = 0, height_px = 0;
  bool is_key_frame = false;
};

/// What stands in the version folder. Spans point into memory that this object owns (a mapped cache
/// or vectors); move-only; any thread may read.
class Tables {
 public:
  /// What the files say apart from rows.
  struct Facts {
    uint64_t dangling_map_logs = 0;  ///< map.log_tokens that name no log: normal in real data.
    bool from_cache = false;
    std::string content_key;  ///< Hash of the tables' bytes.
    /// Where the cache lies; empty without one, and then why in `cache_problem` if it was wanted.
    std::filesystem::path cache_file;
    std::string cache_problem;
  };

  struct Spans {
    std::span<const AttributeRow> attribute;
    std::span<const CalibratedSensorRow> calibrated_sensor;
    std::span<const CategoryRow> category;
    std::span<const EgoPoseRow> ego_pose;
    std::span<const InstanceRow> instance;
    std::span<const LogRow> log;
    std::span<const MapRow> map;
    std::span<const SampleRow> sample;
    std::span<const AnnotationRow> sample_annotation;
    std::span<const SampleDataRow> sample_data;
    std::span<const SceneRow> scene;
    std::span<const SensorRow> sensor;
    std::span<const VisibilityRow> visibility;
    // Lists that rows' ranges point into.
    std::span<const Row> map_logs, sample_annotation_rows, sample_keyframe_rows,
        annotation_attribute_rows;
  };

  Tables();
  ~Tables();
  Tables(Tables&&) noexcept;
  Tables& operator=(Tables&&) noexcept;

  const Spans& rows() const;
  const Facts& facts() const;
  std::string_view Text(const TextRef& text) const;
  /// Rows of the given token, by binary search.
  std::optional<Row> FindSample(Token token) const;
  std::optional<Row> FindSampleData(Token token) const;
  std::optional<Row> FindAnnotation(Token token) const;
  std::optional<Row> FindScene(std::string_view name) const;
  /// The keyframe sample_data of a sample on a channel ("LIDAR_TOP"), if it has one.
  std::optional<Row> KeyFrameData(Row sample, std::string_view channel) const;
  std::string_view Channel(const SampleDataRow& row) const;

 private:
  friend struct TablesAccess;
  struct Impl;
  std::unique_ptr<const Impl> impl_;
};

enum class CacheUse : uint8_t { kReadAndWrite, kNone };

/// Reads `<dataroot>/<version>/*.json`, or the cache made from them. Every complaint about every
/// table comes in one DataError (the first hundred, and how many more); files that are missing or
/// cut short are told at once, before anything else is read. Throws ConfigError for a version that
/// is no folder's name.
Tables ReadTables(const std::filesystem::path& dataroot, const std::string& version,
                  CacheUse cache = CacheUse::kReadAndWrite);

/// Velocity of an annotation in G exactly as the devkit's box_velocity; nothing where that is NaN.
std::optional<std::array<double, 3>> Velocity(const Tables& tables, Row annotation);

}  // namespace occvla::data::nuscenes

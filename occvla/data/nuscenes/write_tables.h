#pragma once
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/base/files.h"

/// Writing the thirteen tables of a nuScenes version folder (facts/data-and-metrics.md A.2). A
/// record is a row with its tokens as text; ToJson gives the JSON object that the devkit reads, in
/// the order of the fields here, and TableWriter puts such rows into a file without holding them.
/// `translation` is in metres, `rotation` a quaternion (w, x, y, z), `timestamp_us` Unix
/// microseconds; "" stands where a linked list ends.
namespace occvla::data::nuscenes {

struct AttributeRecord {
  std::string token{}, name{}, description{};
};
struct CalibratedSensorRecord {
  std::string token{}, sensor_token{};
  std::array<double, 3> translation{};
  std::array<double, 4> rotation{};
  std::optional<std::array<double, 9>> camera_intrinsic{};  ///< Row-major; none for a lidar.
};
struct CategoryRecord {
  std::string token{}, name{}, description{};
};
struct EgoPoseRecord {
  std::string token{};
  std::array<double, 3> translation{};
  std::array<double, 4> rotation{};
  int64_t timestamp_us = 0;
};
struct InstanceRecord {
  std::string token{}, category_token{};
  size_t nbr_annotations = 0;
  std::string first_annotation_token{}, last_annotation_token{};
};
struct LogRecord {
  std::string token{}, logfile{}, vehicle{}, date_captured{}, location{};
};
struct MapRecord {
  std::string token{};
  std::vector<std::string> log_tokens{};
  std::string category{}, filename{};
};
struct SampleRecord {
  std::string token{};
  int64_t timestamp_us = 0;
  std::string scene_token{}, next{}, prev{};
};
struct SampleAnnotationRecord {
  std::string token{}, sample_token{}, instance_token{};
  std::vector<std::string> attribute_tokens{};
  std::string visibility_token{};
  std::array<double, 3> translation{};  ///< Box centre in G.
  std::array<double, 3> size{};         ///< Width, length, height.
  std::array<double, 4> rotation{};
  int64_t num_lidar_pts = 0, num_radar_pts = 0;
  std::string next{}, prev{};
};
struct SampleDataRecord {
  std::string token{}, sample_token{}, ego_pose_token{}, calibrated_sensor_token{}, filename{},
      fileformat{};
  int width_px = 0, height_px = 0;  ///< 0 for a lidar.
  int64_t timestamp_us = 0;
  bool is_key_frame = false;
  std::string next{}, prev{};
};
struct SceneRecord {
  std::string token{}, name{}, description{}, log_token{};
  size_t nbr_samples = 0;
  std::string first_sample_token{}, last_sample_token{};
};
struct SensorRecord {
  std::string token{}, channel{}, modality{};
};
struct VisibilityRecord {
  std::string token{}, level{}, description{};
};

/// One row as a JSON object on one line. A double is written with the fewest digits that read back
/// as the same, always with a point or an exponent, so that Python makes a float of it. Throws
/// DataError naming the table, the token and the field for a number that is not finite or a text
/// that is not UTF-8: JSON holds neither.
std::string ToJson(const AttributeRecord& record);
std::string ToJson(const CalibratedSensorRecord& record);
std::string ToJson(const CategoryRecord& record);
std::string ToJson(const EgoPoseRecord& record);
std::string ToJson(const InstanceRecord& record);
std::string ToJson(const LogRecord& record);
std::string ToJson(const MapRecord& record);
std::string ToJson(const SampleRecord& record);
std::string ToJson(const SampleAnnotationRecord& record);
std::string ToJson(const SampleDataRecord& record);
std::string ToJson(const SceneRecord& record);
std::string ToJson(const SensorRecord& record);
std::string ToJson(const VisibilityRecord& record);

/// A table's file, row by row: an array with one object a line. The file appears when `Commit` has
/// written the last of it; the same rows give the same bytes. Errors as AtomicFile's.
class TableWriter {
 public:
  /// Writes `<version_folder>/<table>.json`; the folder must exist.
  TableWriter(const std::filesystem::path& version_folder, std::string_view table);

  template <typename Record>
  void Add(const Record& record) {
    AddRow(ToJson(record));
  }
  /// A row that `ToJson` made before.
  void AddRow(std::string_view json);
  /// Rows in this table so far.
  size_t rows() const { return rows_; }
  /// Once, after the last row.
  void Commit();

 private:
  AtomicFile file_;
  std::string buffer_;
  size_t rows_ = 0;
};

/// Appends a JSON number that reads back as exactly this double: "0.1", "3.0", "1e+22". The number
/// must be finite.
void AppendNumber(double value, std::string* json);
/// Appends text in quotes with what JSON wants escaped; the text must be UTF-8.
void AppendQuoted(std::string_view text, std::string* json);

}  // namespace occvla::data::nuscenes

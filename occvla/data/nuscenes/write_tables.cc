#include "occvla/data/nuscenes/write_tables.h"

#include <charconv>
#include <cmath>
#include <span>

#include "occvla/base/error.h"
#include "occvla/base/text.h"

namespace occvla::data::nuscenes {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 20;

/// The JSON object of one row. The first field is its token, by which complaints name it.
class RowText {
 public:
  RowText(std::string_view table, std::string_view token) : table_(table), token_(token) {
    Field("token", token);
  }

  RowText& Field(std::string_view name, std::string_view text) {
    if (!IsValidUtf8(text)) Fail(name, "is not UTF-8: " + Printable(text));
    Name(name);
    AppendQuoted(text, &json_);
    return *this;
  }
  RowText& Field(std::string_view name, int64_t value) {
    Name(name);
    json_ += std::to_string(value);
    return *this;
  }
  RowText& Flag(std::string_view name, bool value) {
    Name(name);
    json_ += value ? "true" : "false";
    return *this;
  }
  RowText& Field(std::string_view name, std::span<const double> values) {
    Name(name);
    Numbers(name, values);
    return *this;
  }
  RowText& Field(std::string_view name, const std::vector<std::string>& texts) {
    Name(name);
    json_ += '[';
    for (const auto& text : texts) {
      if (!IsValidUtf8(text)) Fail(name, "is not UTF-8: " + Printable(text));
      if (json_.back() != '[') json_ += ", ";
      AppendQuoted(text, &json_);
    }
    json_ += ']';
    return *this;
  }
  /// Three rows of three; an empty list when there is none.
  RowText& Matrix(std::string_view name, const std::optional<std::array<double, 9>>& matrix) {
    Name(name);
    json_ += '[';
    for (size_t row = 0; matrix && row < 3; ++row) {
      if (row > 0) json_ += ", ";
      Numbers(name, std::span(*matrix).subspan(3 * row, 3));
    }
    json_ += ']';
    return *this;
  }

  std::string Finish() { return std::move(json_ += '}'); }

 private:
  void Name(std::string_view name) {
    json_ += json_.empty() ? "{" : ", ";
    AppendQuoted(name, &json_);
    json_ += ": ";
  }
  void Numbers(std::string_view name, std::span<const double> values) {
    json_ += '[';
    for (size_t i = 0; i < values.size(); ++i) {
      if (!std::isfinite(values[i]))
        Fail(name, "is not finite at [" + std::to_string(i) + "], which JSON cannot hold");
      if (i > 0) json_ += ", ";
      AppendNumber(values[i], &json_);
    }
    json_ += ']';
  }
  [[noreturn]] void Fail(std::string_view field, const std::string& problem) const {
    throw DataError(std::string(table_) + ", record " + Quoted(token_) + ": \"" +
                    std::string(field) + "\" " + problem + ".");
  }

  std::string_view table_, token_;
  std::string json_;
};

}  // namespace

void AppendNumber(double value, std::string* json) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value).ptr;
  const std::string_view digits(text, static_cast<size_t>(end - text));
  json->append(digits);
  if (digits.find_first_of(".e") == std::string_view::npos) json->append(".0");
}

void AppendQuoted(std::string_view text, std::string* json) {
  static constexpr char kHex[] = "0123456789abcdef";
  json->push_back('"');
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      json->push_back('\\');
      json->push_back(c);
    } else if (byte < 0x20) {
      json->append("\\u00");
      json->push_back(kHex[byte >> 4]);
      json->push_back(kHex[byte & 15]);
    } else {
      json->push_back(c);
    }
  }
  json->push_back('"');
}

std::string ToJson(const AttributeRecord& record) {
  return RowText("attribute", record.token)
      .Field("name", record.name)
      .Field("description", record.description)
      .Finish();
}

std::string ToJson(const CalibratedSensorRecord& record) {
  return RowText("calibrated_sensor", record.token)
      .Field("sensor_token", record.sensor_token)
      .Field("translation", record.translation)
      .Field("rotation", record.rotation)
      .Matrix("camera_intrinsic", record.camera_intrinsic)
      .Finish();
}

std::string ToJson(const CategoryRecord& record) {
  return RowText("category", record.token)
      .Field("name", record.name)
      .Field("description", record.description)
      .Finish();
}

std::string ToJson(const EgoPoseRecord& record) {
  return RowText("ego_pose", record.token)
      .Field("translation", record.translation)
      .Field("rotation", record.rotation)
      .Field("timestamp", record.timestamp_us)
      .Finish();
}

std::string ToJson(const InstanceRecord& record) {
  return RowText("instance", record.token)
      .Field("category_token", record.category_token)
      .Field("nbr_annotations", static_cast<int64_t>(record.nbr_annotations))
      .Field("first_annotation_token", record.first_annotation_token)
      .Field("last_annotation_token", record.last_annotation_token)
      .Finish();
}

std::string ToJson(const LogRecord& record) {
  return RowText("log", record.token)
      .Field("logfile", record.logfile)
      .Field("vehicle", record.vehicle)
      .Field("date_captured", record.date_captured)
      .Field("location", record.location)
      .Finish();
}

std::string ToJson(const MapRecord& record) {
  return RowText("map", record.token)
      .Field("log_tokens", record.log_tokens)
      .Field("category", record.category)
      .Field("filename", record.filename)
      .Finish();
}

std::string ToJson(const SampleRecord& record) {
  return RowText("sample", record.token)
      .Field("timestamp", record.timestamp_us)
      .Field("scene_token", record.scene_token)
      .Field("next", record.next)
      .Field("prev", record.prev)
      .Finish();
}

std::string ToJson(const SampleAnnotationRecord& record) {
  return RowText("sample_annotation", record.token)
      .Field("sample_token", record.sample_token)
      .Field("instance_token", record.instance_token)
      .Field("attribute_tokens", record.attribute_tokens)
      .Field("visibility_token", record.visibility_token)
      .Field("translation", record.translation)
      .Field("size", record.size)
      .Field("rotation", record.rotation)
      .Field("num_lidar_pts", record.num_lidar_pts)
      .Field("num_radar_pts", record.num_radar_pts)
      .Field("next", record.next)
      .Field("prev", record.prev)
      .Finish();
}

std::string ToJson(const SampleDataRecord& record) {
  return RowText("sample_data", record.token)
      .Field("sample_token", record.sample_token)
      .Field("ego_pose_token", record.ego_pose_token)
      .Field("calibrated_sensor_token", record.calibrated_sensor_token)
      .Field("filename", record.filename)
      .Field("fileformat", record.fileformat)
      .Field("width", int64_t{record.width_px})
      .Field("height", int64_t{record.height_px})
      .Field("timestamp", record.timestamp_us)
      .Flag("is_key_frame", record.is_key_frame)
      .Field("next", record.next)
      .Field("prev", record.prev)
      .Finish();
}

std::string ToJson(const SceneRecord& record) {
  return RowText("scene", record.token)
      .Field("name", record.name)
      .Field("description", record.description)
      .Field("log_token", record.log_token)
      .Field("nbr_samples", static_cast<int64_t>(record.nbr_samples))
      .Field("first_sample_token", record.first_sample_token)
      .Field("last_sample_token", record.last_sample_token)
      .Finish();
}

std::string ToJson(const SensorRecord& record) {
  return RowText("sensor", record.token)
      .Field("channel", record.channel)
      .Field("modality", record.modality)
      .Finish();
}

std::string ToJson(const VisibilityRecord& record) {
  return RowText("visibility", record.token)
      .Field("level", record.level)
      .Field("description", record.description)
      .Finish();
}

TableWriter::TableWriter(const std::filesystem::path& version_folder, std::string_view table)
    : file_(version_folder / (std::string(table) + ".json")) {}

void TableWriter::AddRow(std::string_view json) {
  buffer_ += rows_ == 0 ? "[\n" : ",\n";
  buffer_ += json;
  ++rows_;
  if (buffer_.size() < kBufferBytes) return;
  file_.Write(std::string_view(buffer_));
  buffer_.clear();
}

void TableWriter::Commit() {
  buffer_ += rows_ == 0 ? "[]\n" : "\n]\n";
  file_.Write(std::string_view(buffer_));
  buffer_.clear();
  file_.Commit();
}

}  // namespace occvla::data::nuscenes

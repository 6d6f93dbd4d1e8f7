#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "occvla/model/files/config.h"

namespace occvla::model {

/// Parses JSON whose top level must be an object. Throws CheckpointError that opens with `where`
/// and gives the byte offset; names that occur twice in one object are refused.
nlohmann::json ParseJsonObject(std::string_view text, const std::string& where);

/// What a value is, short enough for an error: `"text"`, `12`, `an object`, `an array of 3`.
std::string Describe(const nlohmann::json& value);

/// Reads typed fields of one JSON object and collects complaints instead of stopping at the first.
/// A field that is absent keeps its default. The object outlives the reader.
class JsonFields {
 public:
  /// `path` opens each complaint, e.g. "text_config."; `complaints` outlives the reader.
  JsonFields(const nlohmann::json& object, std::string path, std::vector<std::string>& complaints)
      : object_(object), path_(std::move(path)), complaints_(complaints) {}

  void Read(const char* name, int64_t& out);
  void Read(const char* name, double& out);
  void Read(const char* name, bool& out);
  void Read(const char* name, std::string& out);
  void Read(const char* name, MaskMode& out);
  /// null means `when_null`.
  void ReadNullable(const char* name, double& out, double when_null);
  void ReadNullable(const char* name, int64_t& out, int64_t when_null);
  /// The field if it is there and an object; complains if it is something else (null counts as
  /// absent).
  const nlohmann::json* Object(const char* name);
  /// The field if it is there and not null.
  const nlohmann::json* Find(const char* name) const;
  /// Complains unless the field is absent or equal to `value`.
  void MustBe(const char* name, const nlohmann::json& value, const char* why);
  void Complain(const char* name, const std::string& problem);

 private:
  const nlohmann::json& object_;
  std::string path_;
  std::vector<std::string>& complaints_;
};

/// A visitor for `VisitFields` that writes every field into a JSON object.
class JsonWriter {
 public:
  explicit JsonWriter(nlohmann::ordered_json& out) : out_(out) {}
  template <typename T>
  void operator()(const char* name, T& field, const char*) {
    if constexpr (std::is_same_v<T, MaskMode>) {
      out_[name] = std::string(MaskModeName(field));
    } else if constexpr (requires(JsonWriter w) { field.VisitFields(w); }) {
      nlohmann::ordered_json inner = nlohmann::ordered_json::object();
      JsonWriter writer(inner);
      field.VisitFields(writer);
      out_[name] = std::move(inner);
    } else {
      out_[name] = field;
    }
  }

 private:
  nlohmann::ordered_json& out_;
};

/// A visitor for `VisitFields` that reads a JSON object strictly: unknown names are complaints that
/// name the nearest known field. Call `Finish` after the visit.
class JsonStrictReader {
 public:
  JsonStrictReader(const nlohmann::json& object, std::string path,
                   std::vector<std::string>& complaints)
      : fields_(object, path, complaints), object_(object), path_(path), complaints_(complaints) {}
  template <typename T>
  void operator()(const char* name, T& field, const char*) {
    known_.push_back(name);
    if constexpr (requires(JsonStrictReader r) { field.VisitFields(r); }) {
      const nlohmann::json* inner = fields_.Object(name);
      if (inner == nullptr) return;
      JsonStrictReader reader(*inner, path_ + name + ".", complaints_);
      field.VisitFields(reader);
      reader.Finish();
    } else {
      fields_.Read(name, field);
    }
  }
  void Finish();

 private:
  JsonFields fields_;
  const nlohmann::json& object_;
  std::string path_;
  std::vector<std::string>& complaints_;
  std::vector<std::string> known_;
};

}  // namespace occvla::model

#include "occvla/base/safetensors_header.h"

#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "occvla/base/error.h"
#include "occvla/base/json_reading.h"
#include "occvla/base/text.h"

namespace occvla {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kMetadataName = "__metadata__";
constexpr size_t kMaxRank = 64;  // What torch can address, generously.

// Walks the header's JSON without a tree: a header of 100 MB would cost gigabytes as one.
class HeaderReader final : public nlohmann::json_sax<Json> {
 public:
  HeaderReader(const std::string& where, const size_t* read) : where_(where), read_(read) {}

  SafetensorsHeader Take() { return std::move(header_); }

  bool null() override { return Unexpected("null"); }
  bool boolean(bool value) override { return Unexpected(value ? "true" : "false"); }
  bool number_integer(number_integer_t value) override { return Unexpected(std::to_string(value)); }
  bool number_float(number_float_t, const string_t& text) override {
    return Unexpected(Printable(text, 40));
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (place_ == Place::kShape) {
      if (entry_.shape.size() == kMaxRank)
        Fail("has more than " + std::to_string(kMaxRank) + " sizes in its shape");
      if (value > uint64_t{INT64_MAX})
        Fail("has the size " + std::to_string(value) +
             " in its shape, which does not fit into 63 bits");
      entry_.shape.push_back(static_cast<int64_t>(value));
      return true;
    }
    if (place_ == Place::kOffsets && offsets_.size() < 2) {
      offsets_.push_back(value);
      return true;
    }
    return Unexpected(std::to_string(value));
  }
  bool string(string_t& value) override {
    if (place_ == Place::kMetadata) {
      if (!header_.metadata.emplace(field_, std::move(value)).second)
        FailAt("the name " + Quoted(field_) + " occurs twice in \"__metadata__\"");
      return true;
    }
    if (place_ != Place::kTensor || field_ != "dtype") return Unexpected(Quoted(value, 60));
    const auto dtype = DTypeFromSafetensorsName(value);
    if (!dtype) Fail("has the dtype " + Quoted(value, 60) + ", which is not supported");
    entry_.dtype = *dtype;
    return true;
  }
  bool binary(binary_t&) override { return false; }  // Not in JSON text.

  bool key(string_t& name) override {
    if (place_ == Place::kRoot) {
      if (!names_.insert(name).second) FailAt("the name " + Quoted(name) + " occurs twice");
      name_ = std::move(name);
      return true;
    }
    field_ = std::move(name);
    if (place_ == Place::kMetadata) return true;
    const int field = field_ == "dtype"          ? 1
                      : field_ == "shape"        ? 2
                      : field_ == "data_offsets" ? 4
                                                 : 0;
    if (field == 0) Fail("has the unknown field " + Quoted(field_));
    if (fields_ & field) Fail("has the field " + Quoted(field_) + " twice");
    fields_ |= field;
    return true;
  }
  bool start_object(std::size_t) override {
    if (place_ == Place::kStart) {
      place_ = Place::kRoot;
      return true;
    }
    if (place_ != Place::kRoot) return Unexpected("an object");
    place_ = name_ == kMetadataName ? Place::kMetadata : Place::kTensor;
    entry_ = {};
    offsets_.clear();
    fields_ = 0;
    return true;
  }
  bool end_object() override {
    if (place_ == Place::kTensor) FinishTensor();
    place_ = place_ == Place::kRoot ? Place::kStart : Place::kRoot;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::kTensor || field_ == "dtype") return Unexpected("an array");
    place_ = field_ == "shape" ? Place::kShape : Place::kOffsets;
    return true;
  }
  bool end_array() override {
    place_ = Place::kTensor;
    return true;
  }
  bool parse_error(std::size_t, const std::string&,
                   const nlohmann::detail::exception& error) override {
    FailAt(JsonSyntaxProblem(error));
  }

 private:
  enum class Place { kStart, kRoot, kMetadata, kTensor, kShape, kOffsets };

  [[noreturn]] void FailAt(const std::string& problem) const {
    // Offsets count from the start of the file, whose first 8 bytes are the header's length.
    throw CheckpointError(where_ + ": header at byte " + std::to_string(*read_ + 8) + ": " +
                          problem +
                          ". The file is damaged or not safetensors: fetch or convert it again.");
  }
  [[noreturn]] void Fail(const std::string& problem) const {
    FailAt("tensor " + Quoted(name_) + " " + problem);
  }
  [[noreturn]] bool Unexpected(const std::string& found) const {
    switch (place_) {
      case Place::kStart:
        FailAt("expected an object of tensors, found " + found);
      case Place::kRoot:
        FailAt("expected an object for " + Quoted(name_) + ", found " + found);
      case Place::kMetadata:
        FailAt("expected a string for " + Quoted(field_) + " in \"__metadata__\", found " + found);
      case Place::kTensor:
        Fail("expected " + std::string(field_ == "dtype" ? "a string" : "an array") + " for \"" +
             field_ + "\", found " + found);
      case Place::kShape:
        Fail("expected sizes of at least 0 in \"shape\", found " + found);
      case Place::kOffsets:
        break;
    }
    Fail("expected two offsets of at least 0 in \"data_offsets\", found " + found);
  }
  void FinishTensor() {
    for (const auto& [bit, field] :
         {std::pair(1, "dtype"), std::pair(2, "shape"), std::pair(4, "data_offsets")})
      if (!(fields_ & bit)) Fail("lacks the field \"" + std::string(field) + "\"");
    if (offsets_.size() != 2)
      Fail("expected two offsets in \"data_offsets\", found " + std::to_string(offsets_.size()));
    entry_.begin = offsets_[0];
    entry_.end = offsets_[1];
    const std::string type =
        std::string(SafetensorsName(entry_.dtype)) + " " + ShapeText(entry_.shape);
    const std::string range =
        "data_offsets [" + std::to_string(entry_.begin) + ", " + std::to_string(entry_.end) + "]";
    if (entry_.begin > entry_.end) Fail("has " + range + ", which end before they begin");
    const auto bytes = ByteCount(entry_.dtype, entry_.shape);
    if (!bytes) Fail("is " + type + ", whose size does not fit into 63 bits");
    if (*bytes != entry_.end - entry_.begin) {
      Fail("is " + type + ", which takes " + std::to_string(*bytes) + " bytes, but its " + range +
           " span " + std::to_string(entry_.end - entry_.begin));
    }
    header_.tensors.emplace(name_, std::move(entry_));
  }

  const std::string& where_;
  const size_t* read_;
  SafetensorsHeader header_;
  std::set<std::string, std::less<>> names_;
  Place place_ = Place::kStart;
  std::string name_, field_;  // The tensor and the field being read.
  SafetensorsEntry entry_;
  std::vector<uint64_t> offsets_;
  int fields_ = 0;  // Bits of the fields seen.
};

}  // namespace

SafetensorsHeader ParseSafetensorsHeader(std::string_view text, const std::string& where) {
  size_t read = 0;
  HeaderReader reader(where, &read);
  ReadJsonEvents(text, &read, &reader);
  return reader.Take();
}

std::string SafetensorsHeaderText(std::span<const SafetensorsWriter::Declaration> tensors,
                                  const std::map<std::string, std::string>& metadata,
                                  const std::string& where) {
  const auto quoted = [&](const std::string& text) {
    if (!IsValidUtf8(text))
      throw CheckpointError(where + ": " + Quoted(text) + " cannot be written: it is not UTF-8.");
    return Json(text).dump();
  };
  std::string json = "{";
  if (!metadata.empty()) {
    json += "\"__metadata__\":{";
    for (const auto& [name, value] : metadata) json += quoted(name) + ":" + quoted(value) + ",";
    json.back() = '}';
    json += ",";
  }
  std::set<std::string_view> names{kMetadataName};
  uint64_t offset = 0;
  for (const auto& tensor : tensors) {
    if (!names.insert(tensor.name).second) {
      throw CheckpointError(where + ": the tensor name " + Quoted(tensor.name) +
                            " cannot be written: it is " +
                            (tensor.name == kMetadataName ? "reserved." : "declared twice."));
    }
    const auto bytes = ByteCount(tensor.dtype, tensor.shape);
    json += quoted(tensor.name) + ":{\"dtype\":\"" + std::string(SafetensorsName(tensor.dtype)) +
            "\",\"shape\":" + Json(tensor.shape).dump() + ",\"data_offsets\":[" +
            std::to_string(offset) + "," + std::to_string(offset + bytes.value()) + "]},";
    offset += bytes.value();
    if (offset > uint64_t{INT64_MAX})
      throw CheckpointError(where + ": the tensors together do not fit into 63 bits of bytes.");
  }
  if (json.back() == ',') json.pop_back();
  json += "}";
  json.append((64 - (8 + json.size()) % 64) % 64, ' ');
  if (json.size() > kMaxSafetensorsHeader) {
    throw CheckpointError(where + ": the header would take " + std::to_string(json.size()) +
                          " bytes, at most " + std::to_string(kMaxSafetensorsHeader) +
                          " are allowed. Write several files.");
  }
  std::string length(8, '\0');
  for (size_t i = 0; i < 8; ++i) length[i] = static_cast<char>(json.size() >> (8 * i));
  return length + json;
}

}  // namespace occvla
